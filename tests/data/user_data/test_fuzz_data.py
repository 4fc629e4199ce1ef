"""Thousands of malformed files through every reader of images: one sentence or a data set, never anything else."""

import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from ncviz.data.images import read_image
from ncviz.data.user_data.arrays import read_arrays
from ncviz.data.user_data.image_files import read_zip
from ncviz.data.user_data.registry import UserData
from ncviz.data.user_data.saved import open_saved, save_user_data
from ncviz.errors import NcvizError
from tests.examples.image_files import SMALL, image_file, npy_of, npz_of, pixels, tree, zip_of

FILES = 3000
ARRAY = np.stack([pixels(seed) for seed in range(4)])


def _saved(content):
    with tempfile.TemporaryDirectory() as folder:
        name = "own-" + "0" * 32
        (Path(folder) / f"{name}.npz").write_bytes(content)
        open_saved(folder, name)


def _saved_seed():
    own = read_zip(zip_of(tree(["a", "b"])[0]), SMALL, "mine")
    with tempfile.TemporaryDirectory() as folder:
        return save_user_data(folder, own).read_bytes()


# What reads a file, and files that it can read; of use to any other fuzzing.
READERS = {
    "zip": (lambda content: read_zip(content, SMALL, "a.zip"), [
        zip_of(tree(["train/a", "test/b"])[0]), zip_of(tree([""])[0], 0),
    ]),
    "npz": (lambda content: read_arrays(content, SMALL, "a.npz"), [
        npz_of(x=ARRAY, y=np.arange(4), classes=np.array(list("abcd"))), npz_of(x_train=ARRAY / 255.0, x_test=ARRAY),
    ]),
    "npy": (lambda content: read_arrays(content, SMALL, "a.npy"), [npy_of(ARRAY), npy_of(ARRAY / np.float32(255))]),
    "saved": (_saved, [_saved_seed()]),
    **{
        kind.lower(): (lambda content: read_image(content, "a", SMALL), [image_file(pixels(1, (20, 20)), kind)])
        for kind in ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
    },
}  # fmt: skip


def mutated(seed, rng):
    """Return a file with bytes changed, cut out, put in, doubled, or numbers made extreme."""
    content = bytearray(seed)
    for _ in range(rng.integers(1, 5)):
        at = int(rng.integers(0, len(content) + 1))
        # Most of what a file declares stands at its ends.
        at = (
            at
            if rng.random() < 0.5
            else (min(at, 150) if rng.random() < 0.5 else max(0, len(content) - at % 150))
        )
        length = int(rng.integers(1, 9))
        way = rng.integers(0, 12) // 2.75
        if way == 0:
            content[at : at + length] = rng.integers(0, 256, length, dtype=np.uint8).tobytes()
        elif way == 1:
            del content[at : at + length]
        elif way == 2:
            content[at:at] = rng.integers(0, 256, length, dtype=np.uint8).tobytes()
        elif way == 3:
            content[at : at + 4] = [b"\xff" * 4, b"\0" * 4, b"\xff\xff\xff\x7f", b"9999"][rng.integers(0, 4)]
        else:
            content[at:] = content[at:][: int(rng.integers(0, len(content) - at + 1))]
    return bytes(content)


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_malformed_files(name):
    read, seeds = READERS[name]
    for seed in seeds if name != "saved" else []:
        assert isinstance(read(seed), (UserData, np.ndarray))
    rng = np.random.default_rng(sum(name.encode()))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused = 0
    for number in range(FILES):
        content = mutated(seeds[number % len(seeds)], rng)
        started = time.process_time()
        try:
            read(content)
        except NcvizError as error:
            refused += 1
            message = str(error)
            assert "\n" not in message
            assert len(message) < 700
        assert time.process_time() - started < 5, number
    assert refused > FILES / 20
    # In kilobytes on Linux.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000
