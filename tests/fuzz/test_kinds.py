"""One small file of each kind that once took gigabytes or minutes, and a sample of those with a number turned up."""

import sys
import time

import pytest

from ncviz.errors import NcvizError
from tests.fuzz import networks, pictures, programs
from tests.fuzz.readers import READERS, read
from tests.fuzz.running import fuzz

# How many files of each reader; those that take longer get fewer.
IMAGES = {"png": 2_300, "jpeg": 2_900, "tiff": 4_000, "gif": 4_000, "zip": 1_000, "npz": 2_000}
NETWORKS = {"onnx": 800, "pt2": 1_000, "pt": 800, "safetensors": 1_200}
REFUSED = {
    "classes taken from a shape": (pictures.npz, {"columns": 500_000}, "500,000 classes"),
    "labels of no images": (pictures.npz, {"labels": 500_000}, "500,000 images"),
    "tiles larger than their image": (pictures.tiff, {"tile": 46_000}, "tiles have"),
    "passes over a picture": (pictures.jpeg, {"scans": 1_000}, "more than 100 passes"),
    "parts of a picture": (pictures.png, {"parts": 50_000}, "parts"),
    "comments of a picture": (pictures.gif, {"comments": 50_000}, "parts"),
    "pixels of an archive": (pictures.zipped, {"images": 8, "side": 4_900}, "pixels in all"),
    "entries of a directory": (networks.checkpoint, {"listed": 20_000}, "entries, at most 10,000"),
    "copies behind a base": (networks.onnx_arithmetic, {"rows": 100_000, "repeats": 9, "operator": "copies"}, "memory"),
    "arithmetic in half precision": (
        networks.onnx_arithmetic,
        {"rows": 20_000, "repeats": 200, "operator": "ReduceProd", "half": 1},
        "takes more|asks",
    ),
    "a long program backwards": (programs.program, {"relus": 1_900, "is_reversed": 1}, "nothing before it gives"),
    "constants over each other": (programs.constants, {"rows": 20_000, "columns": 20_000}, "makes a constant"),
    "values masked by others": (
        programs.constants,
        {"rows": 20_000, "columns": 20_000, "kind": "masked_fill"},
        "makes a constant",
    ),
    "a constant filled again and again": (
        programs.constants,
        {"rows": 1_000_000, "repeats": 1_500, "kind": "fill_"},
        "asks for",
    ),
    "an axis taken apart": (programs.constants, {"rows": 3_000_000, "kind": "unbind"}, "divides 3,000,000"),
    "bounds taken from a constant": (networks.onnx_settings, {"numbers": 9_000_000}, "do not fit"),
    "the largest of a square": (networks.onnx_settings, {"numbers": 30_000, "operator": "Max"}, "memory"),
    "outputs of a graph": (networks.onnx_graph, {"layers": 200, "outputs": 200}, "outputs, at most 100"),
    "dicts over one storage": (
        networks.checkpoint,
        {"dicts": 60, "held": 500_000, "tensors": 1},
        "memory|more weights",
    ),
}  # fmt: skip
READ = {
    "an entry that unpacks past what it declares": (programs.program, {"past": 200_000_000}),
    "a long program": (programs.program, {"relus": 1_900}),
    "many names for one entry": (programs.program, {"views": 50, "held": 100_000}),
    "circles that no output needs": (networks.onnx_graph, {"circles": 1}),
    "a chain that no output needs": (networks.onnx_graph, {"unused": 3_000}),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", REFUSED)
def test_it_is_refused_before_the_work_is_done(kind):
    maker, numbers, expected = REFUSED[kind]
    name, content = maker(**numbers)
    begun = time.process_time()
    with pytest.raises(NcvizError, match=expected) as caught:
        read(name, content)
    assert "\n" not in str(caught.value)
    assert time.process_time() - begun < 12


@pytest.mark.slow
@pytest.mark.parametrize("kind", READ)
def test_it_takes_no_more_than_a_harmless_file(kind):
    maker, numbers = READ[kind]
    name, content = maker(**numbers)
    begun = time.process_time()
    read(name, content)
    assert time.process_time() - begun < 12


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="where memory is told for each file")
@pytest.mark.parametrize("files", [IMAGES, NETWORKS], ids=["images", "networks"])
def test_a_few_numbers_turned_up_take_little(files):
    for result in fuzz({reader: range(count) for reader, count in files.items()}, 2026):
        print(result)
        assert result["faults"] == []
        assert result["read"] + result["refused"] == result["files"] == files[result["reader"]]


def test_twenty_thousand_files_and_every_reader():
    assert sum((IMAGES | NETWORKS).values()) == 20_000
    assert (IMAGES | NETWORKS).keys() == READERS.keys()
