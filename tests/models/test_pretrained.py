"""The download against a server of our own on this machine; the real one is never asked."""

import hashlib
import io
import socket
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

from ncviz.errors import CancelledError, ModelError
from ncviz.limits import LIMITS
from ncviz.models import pretrained
from ncviz.models.catalogue.architectures import build_seeded
from ncviz.models.pretrained import download_bytes, download_pretrained, pretrained_names, weights_file

NAME = "torchvision/squeezenet1_1"


class Weights:
    """Stands in for torchvision's entry of published weights."""

    def __init__(self, url, size):
        self.url = url
        self.meta = {"_file_size": size / 2**20}


@pytest.fixture
def server():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked += 1
            content = server.files.get(self.path)
            self.send_response(200 if content is not None else 404)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files, server.asked = {}, 0
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def publish(server, monkeypatch, tmp_path):
    """Return a function that publishes a state dict, and gives back the name of its file."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)

    def publish(state, *, damage=b"", size=None, legacy=False, port=None):
        buffer = io.BytesIO()
        torch.save(state, buffer, _use_new_zipfile_serialization=not legacy)
        content = buffer.getvalue()
        path = f"/models/net-{hashlib.sha256(content).hexdigest()[:8]}.pth"
        server.files[path] = content + damage
        url = f"http://127.0.0.1:{port or server.server_address[1]}{path}"
        monkeypatch.setattr(pretrained, "default_weights", lambda name: Weights(url, size or len(content)))
        return path.rpartition("/")[2]

    return publish


def test_the_weights_arrive_once_and_compute_what_they_should(server, publish, tmp_path):
    net = build_seeded(NAME, 0).eval()
    file = publish(net.state_dict())
    seen = []
    network = download_pretrained(NAME, lambda fraction, text: seen.append((fraction, text)))
    inputs = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(network.module()(inputs), net(inputs))
    assert (network.architecture, network.input_shape, len(network.classes)) == (NAME, (3, 224, 224), 1000)
    assert network.title == "SqueezeNet-1.1 of torchvision"
    assert [fraction for fraction, _ in seen] == sorted(fraction for fraction, _ in seen)
    assert seen[-1][0] == pytest.approx(1.0)
    assert "MB downloaded" in seen[-1][1]
    assert weights_file(NAME) == tmp_path / "torch" / "hub" / "checkpoints" / file
    assert [path.name for path in weights_file(NAME).parent.iterdir()] == [file]
    assert download_pretrained(NAME).fingerprint == network.fingerprint
    assert server.asked == 1
    weights_file(NAME).write_bytes(b"damaged later")
    assert download_pretrained(NAME, dataset="cifar10").input_shape is None
    assert server.asked == 2


def test_files_from_before_the_zip_format_are_read(publish):
    net = build_seeded(NAME, 0)
    publish(net.state_dict(), legacy=True)
    assert list(download_pretrained(NAME).arrays) == list(net.state_dict())


def test_the_old_names_of_densenet(publish):
    net = build_seeded("torchvision/densenet121", 0)
    state = {}
    for key, value in net.state_dict().items():
        for part in ("norm1", "norm2", "conv1", "conv2"):
            key = key.replace(f".{part}.", f".{part[:-1]}.{part[-1]}.") if "denselayer" in key else key
        state[key] = value
    assert "features.denseblock1.denselayer1.norm.1.weight" in state
    publish(state)
    assert list(download_pretrained("torchvision/densenet121").arrays) == list(net.state_dict())


@pytest.mark.parametrize("how", ["cancel", "progress"])
def test_it_stops_when_told_and_keeps_nothing(publish, how):
    def stop(fraction, text):
        raise CancelledError

    publish(build_seeded(NAME, 0).state_dict())
    with pytest.raises(CancelledError):
        download_pretrained(
            NAME, stop if how == "progress" else None, (lambda: True) if how == "cancel" else None
        )
    assert not list(weights_file(NAME).parent.iterdir())


def refusal(name=NAME):
    with pytest.raises(ModelError) as caught:
        download_pretrained(name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_goes_wrong_is_one_sentence(server, publish):
    state = build_seeded(NAME, 0).state_dict()
    publish(state, damage=b"x")
    assert "arrived damaged" in refusal()
    publish(state, size=1000)
    assert "larger than announced" in refusal()
    file = publish(state)
    server.files.clear()
    assert refusal().startswith(f"{file} could not be downloaded from 127.0.0.1:")
    publish({"weight": torch.ones(2)})
    assert "Keys do not match torchvision/squeezenet1_1" in refusal()
    publish({"weight": Weights("", 0)})
    assert "cannot be read as torchvision's weights" in refusal()
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        publish({}, port=taken.getsockname()[1])
        assert "check the connection" in refusal()
    assert not list(weights_file(NAME).parent.glob("*.partial"))


def test_only_what_fits_is_offered(monkeypatch):
    names = pretrained_names()
    assert {"torchvision/resnet18", "torchvision/alexnet", "torchvision/mobilenet_v2"} <= set(names)
    # 575 MB, the largest that torchvision has of these families.
    assert "torchvision/vgg19_bn" in names
    assert 46_000_000 < download_bytes("torchvision/resnet18") < 48_000_000
    monkeypatch.setattr(pretrained, "LIMITS", replace(LIMITS, file_bytes=400_000_000))
    assert "torchvision/vgg19" not in pretrained_names()
    assert "take 575 MB, at most 400 MB are loaded" in refusal("torchvision/vgg19")
    assert "Unknown architecture" in refusal("torchvision/nothing")
