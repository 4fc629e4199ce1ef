"""timm's networks by name, and their weights from a Hub of our own on this machine; the real one is never asked."""

import hashlib
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from safetensors.torch import save

from ncviz.errors import CancelledError, ModelError
from ncviz.limits import LIMITS
from ncviz.models import hub, pretrained
from ncviz.models.catalogue import timm_models
from ncviz.models.catalogue.architectures import build_seeded, find_architecture
from ncviz.models.loading import load_checkpoint

timm = pytest.importorskip("timm")
hub_library = pytest.importorskip("huggingface_hub")

NAME = "timm/test_resnet.r160_in1k"


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A Hub with one file, as the real one serves it to those who send no token."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.answer(has_body=False)

        def do_GET(self):
            self.answer(has_body=True)

        def answer(self, has_body):
            content = server.files.get(self.path)
            server.asked.append((self.command, self.path, self.headers.get("Authorization")))
            self.send_response(200 if content is not None else 404)
            self.send_header("Content-Length", str(len(content or b"")))
            self.send_header("ETag", f'"{hashlib.sha256(content or b"").hexdigest()}"')
            self.send_header("X-Repo-Commit", "0" * 40)
            self.end_headers()
            if has_body:
                self.wfile.write(content or b"")

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files, server.asked = {}, []
    server.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    yield server
    server.shutdown()
    server.server_close()


def publish(server, content, name=NAME):
    server.files[f"/{name}/resolve/main/model.safetensors"] = content


def test_an_architecture_is_what_timm_builds():
    found = find_architecture("timm/test_vit.r160_in1k")
    assert (found.input_shape, found.num_classes, found.is_resizable) == ((3, 160, 160), 1000, False)
    assert found.classes[:2] == ("tench", "goldfish")
    assert find_architecture(NAME).is_resizable
    net = timm.create_model("test_vit", pretrained=False).eval()
    ours = load_checkpoint(save(net.state_dict()), "timm/test_vit")
    inputs = torch.rand(2, 3, 160, 160)
    with torch.no_grad():
        assert torch.equal(ours(inputs), net(inputs))
    assert find_architecture("timm/test_vit@7").build().num_classes == 7


def test_what_is_in_no_state_dict_is_there():
    # Swin's indices of positions are made when it is built, and saved nowhere.
    name = "timm/swin_tiny_patch4_window7_224"
    before = torch.random.get_rng_state()
    one, other = build_seeded(name, 1), timm.create_model(name.partition("/")[2], pretrained=False)
    assert not torch.equal(before, torch.random.get_rng_state())  # timm's own draws
    index = "layers.0.blocks.0.attn.relative_position_index"
    assert index not in one.state_dict()
    assert torch.equal(one.get_buffer(index), other.get_buffer(index))


def test_first_weights_are_those_of_the_seed_and_nobody_elses_draws():
    before = torch.random.get_rng_state()
    one, same, other = (build_seeded("timm/test_vit", seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(value, same[key]) for key, value in one.items())
    assert not torch.equal(one["blocks.0.attn.qkv.weight"], other["blocks.0.attn.qkv.weight"])


@pytest.mark.parametrize(
    "name", ["timm/nothing", "timm/hf-hub:some/one", "timm/local-dir:/tmp", "timm/test_vit.no"]
)
def test_a_name_that_timm_does_not_list_is_refused(name):
    with pytest.raises(ModelError, match=r"timm\.list_models\(\) tells"):
        find_architecture(name)


def test_without_timm_it_says_what_to_do(monkeypatch):
    monkeypatch.setattr(timm_models, "has_timm", lambda: False)
    with pytest.raises(ModelError, match="pip install timm"):
        find_architecture("timm/resnet10t")


def test_the_weights_arrive_once_and_compute_what_they_should(server):
    net = timm.create_model("test_resnet", pretrained=False).eval()
    publish(server, save(net.state_dict()))
    assert NAME in timm_models.timm_names()
    assert hub.weights_here(NAME) is None
    seen = []
    network = hub.download_from_hub(NAME, lambda *told: seen.append(told), endpoint=server.address)
    inputs = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(network.module()(inputs), net(inputs))
    assert (network.architecture, network.input_shape, len(network.classes)) == (NAME, (3, 160, 160), 1000)
    assert seen[-1][0] == pytest.approx(1.0)
    assert all(token is None for *_, token in server.asked)
    asked = len(server.asked)
    assert hub.hub_bytes(NAME) == hub.weights_here(NAME).stat().st_size
    assert hub.download_from_hub(NAME).fingerprint == network.fingerprint
    assert len(server.asked) == asked


@pytest.mark.parametrize("how", ["cancel", "progress"])
def test_it_stops_when_told(server, how):
    def stop(fraction, text):
        raise CancelledError

    publish(server, save(timm.create_model("test_resnet", pretrained=False).state_dict()))
    asks = (stop, None) if how == "progress" else (None, lambda: True)
    with pytest.raises(CancelledError):
        hub.download_from_hub(NAME, *asks, endpoint=server.address)
    assert hub.weights_here(NAME) is None


def test_what_goes_wrong_is_one_sentence(server, monkeypatch):
    with pytest.raises(ModelError, match=r"could not be downloaded from huggingface\.co"):
        hub.download_from_hub(NAME, endpoint=server.address)
    publish(server, b"no such format")
    with pytest.raises(ModelError, match="safetensors"):
        hub.download_from_hub(NAME, endpoint=server.address)
    other = "timm/test_resnet.r160_in1k"
    publish(server, save(timm.create_model("test_vit", pretrained=False).state_dict()), other)
    monkeypatch.setattr(pretrained, "LIMITS", replace(LIMITS, file_bytes=10))
    with pytest.raises(ModelError, match="at most"):
        hub.download_from_hub(other, endpoint=server.address)


def test_a_name_without_published_weights_is_told():
    with pytest.raises(ModelError, match="publishes no weights"):
        hub.weights_here("timm/vit_base_patch16_18x2_224")
