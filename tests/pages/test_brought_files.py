"""Files of networks on the Model page: uploads are let go of once read, and what does not fit is refused in words."""

import io

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from ncviz.limits import LIMITS
from ncviz.models.loading import load_model
from ncviz.models.memory import NETWORK_MEMORY
from ncviz.ui.server import resources


@pytest.fixture
def app(app):
    app.run()
    return app.switch_page("pages/model.py").run()


@pytest.fixture
def dropped(monkeypatch):
    """Ids of the uploads that were let go of."""
    found, remove = [], MemoryUploadedFileManager.remove_file

    def removed(self, session_id, file_id):
        found.append(file_id)
        remove(self, session_id, file_id)

    monkeypatch.setattr(MemoryUploadedFileManager, "remove_file", removed)
    return found


def checkpoint(name):
    buffer = io.BytesIO()
    torch.save(load_model(name).state_dict(), buffer)
    return buffer.getvalue()


def drop(app, name, content):
    app.file_uploader(key="bring-file").set_value((name, content, "application/octet-stream"))
    return app.run()


@pytest.mark.slow
def test_an_upload_is_let_go_of_once_it_is_read(app, dropped):
    drop(app, "lenet.pt", checkpoint("vgg9-cifar10-relu"))
    assert app.session_state["bring-draft"].network.architecture == "vgg9-cifar10-relu"
    assert len(dropped) == 1


def test_so_is_one_that_cannot_be_read_and_the_sentence_stays(app, dropped):
    drop(app, "bad.pt", b"nothing")
    assert len(dropped) == 1
    assert "bad.pt" in app.main.error[0].value
    app.run()
    assert len(app.main.error) == 1
    assert not app.exception


def test_one_that_fits_several_architectures_stays_until_one_is_chosen(app, dropped):
    drop(app, "digits.pt", checkpoint("mlp-digits-relu"))
    assert not dropped
    app.selectbox(key="bring-architecture").select("mlp-digits-relu").run()
    app.button(key="bring-use").click().run()
    assert len(dropped) == 1
    assert app.session_state["bring-draft"].network.architecture == "mlp-digits-relu"


def test_images_are_let_go_of_once_they_are_read_and_stay_for_another_try(app, dropped):
    drop(app, "lenet.pt", checkpoint("vgg9-cifar10-relu"))
    key = f"data-way-{app.session_state['bring-draft'].network.fingerprint[:8]}"
    next(group for group in app.get("button_group") if group.key == key).set_value("files")
    app.run()
    del dropped[:]
    for content, is_read in ((np.zeros((4, 3)), False), (np.zeros((4, 3, 32, 32), np.uint8), True)):
        file = io.BytesIO()
        np.save(file, content)
        uploader = app.file_uploader(key="data-files")
        uploader.set_value([("images.npy", file.getvalue(), "application/octet-stream")])
        app.run()
        app.button(key="data-use").click().run()
        jobs = [job for job in resources.registry().jobs() if job.key.startswith("bring-images")]
        assert all(job.wait(60) for job in jobs)
        app.run()
        assert bool(app.session_state["bring-draft"].dataset) == is_read
        assert len(dropped) == is_read
    assert not app.exception


def test_a_full_server_says_so_and_loses_nothing(app, monkeypatch):
    drop(app, "first.pt", checkpoint("vgg9-cifar10-relu"))
    first = app.session_state["bring-draft"]
    app.button(key="bring-another").click().run()
    monkeypatch.setattr(NETWORK_MEMORY, "_most", NETWORK_MEMORY.nbytes + 1_000)
    drop(app, "second.pt", checkpoint("vgg9-cifar10-relu"))
    assert "own_networks_bytes" in app.main.error[0].value.replace("\\", "")
    assert app.session_state["bring-draft"] is first


def test_a_full_session_says_so_and_loses_nothing(app, monkeypatch):
    from ncviz.models.network import open_network
    from ncviz.ui.session import networks, session

    own = {f"net {number}": open_network("mlp-digits-relu") for number in range(LIMITS.session_networks)}
    monkeypatch.setattr(session, "own_networks", lambda: own)
    with pytest.raises(networks.ModelError, match="8 networks of its own.* forget one"):
        networks.add_network(open_network("lenet-mnist-relu"))
    assert len(own) == LIMITS.session_networks


def test_of_several_weights_one_is_chosen_and_then_the_architecture(app):
    state = load_model("mlp-digits-relu").state_dict()
    buffer = io.BytesIO()
    torch.save({"model": state, "ema": {key: 2 * value for key, value in state.items()}}, buffer)
    drop(app, "net.pt", buffer.getvalue())
    assert app.selectbox(key="bring-weights").options == ["model", "ema"]
    app.selectbox(key="bring-weights").select("ema")
    app.button(key="bring-use").click().run()
    app.selectbox(key="bring-architecture").select("mlp-digits-relu")
    app.button(key="bring-use").click().run()
    assert not app.exception
    found = app.session_state["bring-draft"].network
    np.testing.assert_array_equal(found.arrays["1.weight"], 2 * state["1.weight"].numpy())


def test_of_several_outputs_one_is_chosen_and_then_the_size_of_its_images(app):
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("GlobalAveragePool", ["c"], ["g"]),
        helper.make_node("Flatten", ["g"], ["embedding"]),
        helper.make_node("Gemm", ["embedding", "v"], ["logits"]),
    ]
    rng = np.random.default_rng(0)
    shapes = {"w": (5, 1, 3, 3), "v": (5, 4)}
    weights = [numpy_helper.from_array(rng.random(shapes[name], dtype=np.float32), name) for name in shapes]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, "h", "w"])]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size])
        for name, size in (("embedding", 5), ("logits", 4))
    ]
    graph = helper.make_graph(nodes, "g", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    drop(app, "net.onnx", model.SerializeToString())
    assert app.selectbox(key="bring-output").options == ["logits", "embedding"]
    app.button(key="bring-use").click().run()
    assert app.selectbox(key="bring-size").options[:2] == ["28x28", "32x32"]
    app.selectbox(key="bring-size").select("32x32")
    app.button(key="bring-use").click().run()
    assert not app.exception
    network = app.session_state["bring-draft"].network
    assert network.image_shape == (1, 32, 32)
    assert app.session_state["bring-draft"].classes == 4
