"""The registry of users' own data, what it shares with every data set, and keeping it on disk."""

import json
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from ncviz.data.datasets import find_dataset, load_dataset
from ncviz.data.fingerprints import data_fingerprint
from ncviz.data.user_data import registry as own_module
from ncviz.data.user_data.image_files import read_zip
from ncviz.data.user_data.registry import Part, UserData, UserDataRegistry, find_user_data, register
from ncviz.data.user_data.saved import open_saved, save_user_data, saved_names
from ncviz.errors import DataError
from tests.examples.image_files import GREY, SMALL, npy_of, tree, zip_of


def made(seed=0, labels=True, split=False, count=6, settings=SMALL, kind=np.uint8, title="mine"):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, *settings.input_shape), dtype=np.uint8)
    images = images if kind == np.uint8 else images / np.float32(255)
    own = np.arange(count) % 3 if labels else None
    if not split:
        return UserData(title, ("a", "b", "c"), settings, {"all": Part(images, own, count)})
    half = count // 2
    parts = {
        name: Part(images[rows], None if own is None else own[rows], half)
        for name, rows in (("train", slice(0, half)), ("test", slice(half, None)))
    }
    return UserData(title, ("a", "b", "c"), settings, parts)


def test_a_registered_set_is_a_data_set_like_any_other():
    own = made(split=True)
    name = register(own)
    assert name.startswith("own-")
    spec = find_dataset(name)
    assert (spec.name, spec.title, spec.classes, spec.input_shape) == (name, "mine", own.classes, (3, 8, 8))
    assert spec.sizes == {"train": 3, "test": 3}
    assert spec.is_user_data
    assert not find_dataset("mnist").is_user_data
    data = load_dataset(name, "train", "/nowhere")
    assert torch.equal((255 * data.inputs).round(), torch.from_numpy(own.parts["train"].images).float())
    assert data.labels.tolist() == [0, 1, 2]
    assert data.has_labels
    assert data.is_complete
    assert data.description == "all 3 train images of mine"
    assert len({data_fingerprint(name, split, None) for split in ("train", "test")}) == 2
    with pytest.raises(DataError, match='must be "train" or "test"'):
        load_dataset(name, "all")


def test_one_part_serves_as_both():
    name = register(made())
    train, test = (load_dataset(name, split) for split in ("train", "test"))
    assert torch.equal(train.inputs, test.inputs)
    assert (
        train.description
        == test.description
        == "all 6 images of mine, which serve both to calibrate and to evaluate"
    )
    assert data_fingerprint(name, "train", None) == data_fingerprint(name, "test", None)


def test_without_labels_nothing_counts_as_right():
    data = load_dataset(register(made(labels=False)))
    assert not data.has_labels
    assert data.labels.tolist() == [-1] * 6


def test_name_and_fingerprint_follow_the_content():
    first = made()
    assert made().name == first.name
    others = [
        made(seed=1),
        made(labels=False),
        made(settings=replace(SMALL, std=(0.5,))),
        replace(first, classes=("a", "b", "d")),
        made(split=True),
        made(title="other"),
        made(kind=np.float32),
    ]
    assert len({own.name for own in [first, *others]}) == 1 + len(others)
    prints = [own.fingerprint("train") for own in [first, *others]]
    # What only names things leaves the results as they are.
    assert prints[0] == prints[4] == prints[6]
    assert len(set(prints)) == 6


def test_the_registry_is_bounded_and_the_least_used_goes():
    first, second, third = (made(seed) for seed in range(3))
    registry = UserDataRegistry(2 * first.nbytes)
    names = [registry.register(own) for own in (first, second)]
    registry.find(names[0])
    registry.register(third)
    assert registry.find(names[0]) is first
    with pytest.raises(DataError, match=r"are no longer on the server; bring them again\.$"):
        registry.find(names[1])
    assert registry.register(made(0)) == names[0]
    assert registry.find(names[0]) is first
    tiny = UserDataRegistry(1)
    assert tiny.find(tiny.register(first)) is first


def test_many_threads_register_at_once():
    registry = UserDataRegistry(20 * made().nbytes)
    problems = []

    def work(seed):
        try:
            for turn in range(30):
                own = made((seed + turn) % 10)
                assert registry.find(registry.register(own)).name == own.name
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems


