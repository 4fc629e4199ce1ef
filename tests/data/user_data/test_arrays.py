"""Arrays of the user's own, well-meant and hostile."""

import struct
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from ncviz.data.image_settings import ImageSettings
from ncviz.data.predicted_labels import fit_classes
from ncviz.data.user_data import arrays
from ncviz.data.user_data.arrays import read_arrays
from ncviz.errors import DataError
from tests.examples.image_files import GREY, SMALL, npy_of, npz_of, zip_of

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (5, 3, 8, 8), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 1, 0])


def refusal(content, match, settings=SMALL, **options):
    with pytest.raises(DataError, match=match) as caught:
        read_arrays(content, settings, "mine.npz", **options)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("name", ["images", "x", "X", "inputs", "data", "anything"])
@pytest.mark.parametrize("axes", [(0, 1, 2, 3), (0, 2, 3, 1)])
def test_images_in_any_order_of_axes(name, axes):
    own = read_arrays(npz_of(**{name: IMAGES.transpose(axes)}), SMALL, "mine")
    assert np.array_equal(own.parts["all"].images, IMAGES)
    assert not own.has_labels


def test_inputs_have_their_channels_where_the_network_takes_them():
    last = replace(SMALL, layout="channels_last")
    flat = IMAGES.transpose(0, 2, 3, 1).reshape(5, -1)
    for given in (IMAGES, IMAGES.transpose(0, 2, 3, 1), flat):
        own = read_arrays(npy_of(given), last, "mine")
        assert np.array_equal(own.parts["all"].images, IMAGES)
        inputs = own.tensors("train")[0]
        assert inputs.shape == (5, 8, 8, 3)
        assert np.array_equal(inputs.numpy(), IMAGES.transpose(0, 2, 3, 1) / np.float32(255))
    # Three rows of three colours: only the layout tells which axis is which.
    narrow = RNG.integers(0, 256, (4, 3, 5, 3), dtype=np.uint8)
    settings = replace(last, size=(3, 5))
    assert np.array_equal(
        read_arrays(npy_of(narrow), settings, "m").parts["all"].images, narrow.transpose(0, 3, 1, 2)
    )


def test_without_channels_and_flat():
    assert np.array_equal(read_arrays(npy_of(IMAGES[:, 0]), GREY, "m").parts["all"].images, IMAGES[:, :1])
    flat = IMAGES.reshape(5, -1)
    assert np.array_equal(read_arrays(npy_of(flat), SMALL, "m").parts["all"].images, IMAGES)
    assert np.array_equal(
        read_arrays(npy_of(IMAGES[:, 0]), SMALL, "m").parts["all"].images, IMAGES[:, :1].repeat(3, 1)
    )
    fortran = np.asfortranarray(IMAGES)
    assert np.array_equal(read_arrays(npy_of(fortran), SMALL, "m").parts["all"].images, IMAGES)


@pytest.mark.parametrize(
    ("values", "white"),
    [
        (IMAGES / np.float32(255), None),
        ((IMAGES / 255).astype(np.float16), None),
        (IMAGES.astype(np.float64), None),
        (IMAGES.astype(">i8"), None),
        (IMAGES.astype(np.float32) / 255 * 16, 16),
        (IMAGES.astype(np.uint16) * 257, 65535),
    ],
)
def test_other_types_are_pixels_from_black_to_white(values, white):
    own = read_arrays(npz_of(x=values), SMALL, "mine", white=white)
    assert own.parts["all"].images.dtype == np.float32
    assert np.abs(own.parts["all"].images - IMAGES / 255).max() < 1e-3


def test_masks():
    own = read_arrays(npz_of(x=IMAGES > 128), SMALL, "mine")
    assert np.array_equal(own.parts["all"].images, (IMAGES > 128).astype(np.float32))


def test_images_that_are_normalised_already_come_back_as_they_are():
    settings = ImageSettings(size=(8, 8), mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))
    mean, std = (np.array(part)[:, None, None] for part in (settings.mean, settings.std))
    inputs = ((IMAGES / 255 - mean) / std).astype(np.float32)
    own = read_arrays(npz_of(x=inputs), settings, "mine", is_normalised=True)
    assert np.abs(own.tensors("test")[0].numpy() - inputs).max() < 1e-5
    refusal(npz_of(x=inputs), "run from .* where 0 is black and 1 is white", settings)
    refusal(npz_of(x=np.abs(inputs)), "run from .* where 0 is black", settings)
    refusal(npz_of(x=inputs[:, :1]), "said to be normalised for 3", settings, is_normalised=True)


def test_another_size_is_resized():
    settings = ImageSettings(size=(4, 4), channels=1)
    own = read_arrays(npz_of(x=IMAGES), settings, "mine")
    assert own.parts["all"].images.shape == (5, 1, 4, 4)
    floats = read_arrays(npz_of(x=IMAGES / np.float32(255)), settings, "mine").parts["all"].images
    assert np.abs(255 * floats - own.parts["all"].images).max() < 2


