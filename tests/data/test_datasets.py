import gzip
import hashlib
import pickle
import struct
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision

from ncviz.data import datasets
from ncviz.data.datasets import DATASETS, load_dataset, load_sample_arrays
from ncviz.data.known import make_samples
from ncviz.data.known.prepared import download_dataset
from ncviz.errors import DataError

CIFAR = {"cifar10": torchvision.datasets.CIFAR10, "cifar100": torchvision.datasets.CIFAR100}


def write_idx(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    magic = 2048 + array.ndim  # 0x08 stands for unsigned bytes
    path.write_bytes(
        struct.pack(f">{1 + array.ndim}i", magic, *array.shape) + array.astype(np.uint8).tobytes()
    )


def write_mnist(folder, count=20, classes=10):
    """Write both splits in the true IDX format; return {split: (images, labels)}."""
    rng = np.random.default_rng(0)
    written = {}
    for split, prefix in (("train", "train"), ("test", "t10k")):
        images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = np.arange(count) % classes
        write_idx(folder / "MNIST" / "raw" / f"{prefix}-images-idx3-ubyte", images)
        write_idx(folder / "MNIST" / "raw" / f"{prefix}-labels-idx1-ubyte", labels)
        written[split] = images, labels
    return written


def write_cifar(folder, name, monkeypatch, count=6, classes=100):
    """Write batches in the true python format, and let torchvision expect their MD5 in place of the published one."""
    kind = CIFAR[name]
    base = folder / kind.base_folder
    base.mkdir(parents=True)
    rng = np.random.default_rng(0)
    label_key = {"cifar10": "labels", "cifar100": "fine_labels"}[name]
    written = {}

    def write(file, value):
        content = pickle.dumps(value, protocol=2)
        (base / file).write_bytes(content)
        return hashlib.md5(content).hexdigest()

    for split, attribute in (("train", "train_list"), ("test", "test_list")):
        images, labels, checksums = [], [], []
        for file, _ in getattr(kind, attribute):
            images.append(rng.integers(0, 256, (count, 3072), dtype=np.uint8))
            own = [number % classes for number in range(count)]
            labels.extend(own)
            checksums.append([file, write(file, {"data": images[-1], label_key: own})])
        monkeypatch.setattr(kind, attribute, checksums)
        written[split] = np.concatenate(images).reshape(-1, 3, 32, 32), labels
    names = {kind.meta["key"]: list(DATASETS[name].classes)}
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": write(kind.meta["filename"], names)})
    return written


@pytest.mark.parametrize("split", ["train", "test"])
def test_digits_are_complete_and_never_look_at_a_folder(split, tmp_path):
    data = load_dataset("digits", split, tmp_path / "missing")
    assert data.is_complete
    assert data.inputs.shape == (DATASETS["digits"].sizes[split], 1, 8, 8)
    assert data.inputs.dtype == torch.float32
    assert data.labels.dtype == torch.int64
    assert data.inputs.min() == 0
    assert data.inputs.max() == 1
    assert data.description == f"all {len(data):,} Digits 8×8 {split} images"


def test_digits_splits_are_scikit_learns_images_in_proportion():
    digits = pytest.importorskip("sklearn.datasets").load_digits()
    train, test = (load_sample_arrays("digits", split) for split in ("train", "test"))
    everything = np.concatenate([train[0], test[0]]).reshape(1797, -1)
    assert sorted(map(bytes, everything)) == sorted(map(bytes, digits.data.astype(np.uint8)))
    assert np.abs(np.bincount(test[1]) - np.bincount(digits.target) / 5).max() < 1


@pytest.mark.parametrize(("split", "per_class"), [("train", 50), ("test", 200)])
def test_mnist_sample_is_balanced_in_every_prefix(split, per_class):
    data = load_dataset("mnist", split)
    total = DATASETS["mnist"].sizes[split]
    assert not data.is_complete
    assert data.description == f"{10 * per_class:,} of the {total:,} MNIST {split} images"
    assert torch.equal(data.labels, torch.arange(10).repeat(per_class))
    assert data.inputs.shape == (10 * per_class, 1, 28, 28)
    assert data.inputs.max() == 1


@pytest.mark.parametrize(("split", "per_class"), [("train", 10), ("test", 100)])
def test_cifar10_sample_is_in_colour_and_balanced_in_every_prefix(split, per_class):
    images, _ = load_sample_arrays("cifar10", split)
    data = load_dataset("cifar10", split)
    total = DATASETS["cifar10"].sizes[split]
    assert images.shape == (10 * per_class, 3, 32, 32)
    assert not data.is_complete
    assert data.description == f"{10 * per_class:,} of the {total:,} CIFAR-10 {split} images"
    assert torch.equal(data.labels, torch.arange(10).repeat(per_class))
    assert len(np.unique(images.reshape(len(images), -1), axis=0)) == len(images)
    # Planes of one colour each, not colours side by side: neighbours in a row are alike, colours less so.
    rows, colours = data.inputs.diff(dim=3).abs().mean(), data.inputs.diff(dim=1).abs().mean()
    assert rows < colours
    assert "re-encoded" in DATASETS["cifar10"].sample_note


@pytest.mark.parametrize("name", [spec.name for spec in DATASETS.values() if spec.is_bundled])
@pytest.mark.parametrize("split", ["train", "test"])
def test_sample_arrays_are_what_load_dataset_scales(name, split):
    images, labels = load_sample_arrays(name, split)
    data = load_dataset(name, split)
    assert images.dtype == np.uint8
    stored = torch.from_numpy(images).float().reshape(data.inputs.shape)
    assert torch.equal((data.inputs * datasets.PIXEL_MAX[name]).round(), stored)
    assert torch.equal(data.labels, torch.from_numpy(labels).long())


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("by_variable", [True, False])
def test_mnist_from_a_folder(tmp_path, monkeypatch, split, by_variable):
    images, labels = write_mnist(tmp_path)[split]
    monkeypatch.setenv("NCVIZ_DATA", str(tmp_path) if by_variable else "/nowhere")
    data = load_dataset("mnist", split, None if by_variable else tmp_path)
    assert torch.equal(data.inputs[:, 0], torch.from_numpy(images).float() / 255)
    assert data.labels.tolist() == list(labels)
    assert not data.is_complete
    assert data.description.startswith("20 of the ")


@pytest.mark.parametrize("name", CIFAR)
@pytest.mark.parametrize("split", ["train", "test"])
def test_cifar_from_a_folder(tmp_path, monkeypatch, name, split):
    images, labels = write_cifar(tmp_path, name, monkeypatch)[split]
    data = load_dataset(name, split, str(tmp_path))
    assert torch.equal(data.inputs, torch.from_numpy(images).float() / 255)
    assert data.labels.tolist() == labels
    assert data.classes == DATASETS[name].classes


def test_cifar_with_another_md5_is_never_unpickled(tmp_path, monkeypatch):
    write_cifar(tmp_path, "cifar10", monkeypatch)

    class Evil:
        def __reduce__(self):
            return (tmp_path / "pwned").touch, ()

    (tmp_path / "cifar-10-batches-py" / "test_batch").write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(DataError, match="CIFAR-10 files in .* are incomplete or damaged"):
        load_dataset("cifar10", "test", tmp_path)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("name", ["mnist", "cifar10", "cifar100"])
def test_folder_without_the_files_names_what_it_lacks(tmp_path, name):
    spec = DATASETS[name]
    with pytest.raises(DataError, match=f"lacks {spec.title}: expected {spec.first_file} in it"):
        load_dataset(name, "test", tmp_path)
    with pytest.raises(DataError, match=f"is not a folder; name the one that holds {spec.first_file}"):
        load_dataset(name, "test", tmp_path / "missing")


def test_one_missing_file_is_named(tmp_path):
    write_mnist(tmp_path)
    path = tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte"
    path.with_suffix(".gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    with pytest.raises(DataError, match="expected MNIST/raw/t10k-labels-idx1-ubyte in it"):
        load_dataset("mnist", "test", tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"junk" * 100,
        struct.pack(">4i", 2051, 20, 28, 28) + b"\0" * 100,
        struct.pack(">4i", 2051, 2**31 - 1, 2**31 - 1, 2**31 - 1) + b"\0" * 100,
        struct.pack(">4i", 2051, -1, 28, 28) + b"\0" * 784,
        struct.pack(">4i", 2051, 0, 28, 28),
        struct.pack(">4i", 2051, 20, 8, 8) + b"\0" * 20 * 64,
        struct.pack(">4i", 2051, 5, 28, 28) + b"\0" * 5 * 784,
        struct.pack(">4i", 0x0D03, 20, 28, 28) + b"\0" * 20 * 784 * 4,
        gzip.compress(b"\0" * 1000, mtime=0),
    ],
)
def test_damaged_idx_is_one_sentence(tmp_path, content):
    write_mnist(tmp_path)
    (tmp_path / "MNIST" / "raw" / "t10k-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(
        DataError, match=r"^The MNIST files in .*; (delete them and )?download MNIST again\.$"
    ):
        load_dataset("mnist", "test", tmp_path)


def test_label_outside_the_classes(tmp_path):
    write_mnist(tmp_path, classes=12)
    with pytest.raises(DataError, match="labels in .* run from 0 to 11, expected 0 to 9"):
        load_dataset("mnist", "test", tmp_path)


def test_unknown_names_list_the_choices():
    with pytest.raises(
        DataError, match="Unknown dataset 'imagenet'; choose one of digits, mnist, cifar10, cifar100"
    ):
        load_dataset("imagenet")
    with pytest.raises(DataError, match='must be "train" or "test", got \'validation\''):
        load_dataset("digits", "validation")
    with pytest.raises(DataError, match='must be "train" or "test"'):
        load_sample_arrays("digits", "")


def test_data_that_are_not_bundled_say_what_to_do():
    with pytest.raises(DataError, match=r"does not ship .* --data-dir or NCVIZ_DATA, or download"):
        load_dataset("cifar100")
    with pytest.raises(DataError, match="No sample of CIFAR-100 ships"):
        load_sample_arrays("cifar100")


@pytest.mark.parametrize("content", [None, b"", b"junk", b"PK\x03\x04junk"])
def test_damaged_sample_is_one_sentence(tmp_path, monkeypatch, content):
    monkeypatch.setattr(datasets, "SAMPLE_DIR", tmp_path)
    if content is not None:
        (tmp_path / "mnist.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"bundled sample mnist\.npz cannot be read"):
        load_dataset("mnist")


def test_pickled_sample_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "SAMPLE_DIR", tmp_path)
    np.savez(tmp_path / "mnist.npz", test_images=np.array([{}], dtype=object), test_labels=np.zeros(1))
    with pytest.raises(DataError, match="cannot be read"):
        load_dataset("mnist")


def test_download_asks_torchvision_once_and_makes_the_folder(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(torchvision.datasets, "MNIST", lambda *args, **options: calls.append((args, options)))
    download_dataset("mnist", tmp_path / "new")
    assert calls == [((tmp_path / "new",), {"train": True, "download": True})]
    assert (tmp_path / "new").is_dir()


@pytest.mark.parametrize(
    "error",
    [URLError("no route to host"), RuntimeError("Error downloading x:\nTried y"), PermissionError("denied")],
)
def test_failing_download_is_one_sentence(tmp_path, monkeypatch, error):
    def fail(*args, **options):
        raise error

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", fail)
    with pytest.raises(
        DataError, match=r"^CIFAR-10 could not be downloaded to .*; check the connection"
    ) as caught:
        download_dataset("cifar10", tmp_path)
    assert "\n" not in str(caught.value)


def test_digits_need_no_download(tmp_path):
    with pytest.raises(DataError, match="complete in ncviz; only mnist, cifar10, cifar100 can be downloaded"):
        download_dataset("digits", tmp_path)


def test_samples_are_made_from_a_folder(tmp_path, monkeypatch, capsys):
    pytest.importorskip("sklearn")
    written = write_mnist(tmp_path, count=2000)
    cifar = write_cifar(tmp_path, "cifar10", monkeypatch, count=1000, classes=10)
    make_samples.main(["--data-dir", str(tmp_path), "--out", str(tmp_path / "out")])
    said = capsys.readouterr().out
    assert "test_images [2000, 28, 28]" in said
    assert "test_images [1000, 3, 32, 32]" in said
    with np.load(tmp_path / "out" / "cifar10.npz", allow_pickle=False) as made:
        assert np.array_equal(made["test_images"], cifar["test"][0])
        assert np.array_equal(made["train_images"], cifar["train"][0][:100])
        assert made["train_labels"].tolist() == list(range(10)) * 10
    with np.load(tmp_path / "out" / "mnist.npz", allow_pickle=False) as made:
        assert np.array_equal(made["train_images"], written["train"][0][:500])
        assert made["test_labels"].dtype == np.uint8
    with (
        np.load(tmp_path / "out" / "digits.npz") as made,
        np.load(datasets.SAMPLE_DIR / "digits.npz") as shipped,
    ):
        assert all(np.array_equal(made[key], shipped[key]) for key in shipped)


def test_one_sample_is_made_alone(tmp_path, capsys):
    write_mnist(tmp_path, count=2000)
    make_samples.main(["--data-dir", str(tmp_path), "--out", str(tmp_path / "out"), "--only", "mnist"])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mnist.npz"]
    with pytest.raises(SystemExit):
        make_samples.main(["--data-dir", str(tmp_path), "--only", "cifar100"])
    assert "invalid choice: 'cifar100'" in capsys.readouterr().err


def test_making_samples_of_too_few_images_says_so(tmp_path, capsys):
    pytest.importorskip("sklearn")
    write_mnist(tmp_path)
    with pytest.raises(SystemExit):
        make_samples.main(["--data-dir", str(tmp_path), "--out", str(tmp_path / "out")])
    assert "needs 50 images, but one has only 2" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("spec", DATASETS.values(), ids=lambda spec: spec.name)
def test_every_dataset_names_source_licence_and_citation(spec):
    assert spec.source
    assert spec.licence
    assert spec.citation.endswith(".")
    assert spec.normalisation == "pixels scaled to [0, 1], nothing else"
    assert len(set(spec.classes)) == len(spec.classes)
    if spec.name in CIFAR:
        assert spec.first_file == f"{CIFAR[spec.name].base_folder}/{CIFAR[spec.name].train_list[0][0]}"


def test_the_fingerprint_follows_the_folder_and_not_its_name(tmp_path, monkeypatch):
    from ncviz.data.fingerprints import data_fingerprint

    monkeypatch.delenv("NCVIZ_DATA", raising=False)
    bundled = data_fingerprint("mnist", "train", None)
    write_mnist(tmp_path)
    first = data_fingerprint("mnist", "train", str(tmp_path))
    assert first != bundled
    monkeypatch.setenv("NCVIZ_DATA", str(tmp_path))
    assert data_fingerprint("mnist", "train", None) == first
    assert data_fingerprint("digits", "train", str(tmp_path)) == data_fingerprint("digits", "train", None)
    write_mnist(tmp_path, count=30)
    assert data_fingerprint("mnist", "train", None) != first