def test_what_is_gone_is_said_everywhere():
    name = made(seed=99).name
    for ask in (
        find_dataset,
        find_user_data,
        load_dataset,
        lambda name: data_fingerprint(name, "train", None),
    ):
        with pytest.raises(DataError, match="no longer on the server; bring them again"):
            ask(name)
    assert own_module.is_user_data(name)
    assert not own_module.is_user_data("mnist")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"parts": {}}, "needs a training and a test part"),
        ({"parts": {"train": Part(np.zeros((1, 3, 8, 8), np.uint8), None, 1)}}, "needs a training and a test"),
        ({"parts": {"all": Part(np.zeros((0, 3, 8, 8), np.uint8), None, 0)}}, "at least one image"),
        ({"parts": {"all": Part(np.zeros((1, 3, 8, 7), np.uint8), None, 1)}}, "at least one image of shape"),
        ({"parts": {"all": Part(np.zeros((1, 3, 8, 8)), None, 1)}}, "got float64"),
        ({"parts": {"all": Part(np.zeros((1, 3, 8, 8), np.uint8), np.zeros(2, np.int64), 1)}}, "one label for each"),
        ({"classes": ("a", "b")}, "run from 0 to 2, but it has 2 classes"),
    ],
)  # fmt: skip
def test_parts_that_do_not_belong_together(changes, match):
    with pytest.raises(DataError, match=match):
        replace(made(), **changes)


def test_labels_in_one_part_alone():
    own = made(split=True)
    parts = {**own.parts, "test": replace(own.parts["test"], labels=None)}
    with pytest.raises(DataError, match="One part of mine has labels and the other has none"):
        replace(own, parts=parts)


@pytest.mark.parametrize(
    "own", [made(), made(labels=False, split=True), made(kind=np.float32, settings=GREY)]
)
def test_kept_and_opened_again(tmp_path, own):
    own = replace(own, notes=("Something was left out.",))
    path = save_user_data(tmp_path / "kept", own)
    again = open_saved(tmp_path / "kept", own.name)
    assert again.name == own.name == path.stem
    assert (again.title, again.classes, again.settings, again.notes) == (
        own.title,
        own.classes,
        own.settings,
        own.notes,
    )
    assert saved_names(tmp_path / "kept") == (own.name,)
    assert [file.name for file in (tmp_path / "kept").iterdir()] == [path.name]
    assert torch.equal(load_dataset(register(again)).inputs, load_dataset(register(own)).inputs)


def test_black_images_are_no_bomb(tmp_path):
    count = 6000
    black = UserData("b", (), SMALL, {"all": Part(np.zeros((count, 3, 8, 8), np.uint8), None, count)})
    save_user_data(tmp_path, black)
    assert open_saved(tmp_path, black.name).name == black.name


def test_kept_files_that_were_changed_or_damaged(tmp_path):
    own = made()
    path = save_user_data(tmp_path, own)
    content = path.read_bytes()
    with pytest.raises(DataError, match="not the name of images that were kept"):
        open_saved(tmp_path, "../secret")
    with pytest.raises(DataError, match="cannot be read"):
        open_saved(tmp_path, "own-" + "0" * 32)
    other = made(seed=1)
    path.write_bytes(save_user_data(tmp_path, other).read_bytes())
    with pytest.raises(DataError, match="was changed after it was kept"):
        open_saved(tmp_path, own.name)
    about = {"totals": {"all": 6}, "title": "x", "classes": [], "settings": {}, "notes": []}
    for text in (json.dumps(about), "{}", "[]", "junk"):
        packed = npy_of(np.frombuffer(text.encode(), dtype=np.uint8))
        path.write_bytes(
            zip_of({"about.json.npy": packed, "all_images.npy": npy_of(own.parts["all"].images)})
        )
        with pytest.raises(DataError, match="damaged"):
            open_saved(tmp_path, own.name)
    for damaged in (b"", content[:-40], content[: len(content) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(DataError):
            open_saved(tmp_path, own.name)


def test_a_folder_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be kept in"):
        save_user_data(tmp_path / "file", made())
    assert saved_names(tmp_path / "missing") == ()


def test_an_interrupted_save_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(np, "savez", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        save_user_data(tmp_path, made())
    assert list(tmp_path.iterdir()) == []


def test_from_a_zip_to_inputs():
    files, arrays = tree(["train/a", "train/b", "test/b"], size=(8, 8))
    settings = replace(SMALL, mean=(0.5,), std=(0.25,))
    data = load_dataset(register(read_zip(zip_of(files), settings, "pets.zip")), "train")
    wanted = (torch.from_numpy(arrays[2:]).float() / 255 - 0.5) / 0.25
    assert torch.allclose(data.inputs, wanted)
    assert data.mean == (0.5,) * 3
    assert (255 * data.pictures()).round().to(torch.uint8).numpy().tolist() == arrays[2:].tolist()
