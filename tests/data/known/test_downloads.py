"""Downloads against a server of this machine: whole and right, told as they go, or nothing."""

import gzip
import hashlib
import struct
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torchvision

from ncviz.data.image_settings import settings_for
from ncviz.data.known.downloads import fetch
from ncviz.data.known.prepared import download_named, read_named
from ncviz.data.known.published_files import published_files
from ncviz.errors import CancelledError, DataError

MOST = 10_000_000


@pytest.fixture
def served(tmp_path):
    """A folder, and the address under which it is served."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def md5(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def test_a_file_arrives_whole_and_is_told_as_it_comes(served, tmp_path):
    folder, url = served
    content = bytes(range(256)) * 10_000
    (folder / "a.bin").write_bytes(content)
    told = []
    target = tmp_path / "new" / "a.bin"
    fetch(f"{url}a.bin", target, "md5", md5(content), MOST, lambda *now: told.append(now))
    assert target.read_bytes() == content
    assert [fraction for fraction, _ in told] == sorted(fraction for fraction, _ in told)
    assert told[-1] == (1.0, "3 of 3 MB downloaded")
    assert len(told) == 3
    (folder / "a.bin").unlink()
    # What is there and right is not asked for again.
    fetch(f"{url}a.bin", target, "md5", md5(content), MOST)


@pytest.mark.parametrize(
    ("wanted", "most", "match"),
    [("0" * 32, MOST, "arrived damaged .its MD5"), (None, 10, "larger than announced")],
)
def test_what_is_not_right_is_not_kept(served, tmp_path, wanted, most, match):
    folder, url = served
    (folder / "a.bin").write_bytes(b"x" * 100)
    with pytest.raises(DataError, match=match):
        fetch(f"{url}a.bin", tmp_path / "to" / "a.bin", "md5", wanted or md5(b"x" * 100), most)
    assert list((tmp_path / "to").iterdir()) == []


def test_a_stop_leaves_nothing(served, tmp_path):
    folder, url = served
    (folder / "a.bin").write_bytes(b"x" * 3_000_000)

    def stop(fraction, message):
        raise CancelledError

    with pytest.raises(CancelledError):
        fetch(f"{url}a.bin", tmp_path / "to" / "a.bin", "md5", "", MOST, stop)
    with pytest.raises(CancelledError):
        fetch(f"{url}a.bin", tmp_path / "to" / "a.bin", "md5", "", MOST, cancel=lambda: True)
    assert list((tmp_path / "to").iterdir()) == []


def idx(values):
    kind = struct.pack(">HBB", 0, 8, values.ndim)
    return gzip.compress(kind + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes())


def publish(served, monkeypatch):
    """A Fashion-MNIST of four images, published here; the first place that has it has it not."""
    folder, url = served
    images = np.arange(4 * 28 * 28, dtype=np.uint8).reshape(4, 28, 28)
    labels = np.arange(4, dtype=np.uint8)
    resources = []
    for prefix in ("train", "t10k"):
        for kind, values in (("images-idx3", images), ("labels-idx1", labels)):
            content = idx(values)
            (folder / f"{prefix}-{kind}-ubyte.gz").write_bytes(content)
            resources.append((f"{prefix}-{kind}-ubyte.gz", md5(content)))
    monkeypatch.setattr(torchvision.datasets.FashionMNIST, "resources", resources)
    monkeypatch.setattr(torchvision.datasets.FashionMNIST, "mirrors", [f"{url}gone/", url])
    return images


def test_a_data_set_is_downloaded_with_progress_and_can_be_read(served, monkeypatch, tmp_path):
    images = publish(served, monkeypatch)
    told = []
    download_named("fashion-mnist", tmp_path / "to", lambda *now: told.append(now))
    assert [message.partition(":")[0] for _, message in told[:-1]] == [f"file {n} of 4" for n in (1, 2, 3, 4)]
    assert told[-1] == (1.0, "unpacking")
    own = read_named("fashion-mnist", settings_for((1, 28, 28)), tmp_path / "to")
    assert np.array_equal(own.part("train").images[:, 0], images)
    # Once it is there, nothing is asked for.
    monkeypatch.setattr(torchvision.datasets.FashionMNIST, "mirrors", [])
    download_named("fashion-mnist", tmp_path / "to", lambda *now: told.append(now))


def test_a_download_of_a_data_set_stops(served, monkeypatch, tmp_path):
    publish(served, monkeypatch)

    def stop(fraction, message):
        raise CancelledError

    with pytest.raises(CancelledError):
        download_named("fashion-mnist", tmp_path / "to", stop)


def test_a_data_set_that_is_nowhere_is_one_sentence(served, monkeypatch, tmp_path):
    publish(served, monkeypatch)
    monkeypatch.setattr(torchvision.datasets.FashionMNIST, "mirrors", [f"{served[1]}gone/"])
    with pytest.raises(
        DataError, match=r"^train-images-idx3-ubyte\.gz could not be downloaded from 127"
    ) as caught:
        download_named("fashion-mnist", tmp_path / "to", lambda *_: None)
    assert str(caught.value).count("check the connection") == 1


@pytest.mark.parametrize(
    ("kind", "count"),
    [("MNIST", 4), ("KMNIST", 4), ("EMNIST", 1), ("CIFAR10", 1), ("CIFAR100", 1), ("SVHN", 2), ("STL10", 1)],
)
def test_every_known_sets_files_are_published(kind, count, tmp_path):
    files = published_files(kind, tmp_path)
    assert len(files) == count
    for file in files:
        assert file.path.is_relative_to(tmp_path)
        assert len(file.md5) == 32
        assert all(url.startswith("http") and url.endswith(file.path.name) for url in file.urls)