@pytest.mark.parametrize(
    "labels",
    [
        LABELS,
        LABELS[:, None],
        LABELS.astype(np.float32),
        np.eye(3)[LABELS],
        np.array(["a", "b", "c"])[LABELS],
    ],
)
@pytest.mark.parametrize("name", ["y", "labels", "targets"])
def test_labels(labels, name):
    own = read_arrays(npz_of(images=IMAGES, **{name: labels}), SMALL, "mine")
    assert own.parts["all"].labels.tolist() == LABELS.tolist()
    assert own.classes == (("a", "b", "c") if labels.dtype.kind == "U" else ("0", "1", "2"))


def test_class_names_and_text_labels_of_their_own_order():
    names = np.array(["c", "b", "a", "d"])
    own = read_arrays(npz_of(x=IMAGES, y=LABELS, classes=names), SMALL, "mine")
    assert own.classes == ("c", "b", "a", "d")
    own = read_arrays(npz_of(x=IMAGES, y=names[LABELS].astype("S"), classes=names), SMALL, "mine")
    assert own.parts["all"].labels.tolist() == LABELS.tolist()
    refusal(npz_of(x=IMAGES, y=LABELS, classes=names[:2]), "names 2 classes, but its labels go up to 2")
    refusal(npz_of(x=IMAGES, y=names[LABELS], classes=names[:2]), "such as 'a'")
    refusal(npz_of(x=IMAGES, classes=np.arange(3)), "must be a list of at most 1,000 texts")


@pytest.mark.parametrize("form", ["{0}_{1}", "{1}_{0}"])
@pytest.mark.parametrize("second", ["test", "val"])
def test_splits(form, second):
    names = [(what, split) for split in ("train", second) for what in ("x", "y")]
    values = dict(zip(names, (IMAGES[:3], LABELS[:3], IMAGES[3:], LABELS[3:]), strict=True))
    own = read_arrays(npz_of(**{form.format(*name): value for name, value in values.items()}), SMALL, "mine")
    assert own.parts["train"].labels.tolist() == [0, 1, 2]
    assert np.array_equal(own.parts["test"].images, IMAGES[3:])
    alone = read_arrays(npz_of(**{form.format("x", second): IMAGES}), SMALL, "mine")
    assert set(alone.parts) == {"all"}


def test_fewer_are_drawn():
    many = np.arange(100, dtype=np.uint8)[:, None, None] + np.zeros((8, 8), np.uint8)
    own = read_arrays(npz_of(x=many, y=np.arange(100)), GREY, "mine", most=7)
    assert own.parts["all"].images[:, 0, 0, 0].tolist() == own.parts["all"].labels.tolist()
    assert len(own.parts["all"]) == 7
    assert own.description("test").startswith("7 of the 100 images of mine")


@pytest.mark.parametrize(
    ("held", "match"),
    [
        ({"x": IMAGES, "y": LABELS[:4]}, "shape .* and 4 labels"),
        ({"x": IMAGES, "y": LABELS + 0.5}, "must be whole numbers from 0 to 999"),
        ({"x": IMAGES, "y": LABELS - 1}, r"must be whole numbers .* from -1 to \d\.$"),
        ({"x": IMAGES, "y": LABELS + 1000}, r"must be whole numbers .* to 1,00\d\.$"),
        ({"x": IMAGES, "y": np.full(5, np.nan)}, "must be whole numbers"),
        ({"x": IMAGES, "y": np.array(3)}, "and 1 labels"),
        ({"x": IMAGES[:, :2]}, "have shape .*expected"),
        ({"x": IMAGES[0]}, "8, 8|channels|labels|shape"),
        ({"x": np.array(3.0)}, "expected"),
        ({"x": IMAGES[:0]}, "is empty"),
        ({"x": IMAGES * np.float32(np.nan)}, "infinite or undefined"),
        ({"x": IMAGES * 1000.0}, "run from"),
        ({"x": np.array(["a", "b"])}, "expected"),
        ({"a": IMAGES, "b": IMAGES}, "holds a, b; call the images 'images'"),
        ({"x": np.array([{}], dtype=object)}, "holds Python objects, which could only be read by running"),
        ({"x": IMAGES.astype(complex)}, "expected numbers"),
        ({"x": np.zeros(3, dtype=[("a", "u1")])}, "expected numbers"),
    ],
)
def test_arrays_that_are_no_images_and_labels(held, match):
    if held.get("x") is not None and held["x"].shape == (3, 8, 8):
        own = read_arrays(npz_of(**held), SMALL, "mine.npz")
        assert len(own.parts["all"]) == 3  # three grey images, not one in colour
        return
    with np.errstate(invalid="ignore"):
        refusal(npz_of(**held), match)


def header(text, version=(1, 0)):
    packed = text.encode().ljust(117) + b"\n"
    return (
        b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version == (1, 0) else "<I", len(packed)) + packed
    )


