"""Data sets that torchvision reads, from files in their real formats."""

import hashlib

import numpy as np
import pytest
import torchvision

from ncviz.data.image_settings import ImageSettings
from ncviz.data.known.prepared import download_named, find_named, known_names, read_named
from ncviz.data.known.torchvision_sets import NAMED
from ncviz.data.specs import DATASETS
from ncviz.errors import DataError
from tests.data.test_datasets import write_cifar, write_idx

RNG = np.random.default_rng(0)
IDX = [name for name, named in NAMED.items() if named.input_shape == (1, 28, 28)]


def settings_of(name):
    shape = NAMED[name].input_shape
    return ImageSettings(size=shape[1:], channels=shape[0])


def write_idx_set(folder, name, count=30):
    written = {}
    for split, (image_file, label_file) in NAMED[name].files.items():
        images = RNG.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = np.arange(count) % len(NAMED[name].classes)
        write_idx(folder / image_file, images)
        write_idx(folder / label_file, labels)
        written[split] = images[:, None], labels
    return written


def write_svhn(folder, monkeypatch, count=12):
    from scipy.io import savemat

    written, lists = {}, {}
    for split in ("train", "test"):
        images = RNG.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)
        labels = np.arange(count) % 10
        # In the file zero is written as ten, and the images stand last.
        path = folder / f"{split}_32x32.mat"
        stored = np.where(labels == 0, 10, labels).astype(np.uint8)[:, None]
        savemat(path, {"X": images.transpose(2, 3, 1, 0), "y": stored}, do_compression=True)
        lists[split] = ["", path.name, hashlib.md5(path.read_bytes()).hexdigest()]
        written[split] = images, labels
    monkeypatch.setattr(torchvision.datasets.SVHN, "split_list", lists)
    return written


def write_stl10(folder, monkeypatch, count=10):
    base = folder / "stl10_binary"
    base.mkdir()
    written, lists = {}, {}
    for split in ("train", "test"):
        images = RNG.integers(0, 256, (count, 3, 96, 96), dtype=np.uint8)
        labels = np.arange(count) % 10
        (base / f"{split}_X.bin").write_bytes(images.transpose(0, 1, 3, 2).tobytes())
        (base / f"{split}_y.bin").write_bytes((labels + 1).astype(np.uint8).tobytes())
        lists[split] = [
            [file, hashlib.md5((base / file).read_bytes()).hexdigest()]
            for file in (f"{split}_X.bin", f"{split}_y.bin")
        ]
        written[split] = images, labels
    for split, expected in lists.items():
        monkeypatch.setattr(torchvision.datasets.STL10, f"{split}_list", expected)
    return written


def check(name, folder, written):
    own = read_named(name, settings_of(name), folder)
    assert own.title == NAMED[name].title
    assert own.classes == NAMED[name].classes
    for split, (images, labels) in written.items():
        assert np.array_equal(own.parts[split].images, images)
        assert own.parts[split].labels.tolist() == labels.tolist()
    assert own.description("test") == f"all {len(labels)} test images of {own.title}"


@pytest.mark.parametrize("name", IDX)
def test_files_like_mnists(tmp_path, name):
    check(name, tmp_path, write_idx_set(tmp_path, name))


def test_svhn(tmp_path, monkeypatch):
    check("svhn", tmp_path, write_svhn(tmp_path, monkeypatch))


def test_stl10(tmp_path, monkeypatch):
    check("stl10", tmp_path, write_stl10(tmp_path, monkeypatch))


def test_names_and_paths_are_torchvisions():
    sets = torchvision.datasets
    assert list(NAMED["fashion-mnist"].classes) == sets.FashionMNIST.classes
    assert list(NAMED["kmnist"].classes) == sets.KMNIST.classes
    for split in ("balanced", "letters", "digits"):
        assert list(NAMED[f"emnist-{split}"].classes) == sets.EMNIST.classes_split_dict[split]
    for split in ("train", "test"):
        assert NAMED["svhn"].files[split] == (sets.SVHN.split_list[split][1],)
        listed = getattr(sets.STL10, f"{split}_list")[:2]
        assert NAMED["stl10"].files[split] == tuple(f"{sets.STL10.base_folder}/{file}" for file, _ in listed)


