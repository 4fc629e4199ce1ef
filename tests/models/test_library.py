import json

import numpy as np
import pytest
import torch

from ncviz.errors import DataError, ModelError
from ncviz.models import library
from ncviz.models.catalogue.architectures import build_seeded
from ncviz.models.files.graph.blueprint import Blueprint, Step
from ncviz.models.library import library_folder, list_networks, open_saved, remove_saved, save_network
from ncviz.models.network import Network, open_network

FIELDS = (
    "title",
    "architecture",
    "dataset",
    "format",
    "classes",
    "input_shape",
    "prefix",
    "words",
    "blueprint",
    "original",
)


def own(name="mine.pt", **changes):
    arrays = {key: value.numpy() for key, value in build_seeded("resnet8@3", 0).state_dict().items()}
    facts = {
        "title": "Mine <b>*",
        "architecture": "resnet8-cifar10@3",
        "dataset": "",
        "arrays": arrays,
        "is_bundled": False,
        "format": "pt",
        "classes": ("cat", "Hund", "鳥"),
        "input_shape": (3, 40, 32),
        "prefix": "module.",
        "words": (("stage", "layer"),),
        **changes,
    }
    return Network(name, **facts)


def with_graph():
    blueprint = Blueprint(
        (1, 2, 2),
        (
            Step("flat", "flatten", ("input",), (("start", 1),)),
            Step("fc", "linear", ("flat",), (("bias", True), ("in_features", 4), ("out_features", 2))),
        ),
        "fc",
    )
    arrays = {"fc.weight": np.arange(8, dtype="float32").reshape(2, 4), "fc.bias": np.ones(2, "float32")}
    return Network(
        "net.onnx",
        "Net",
        "onnx",
        "digits",
        arrays,
        is_bundled=False,
        blueprint=blueprint,
        original=b"\x08file",
        format="onnx",
    )


@pytest.mark.parametrize("make", [own, with_graph, lambda: open_network("mlp-digits-relu")])
def test_what_is_saved_comes_back(tmp_path, make):
    network = make()
    name = save_network(tmp_path / "new", network)
    assert save_network(tmp_path / "new", network) == name
    found = open_saved(tmp_path / "new", name)
    assert found.fingerprint == network.fingerprint
    assert all(getattr(found, field) == getattr(network, field) for field in FIELDS)
    inputs = torch.rand(2, *network.image_shape if make is not with_graph else (1, 2, 2))
    with torch.no_grad():
        assert torch.equal(found.module()(inputs), network.module()(inputs))
    (saved,) = list_networks(tmp_path / "new")
    assert (saved.name, saved.title, saved.architecture) == (name, network.title, network.architecture)
    assert saved.bytes == sum(path.stat().st_size for path in (tmp_path / "new").iterdir())
    assert not any(path.suffix in {".pt", ".pkl"} for path in (tmp_path / "new").iterdir())
    remove_saved(tmp_path / "new", name)
    assert not list((tmp_path / "new").iterdir())
    with pytest.raises(ModelError, match="there are: none yet"):
        open_saved(tmp_path / "new", name)


@pytest.mark.parametrize(
    "name", ["../../evil", "/etc/passwd", "", ".", "a/b\\c\0d", "ω" * 300, "con.json" * 99]
)
def test_names_stay_in_the_folder(tmp_path, name):
    folder = tmp_path / "inner" / "library"
    found = save_network(folder, own(name))
    assert {path.parent for path in tmp_path.rglob("*") if path.is_file()} == {folder}
    assert open_saved(folder, found).fingerprint == own().fingerprint


@pytest.mark.parametrize("name", ["../outside", "..", "", "a/b", "x" * 200, "nothing"])
def test_names_that_are_none_are_refused(tmp_path, name):
    folder = tmp_path / "library"
    save_network(folder, own())
    (tmp_path / "outside.json").write_text("{}")
    for call in (open_saved, remove_saved):
        with pytest.raises(ModelError, match="is saved; there are: mine.pt-"):
            call(folder, name)
    assert (tmp_path / "outside.json").exists()


@pytest.mark.parametrize(
    "damage",
    [
        {"format": "other"},
        {"input_shape": [0, 1]},
        {"input_shape": "3"},
        {"classes": 7},
        {"classes": [1]},
        {"title": None},
        {"blueprint": "{}"},
        {"blueprint": 3},
        {"architecture": "resnet20"},
        {"architecture": "nothing"},
        {"has_original": True},
    ],
)
def test_damaged_facts_are_one_sentence(tmp_path, damage):
    name = save_network(tmp_path, own())
    path = tmp_path / f"{name}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **damage}))
    with pytest.raises(ModelError) as caught:
        open_saved(tmp_path, name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "[", "[]", "null", "[" * 100_000])
def test_files_that_are_none_are_left_out_of_the_list(tmp_path, content):
    name = save_network(tmp_path, own())
    (tmp_path / "other.json").write_text(content)
    assert [saved.name for saved in list_networks(tmp_path)] == [name]
    with pytest.raises(ModelError, match="is damaged"):
        open_saved(tmp_path, "other")


def test_a_network_outlives_the_images_that_it_was_shown_on(tmp_path):
    network = own(dataset="own-0123", input_shape=None)
    found = open_saved(tmp_path, save_network(tmp_path, network))
    assert (found.dataset, found.fingerprint) == ("own-0123", network.fingerprint)
    with pytest.raises(DataError):
        _ = found.image_shape


def test_damaged_weights_are_one_sentence(tmp_path):
    name = save_network(tmp_path, own())
    path = tmp_path / f"{name}.safetensors"
    for content in (b"", b"junk" * 100, path.read_bytes()[:-5]):
        path.write_bytes(content)
        with pytest.raises(ModelError):
            open_saved(tmp_path, name)
    path.unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        open_saved(tmp_path, name)


def test_the_folder_is_bounded_and_can_be_chosen(tmp_path, monkeypatch):
    monkeypatch.setattr(library, "MAX_SAVED", 1)
    save_network(tmp_path, own())
    save_network(tmp_path, own())
    with pytest.raises(ModelError, match="holds 1 networks, the most that are kept"):
        save_network(tmp_path, with_graph())
    monkeypatch.setattr(library, "LIMITS", type(library.LIMITS)(file_bytes=1000))
    with pytest.raises(ModelError, match="at most 0 MB are saved"):
        save_network(tmp_path, own())
    monkeypatch.setenv("NCVIZ_LIBRARY", str(tmp_path / "own"))
    assert library_folder() == tmp_path / "own"
    monkeypatch.delenv("NCVIZ_LIBRARY")
    assert library_folder().name == "networks"
    assert list_networks(tmp_path / "nowhere") == []
    (tmp_path / "file").write_text("")
    monkeypatch.undo()
    with pytest.raises(ModelError, match="cannot be written"):
        save_network(tmp_path / "file", own())