@pytest.mark.parametrize(
    "shape", ["(1000000000000,)", "(2, 2147483647, 2147483647)", "(-1, 8, 8)", "(9" + "9" * 60 + ",)", "(5,)"]
)
def test_a_header_that_lies_allocates_nothing(shape):
    content = header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}") + b"\0" * 100
    for file in (content, zip_of({"x.npy": content})):
        tracemalloc.start()
        refusal(file, "declares .* bytes but holds|damaged one")
        assert tracemalloc.get_traced_memory()[1] < 5e6
        tracemalloc.stop()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"junk",
        b"\x93NUMPY",
        b"\x93NUMPY\x09\x00" + b"\0" * 50,
        b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 60_000,
        header("[" * 110),
        header("__import__('os').system('touch /tmp/pwned')"),
        header("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}") + b"cos\nsystem\n",
        header("{'descr': '|V1', 'fortran_order': False, 'shape': (1,)}") + b"\0",
        header("{'descr': '<f16', 'fortran_order': False, 'shape': (1,)}") + b"\0" * 16,
        header("{'descr': '|u1', 'fortran_order': False, 'shape': " + "(1," * 30 + ")" * 30 + "}"),
        zip_of({}),
        zip_of({"x.npy": b"junk"}),
        zip_of({"x.txt": b"junk"}),
        zip_of({"../x.npy": npy_of(IMAGES)}),
        npz_of(x=IMAGES)[:-30],
        npy_of(IMAGES)[:-30],
        npy_of(IMAGES) + b"more",
    ],
)
def test_damaged_files_are_one_sentence(content):
    refusal(content, ".")


def test_too_many_are_refused_before_they_are_numbered(monkeypatch):
    refusal(npz_of(x=np.zeros((100_001, 1, 1), np.uint8)), "100,001 images, at most 100,000", GREY)
    monkeypatch.setattr(arrays, "drawn", lambda *_: pytest.fail("drawn"))
    refusal(npz_of(x=np.zeros((100_001, 1, 1), np.uint8)), "at most 100,000", GREY, most=5)


@pytest.mark.parametrize("white", [0, -1, float("inf"), "x"])
def test_white_must_be_a_positive_number(white):
    refusal(npz_of(x=IMAGES), "must count more than 0", white=white)


@pytest.mark.parametrize(
    ("values", "dtype", "white", "told"),
    [
        ((0, 16), "uint8", 16, "run from 0 to 16; 16 was taken for white"),
        ((0, 16), "float64", 16, "run from 0 to 16; 16 was taken for white"),
        ((0, 15), "int64", 15, "15 was taken for white"),
        ((0, 1), "uint8", 1, "1 was taken for white"),
        ((3, 100), "uint8", 255, "run from 3 to 100; 255 was taken for white"),
        ((0, 200), "uint8", 255, ""),
        ((0, 255), "float32", 255, ""),
        ((0, 1), "bool", 1, ""),
        ((0, 1), "float32", 1, ""),
        ((0, 0), "uint8", 255, ""),
    ],
)
def test_what_white_counts_is_found_out_and_told(values, dtype, white, told):
    pixels = np.tile(np.array(values, dtype=dtype), (4, 1, 8, 4))
    own = read_arrays(npy_of(pixels), GREY, "mine.npy")
    shown = own.tensors("test")[0]
    assert shown[0, 0, 0, :2].tolist() == pytest.approx([value / white for value in values])
    assert bool(own.notes) == bool(told)
    assert told in " ".join(own.notes)
    if white != 1:
        given = read_arrays(npy_of(pixels), GREY, "mine.npy", white=255)
        assert given.notes == ()
        assert given.tensors("test")[0][0, 0, 0, 1].item() == pytest.approx(values[1] / 255)


def test_both_splits_have_one_white():
    train, test = (np.full((2, 1, 8, 8), high, dtype=np.uint8) for high in (16, 12))
    own = read_arrays(npz_of(x_train=train, x_test=test), GREY, "mine.npz")
    assert own.tensors("train")[0].max() == 1
    assert own.tensors("test")[0].max() == pytest.approx(12 / 16)


def test_normalised_images_have_no_white():
    refusal(
        npy_of(IMAGES),
        "^Images that are normalised already have no white pixel of 255",
        white=255,
        is_normalised=True,
    )


def test_numbered_labels_are_the_networks_own_numbers():
    pixels, labels = np.zeros((12, 8, 8), dtype=np.uint8), np.arange(12)
    own = fit_classes(read_arrays(npz_of(images=pixels, labels=labels), GREY, "mine.npz"), ("",) * 12)
    # As texts, "10" stands before "2".
    assert own.part("test").labels.tolist() == list(range(12))
    assert own.classes == tuple(map(str, range(12)))


def test_labels_beyond_the_networks_classes_are_told_as_such():
    own = read_arrays(
        npz_of(images=np.zeros((2, 8, 8), dtype=np.uint8), labels=np.array([0, 42])), GREY, "badlab.npz"
    )
    with pytest.raises(DataError, match="of 43 classes, 0 to 42, but the network tells only 10 apart"):
        fit_classes(own, ("",) * 10)