@pytest.mark.parametrize("name", NAMED)
def test_missing_files_are_named(tmp_path, name):
    with pytest.raises(
        DataError, match=f"lacks {NAMED[name].title}: expected {NAMED[name].files['train'][0]}"
    ):
        read_named(name, settings_of(name), tmp_path)
    with pytest.raises(DataError, match="does not ship with ncviz; name a folder"):
        read_named(name, settings_of(name))


def test_a_legacy_pickle_beside_the_files_is_not_looked_at(tmp_path):
    written = write_idx_set(tmp_path, "fashion-mnist")
    legacy = tmp_path / "FashionMNIST" / "processed"
    legacy.mkdir()
    for file in ("training.pt", "test.pt"):
        (legacy / file).write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    check("fashion-mnist", tmp_path, written)


@pytest.mark.parametrize("content", [b"", b"junk" * 100, b"\x00\x00\x08\x03\x7f\xff\xff\xff" * 2])
def test_damaged_files_are_one_sentence(tmp_path, monkeypatch, content):
    write_idx_set(tmp_path, "kmnist")
    write_svhn(tmp_path, monkeypatch)
    (tmp_path / NAMED["kmnist"].files["test"][0]).write_bytes(content)
    (tmp_path / "test_32x32.mat").write_bytes(content)
    for name in ("kmnist", "svhn"):
        with pytest.raises(DataError, match="are incomplete or damaged|do not belong together") as caught:
            read_named(name, settings_of(name), tmp_path)
        assert "\n" not in str(caught.value)


def test_labels_of_another_set_are_refused(tmp_path):
    write_idx_set(tmp_path, "kmnist")
    write_idx(tmp_path / NAMED["kmnist"].files["train"][1], np.full(30, 11))
    with pytest.raises(DataError, match="do not belong together"):
        read_named("kmnist", settings_of("kmnist"), tmp_path)


@pytest.mark.parametrize("name", ["digits", "mnist", "cifar10"])
def test_the_samples_of_ncviz_at_another_size(name):
    settings = ImageSettings(size=(16, 16), channels=3, mean=(0.5,), std=(0.5,))
    said = []
    own = read_named(name, settings, most=50, progress=lambda fraction, message: said.append(fraction))
    assert own.classes == DATASETS[name].classes
    assert own.parts["test"].images.shape == (50, 3, 16, 16)
    assert own.part("test").images.max() > (0.9 if name == "digits" else 200)
    assert own.tensors("test")[0].min() >= -1
    assert said == [0.0, 0.5]
    assert own.description("train").startswith("50 of the ")


def test_cifar100_from_a_folder(tmp_path, monkeypatch):
    images, labels = write_cifar(tmp_path, "cifar100", monkeypatch, count=20)["test"]
    own = read_named("cifar100", ImageSettings(size=(32, 32)), tmp_path)
    assert np.array_equal(own.parts["test"].images, images)
    assert own.parts["test"].labels.tolist() == labels


def test_unknown_names_list_the_choices():
    for ask in (lambda: find_named("imagenet"), lambda: read_named("imagenet", settings_of("svhn"))):
        with pytest.raises(DataError, match="choose one of digits, mnist, .*svhn, stl10"):
            ask()
    assert len(known_names()) == len(DATASETS) + len(NAMED)


@pytest.mark.parametrize("name", NAMED)
def test_download_happens_when_asked_and_fails_in_one_sentence(tmp_path, monkeypatch, name):
    kind = next(
        kind for kind in ("FashionMNIST", "KMNIST", "EMNIST", "SVHN", "STL10") if kind.lower()[:4] == name[:4]
    )
    calls = []
    monkeypatch.setattr(torchvision.datasets, kind, lambda *args, **options: calls.append((args, options)))
    download_named(name, tmp_path / "new")
    assert all(options["download"] for _, options in calls)
    assert {args for args, _ in calls} == {(tmp_path / "new",)}

    def fail(*args, **options):
        raise RuntimeError("no route\nto host")

    monkeypatch.setattr(torchvision.datasets, kind, fail)
    with pytest.raises(DataError, match=r"could not be downloaded to .* \(no route\); check the connection"):
        download_named(name, tmp_path)
