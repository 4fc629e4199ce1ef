"""What the reading process reads is what the readers read in place."""

import numpy as np
import pytest
from safetensors.torch import save

from ncviz.data.images import read_image
from ncviz.data.user_data import uploads
from ncviz.errors import DataError, ModelError
from ncviz.models.catalogue.architectures import build_seeded
from ncviz.models.files.open_file import read_file
from ncviz.models.files.write_file import write_file
from ncviz.models.network import Network
from ncviz.reading import doors
from ncviz.reading.confined import Answer
from tests.examples.image_files import SMALL, image_file, npz_of, pixels, tree, zip_of
from tests.fuzz import networks, programs


def same(one, other):
    assert one.fingerprint == other.fingerprint
    for name in ("name", "title", "architecture", "dataset", "format", "classes", "input_shape", "prefix", "words",
                 "notes", "blueprint", "original", "is_bundled"):  # fmt: skip
        assert getattr(one, name) == getattr(other, name), name
    assert {name: values.dtype for name, values in one.arrays.items()} == {
        name: values.dtype for name, values in other.arrays.items()
    }


@pytest.mark.slow
def test_networks_of_every_format():
    for name, content in (
        networks.onnx_graph(),
        programs.program(),
        ("net.safetensors", save(build_seeded("resnet20-cifar10", 1).state_dict())),
    ):
        same(doors.read_network_file(content, name), read_file(content, name, is_asking=True))
    # What was built to compare weights with is no memory that the file left behind.
    assert doors.READER.running == 1
    with pytest.raises(ModelError) as caught:
        read_file(b"PK\3\4", "a.pt")
    with pytest.raises(ModelError, match="^a.pt is a damaged") as confined:
        doors.read_network_file(b"PK\3\4", "a.pt")
    assert str(confined.value) == str(caught.value)
    content = save(build_seeded("lenet-mnist-relu", 1).state_dict())
    assert doors.read_network_file(content, "net.safetensors") == (
        "architecture",
        ("lenet-mnist-relu", "lenet-mnist-tanh"),
    )


@pytest.mark.slow
@pytest.mark.parametrize("make", [networks.onnx_graph, programs.program])
def test_a_network_goes_back_as_it_would_in_place(make):
    name, content = make()
    network = read_file(content, name)
    changed = {name: values / 2 for name, values in list(network.arrays.items())[:1]}
    written, expected = (write(network, changed) for write in (doors.write_network_file, write_file))
    # The same bytes, but for the time at which an archive was written.
    assert written[1] == expected[1]
    back, there = (read_file(file, f"b{ending}") for file, ending in (written, expected))
    for name, values in there.arrays.items():
        np.testing.assert_array_equal(back.arrays[name], values)
    with pytest.raises(ModelError, match="no such weights"):
        doors.write_network_file(network, {"strange": np.zeros(3, np.float32)})


def test_images_of_every_kind():
    files, images = tree(("cat", "dog"))
    for name, content in (
        ("a.zip", zip_of(files)),
        ("a.npz", npz_of(x=images, y=np.arange(len(images)) % 2)),
        ("a.png", image_file(pixels())),
    ):
        found, expected = (door.read_uploads([(name, content)], SMALL) for door in (doors, uploads))
        assert (found.name, found.title, found.classes, found.notes) == (
            expected.name, expected.title, expected.classes, expected.notes,
        )  # fmt: skip
        assert doors.shared_size([(name, content)]) == uploads.shared_size([(name, content)])
    picture = image_file(pixels(3))
    np.testing.assert_array_equal(
        doors.read_image(picture, "a.png", SMALL), read_image(picture, "a.png", SMALL)
    )
    with pytest.raises(DataError, match="cannot be read"):
        doors.read_image(b"junk", "a.png", SMALL)


CAME = Network("a", "A", "onnx", "", {}, is_bundled=False, original=b"", format="onnx")


@pytest.mark.parametrize(
    "value", [None, {}, {"what": 1}, {"parts": [["all", 1, False]]}, {"parts": [["all", 1, True]]}]
)
@pytest.mark.parametrize("shape", [(1, 3, 8, 9), (3, 8)])
def test_an_answer_that_no_reader_gives_is_one_sentence(monkeypatch, value, shape):
    answer = Answer(value, [np.zeros(shape, np.uint8)])
    monkeypatch.setattr(doors.READER, "call", lambda *given, **named: answer)
    for error, read in (
        (ModelError, lambda: doors.read_network_file(b"", "a.onnx")),
        (ModelError, lambda: doors.write_network_file(CAME, {})),
        (DataError, lambda: doors.read_uploads([("a.png", b"")], SMALL)),
        (DataError, lambda: doors.read_image(b"", "a.png", SMALL)),
    ):
        with pytest.raises(error, match="never does"):
            read()
