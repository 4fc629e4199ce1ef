"""Data sets that lie as single images in a folder for each class."""

import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from ncviz.data.datasets import DATASETS, load_dataset
from ncviz.data.fingerprints import data_fingerprint
from ncviz.data.known.folders import read_folder
from ncviz.errors import DataError

CLASSES = DATASETS["cifar10"].classes


def write_images(folder, name="cifar10", split="test", suffix="webp", per_class=2, size=(32, 32)):
    """Write small images losslessly; return them [n, C, H, W] and their labels in the order of the classes' names."""
    rng = np.random.default_rng(0)
    images, labels = [], []
    for kind in sorted(DATASETS[name].classes):
        inside = folder / name / split / kind
        inside.mkdir(parents=True)
        for number in range(per_class):
            channels = DATASETS[name].input_shape[0]
            pixels = rng.integers(0, 256, (*size, channels), dtype=np.uint8)
            options = {"lossless": True, "exact": True} if suffix == "webp" else {}
            Image.fromarray(pixels.squeeze()).save(inside / f"{number:04}.{suffix}", **options)
            images.append(pixels.transpose(2, 0, 1))
            labels.append(DATASETS[name].classes.index(kind))
    return np.stack(images), labels


def refusal(folder):
    with pytest.raises(DataError) as caught:
        load_dataset("cifar10", "test", folder)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv("NCVIZ_DATA", raising=False)
    write_images(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "suffix"), [("cifar10", "webp"), ("cifar10", "png"), ("mnist", "png"), ("cifar100", "png")]
)
def test_pixels_and_labels(tmp_path, name, suffix):
    images, labels = write_images(tmp_path, name, "train", suffix, size=DATASETS[name].input_shape[1:])
    data = load_dataset(name, "train", tmp_path)
    assert torch.equal((data.inputs * 255).round(), torch.from_numpy(images).float())
    assert data.labels.tolist() == labels
    assert data.labels.dtype == torch.int64
    assert data.classes == DATASETS[name].classes
    assert not data.is_complete
    with pytest.raises(DataError, match=f"lacks {DATASETS[name].title}"):
        load_dataset(name, "test", tmp_path)


def test_a_label_is_the_place_in_the_spec_and_not_in_the_alphabet(tmp_path):
    kinds = DATASETS["cifar100"].classes
    images, labels = write_images(tmp_path, "cifar100", per_class=1)
    spec = DATASETS["cifar100"]
    shuffled = tuple(reversed(kinds))
    read, found = read_folder(replace(spec, classes=shuffled), "test", tmp_path)
    assert np.array_equal(read, images)
    assert [shuffled[label] for label in found] == [kinds[label] for label in labels]


@pytest.mark.parametrize(
    ("change", "count"),
    [
        (lambda test: (test / "cat").rename(test / "lynx"), 10),
        (lambda test: (test / "lynx").mkdir(), 11),
        (lambda test: (test / "cat").rename(test.parent / "cat"), 9),
    ],
)
def test_other_classes_are_named(folder, change, count):
    change(folder / "cifar10" / "test")
    message = refusal(folder)
    assert message.startswith(
        f"The {count} folders in {folder / 'cifar10' / 'test'} are not the 10 classes of CIFAR-10"
    )
    assert "name them airplane, automobile, bird and so on" in message


def test_a_class_without_images_is_named(folder):
    for path in (folder / "cifar10" / "test" / "cat").iterdir():
        path.unlink()
    assert "cannot be read (Found no valid file for the classes cat" in refusal(folder)


@pytest.mark.parametrize("content", [b"", b"junk" * 100, None])
def test_a_damaged_image_is_one_sentence(folder, content):
    path = folder / "cifar10" / "test" / "dog" / "0001.webp"
    path.write_bytes(path.read_bytes()[:100] if content is None else content)
    message = refusal(folder)
    assert "cannot be read (" in message
    assert "expected CIFAR-10 as cifar10/<split>/<class>/<image>, all of one size" in message


def test_an_image_of_another_size_is_one_sentence(folder):
    Image.new("RGB", (32, 31)).save(folder / "cifar10" / "test" / "dog" / "0001.webp")
    assert "all of one size" in refusal(folder)


def test_images_that_are_all_of_another_size_are_one_sentence(tmp_path):
    write_images(tmp_path, size=(16, 16))
    assert "hold uint8 images of shape [20, 3, 16, 16]" in refusal(tmp_path)


def test_the_fingerprint_follows_the_images(folder):
    bundled = data_fingerprint("cifar10", "test", None)
    first = data_fingerprint("cifar10", "test", str(folder))
    assert first not in (bundled, data_fingerprint("cifar10", "train", None))
    path = folder / "cifar10" / "test" / "dog" / "0001.webp"
    content, time = path.read_bytes(), path.stat().st_mtime_ns
    Image.new("RGB", (32, 32), "red").save(path)
    changed = data_fingerprint("cifar10", "test", str(folder))
    assert changed != first
    path.write_bytes(content)
    os.utime(path, ns=(time + 10**9, time + 10**9))
    assert data_fingerprint("cifar10", "test", str(folder)) == first
    path.unlink()
    assert data_fingerprint("cifar10", "test", str(folder)) not in (first, changed)
    (folder / "cifar10" / "test" / "dog" / "notes.txt").write_text("no image")
    assert data_fingerprint("cifar10", "test", str(folder)) not in (first, changed)
