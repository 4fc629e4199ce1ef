"""The Model page: each way in, bad files included, by Streamlit's own test harness."""

import io
import json
import threading
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from ncviz.data.datasets import load_sample_arrays
from ncviz.models.catalogue import timm_models
from ncviz.models.loading import load_model
from ncviz.tasks import own_networks
from ncviz.ui.link.view_state import DEFAULT_MODEL
from tests.examples.contexts import NOWHERE

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
# What is computed may have to be compiled first, while others use the machine.
SECONDS = 240
TAB = "Bring your own"


@pytest.fixture
def app(app):
    app.run()
    return app.switch_page("pages/model.py").run()


@pytest.fixture(scope="module")
def onnx_file():
    buffer = io.BytesIO()
    net = load_model("mlp-digits-relu").eval()
    torch.onnx.export(net, (torch.zeros(1, 1, 8, 8),), buffer, dynamo=False, input_names=["x"],
                      dynamic_axes={"x": {0: "batch"}})  # fmt: skip
    return buffer.getvalue()


def checkpoint(net):
    buffer = io.BytesIO()
    torch.save(net.state_dict(), buffer)
    return buffer.getvalue()


def digits_zip(per_class=3, *, labelled=True):
    images, labels = load_sample_arrays("digits", "train")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for digit in range(10):
            for number, row in enumerate(np.flatnonzero(labels == digit)[:per_class]):
                png = io.BytesIO()
                Image.fromarray((images[row] * 15.9375).round().astype(np.uint8)).save(png, "PNG")
                folder = f"{digit}/" if labelled else ""
                archive.writestr(f"{folder}{digit}-{number}.png", png.getvalue())
    return buffer.getvalue()


def drop(app, key, *files):
    app.file_uploader(key=key).set_value([(name, content, "application/octet-stream") for name, content in files]
                                         if len(files) > 1 or key == "data-files" else
                                         (files[0][0], files[0][1], "application/octet-stream"))  # fmt: skip
    return app.run()


def press(app, key):
    app.button(key=key).click()
    return app.run()


def after(app, prefix):
    """Wait for the run whose key begins so, and draw the page again."""
    from ncviz.ui.server import resources

    for job in resources.registry().jobs():
        if job.key.startswith(prefix):
            assert job.wait(SECONDS)
    return app.run()


def draft(app):
    # The harness's state has no ``get``.
    return app.session_state["bring-draft"] if "bring-draft" in app.session_state else None  # noqa: SIM401


def texts(app):
    """What the page says, without the escapes of Markdown."""
    kinds = ("markdown", "caption", "error", "info", "success", "warning")
    return " ".join(item.value for kind in kinds for item in app.main.get(kind)).replace("\\", "")


def images_from(app, way):
    key = f"data-way-{draft(app).network.fingerprint[:8]}"
    next(group for group in app.get("button_group") if group.key == key).set_value(way)
    return app.run()


def test_the_steps_say_what_they_wait_for(app):
    assert [tab.label for tab in app.tabs] == ["Inspect", "Bring your own", "Train", "Data", "Library"]
    told = texts(app)
    for words in ("1 · Network", "2 · Images", "3 · Check, then compute", "4 · Keep and take away"):
        assert words in told
    assert "Choose a network first" in told
    assert not app.exception


@pytest.mark.slow
def test_an_onnx_file_and_a_zip_come_to_a_computed_network(app, onnx_file):
    drop(app, "bring-file", ("mine.onnx", onnx_file))
    assert draft(app).network.format == "onnx"
    assert draft(app).classes == 10
    assert "mine.onnx" in texts(app)
    images_from(app, "files")
    drop(app, "data-files", ("digits.zip", digits_zip()))
    press(app, "data-use")
    after(app, "bring-images")
    assert "30 images of digits.zip" in texts(app)
    after(app, "bring-check")
    after(app, "bring-time")
    assert "images are classified correctly" in texts(app)
    assert {metric.label: metric.value for metric in app.main.metric}["Weights"] == "2,720"
    press(app, "bring-compute")
    assert app.session_state["latest"].view.model == "mine.onnx"
    from ncviz.ui.server import resources

    job = resources.registry().jobs()[-1]
    # Another session that asks for the same sees this text.
    assert "mine" not in job.label
    assert job.wait(SECONDS)
    app.switch_page("pages/explore.py").run()
    assert not app.exception
    assert not app.error
    assert "model" not in app.query_params


@pytest.mark.slow
def test_images_without_labels_are_agreement_everywhere(app, onnx_file):
    drop(app, "bring-file", ("mine.onnx", onnx_file))
    images_from(app, "files")
    drop(app, "data-files", ("digits.zip", digits_zip(labelled=False)))
    press(app, "data-use")
    after(app, "bring-images")
    assert "No labels" in texts(app)
    after(app, "bring-check")
    after(app, "bring-time")
    assert "classified correctly" not in texts(app)
    press(app, "bring-compute")
    from ncviz.ui.server import resources

    assert resources.registry().jobs()[-1].wait(SECONDS)
    app.switch_page("pages/explore.py").run()
    assert any('"word": "agreement"' in part.proto.json for part in app.get("bidi_component"))
    assert "accuracy" not in texts(app)
    app.switch_page("pages/pruning.py").run()
    assert "accuracy needs labels" in texts(app)
    app.session_state["model-tab"] = "Inspect"
    app.switch_page("pages/model.py").run()
    assert any("What it takes the images for" in item.value for item in app.subheader)
    assert not app.exception


@pytest.mark.parametrize(
    ("name", "content"),
    [("bad.onnx", b"\x08\x07" + b"garbage" * 40), ("bad.pt", b"\x80\x04cposix\nsystem\n."), ("bad.safetensors", b""),
     ("bad.pt2", b"PK\x03\x04nothing"), ("bad.pth", b"hello")],
)  # fmt: skip
def test_a_bad_file_is_one_sentence_and_leaves_the_former_network(app, onnx_file, name, content):
    drop(app, "bring-file", ("mine.onnx", onnx_file))
    images_from(app, "known")
    press(app, "data-use")
    before = draft(app)
    assert before.dataset == "digits"
    press(app, "bring-another")
    drop(app, "bring-file", (name, content))
    assert len(app.main.error) == 1
    assert "Traceback" not in app.main.error[0].value
    assert draft(app) is before
    press(app, "bring-keep-network")
    assert "mine.onnx" in texts(app)
    assert not app.main.error
    assert not app.exception


def test_weights_that_fit_several_architectures_ask_which(app):
    drop(app, "bring-file", ("digits.pt", checkpoint(load_model("mlp-digits-relu"))))
    box = app.selectbox(key="bring-architecture")
    assert len(box.options) > 1
    box.select("mlp-digits-relu").run()
    press(app, "bring-use")
    assert draft(app).network.architecture == "mlp-digits-relu"
    assert draft(app).network.format == "pt"


def test_weights_of_an_unknown_network_say_what_to_do(app):
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))
    drop(app, "bring-file", ("mine.pt", checkpoint(net)))
    assert "torch.onnx.export" in app.main.error[0].value
    assert draft(app) is None


@pytest.mark.parametrize(
    ("name", "content"),
    [("bad.zip", b"PK\x03\x04nothing"), ("bad.npz", b"nothing"), ("bad.png", b"\x89PNG nothing")],
)
def test_bad_images_are_one_sentence(app, onnx_file, name, content):
    drop(app, "bring-file", ("mine.onnx", onnx_file))
    images_from(app, "files")
    drop(app, "data-files", (name, content))
    press(app, "data-use")
    after(app, "bring-images")
    assert len(app.main.error) == 1
    assert "Traceback" not in app.main.error[0].value
    assert draft(app).dataset == ""
    assert not app.exception


def test_arrays_and_single_images_serve_too(app, onnx_file):
    drop(app, "bring-file", ("mine.onnx", onnx_file))
    images, labels = load_sample_arrays("digits", "train")
    buffer = io.BytesIO()
    np.savez(buffer, images=(images[:60] / 16).astype(np.float32), labels=labels[:60].astype(np.int64))
    images_from(app, "files")
    drop(app, "data-files", ("digits.npz", buffer.getvalue()))
    press(app, "data-use")
    after(app, "bring-images")
    assert "60 images" in texts(app)
    press(app, "data-other")
    png = io.BytesIO()
    Image.fromarray(images[0] * 15).save(png, "PNG")
    drop(app, "data-files", ("one.png", png.getvalue()))
    press(app, "data-use")
    after(app, "bring-images")
    assert "one.png" in texts(app)
    assert not app.exception


def test_a_folder_on_this_machine(app, onnx_file, tmp_path):
    with zipfile.ZipFile(io.BytesIO(digits_zip())) as archive:
        archive.extractall(tmp_path / "digits")
    drop(app, "bring-file", ("mine.onnx", onnx_file))
    images_from(app, "folder")
    app.text_input(key="data-folder-own").set_value(str(tmp_path / "nothing")).run()
    press(app, "data-use")
    after(app, "bring-images")
    assert "not a folder" in app.main.error[0].value
    app.text_input(key="data-folder-own").set_value(str(tmp_path / "digits")).run()
    press(app, "data-use")
    after(app, "bring-images")
    assert "30 images of digits" in texts(app)


def test_numbers_of_the_normalisation_are_checked_and_class_names_counted(app, onnx_file):
    drop(app, "bring-file", ("mine.onnx", onnx_file))
    stem = draft(app).network.fingerprint[:8]
    app.text_input(key=f"data-mean-{stem}").set_value("a half").run()
    assert "0.485, 0.456, 0.406" in app.main.error[0].value
    app.text_input(key=f"data-mean-{stem}").set_value("0.5").run()
    app.text_area(key=f"data-classes-{stem}").set_value("zero\none").run()
    assert "10 classes" in app.main.error[0].value
    app.text_area(key=f"data-classes-{stem}").set_value("\n".join(f"digit {at}" for at in range(10))).run()
    press(app, "data-use")
    after(app, "bring-images")
    assert "digit 3" in texts(app)
    # With a wrong mean the network may guess, which the check says.
    after(app, "bring-check")
    after(app, "bring-time")
    assert not app.exception


def test_published_weights_without_a_network_are_one_sentence(app, monkeypatch, tmp_path):
    import urllib.error
    import urllib.request

    def offline(*_, **__):
        raise urllib.error.URLError("no network here")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(urllib.request, "urlopen", offline)
    group = next(group for group in app.get("button_group") if group.key == "bring-way")
    group.set_value("published")
    app.run()
    assert "when you press the button, not before" in texts(app)
    press(app, "bring-download")
    after(app, "bring-published")
    assert "could not be downloaded" in app.main.error[0].value
    assert draft(app) is None


@pytest.mark.slow
def test_weights_of_timm_without_a_network_or_without_timm_are_one_sentence(app, monkeypatch, tmp_path):
    pytest.importorskip("timm")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    # Nobody listens on the port of what is thrown away.
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    next(group for group in app.get("button_group") if group.key == "bring-way").set_value("published")
    app.run()
    next(group for group in app.get("button_group") if group.key == "bring-publisher").set_value("timm")
    app.run()
    names = app.selectbox(key="bring-published-timm")
    assert names.value == "timm/resnet18.a1_in1k"
    assert "vit_tiny_patch16_224.augreg_in21k_ft_in1k" in names.options
    assert "huggingface.co when you press the button, not before" in texts(app)
    press(app, "bring-download")
    after(app, "bring-published")
    assert "could not be downloaded from huggingface.co" in app.main.error[0].value
    assert draft(app) is None
    monkeypatch.setattr(timm_models, "has_timm", lambda: False)
    monkeypatch.setattr(own_networks, "has_timm", lambda: False)
    app.run()
    assert "pip install timm" in app.main.info[0].value


@pytest.mark.slow
def test_a_form_is_trained_and_checked(app):
    next(group for group in app.get("button_group") if group.key == "bring-way").set_value("form")
    app.run()
    app.selectbox(key="form-kind").select("mlp").run()
    app.text_input(key="form-hidden").set_value("16, x").run()
    assert "whole numbers" in app.main.error[0].value
    app.text_input(key="form-hidden").set_value("16").run()
    app.number_input(key="form-epochs").set_value(2).run()
    # What is half filled in stays over a look at another page.
    app.switch_page("pages/curvature.py").run()
    app.switch_page("pages/model.py").run()
    assert app.text_input(key="form-hidden").value == "16"
    press(app, "form-train")
    after(app, "form-training-")
    press(app, "use-form-training-")
    assert draft(app).network.architecture.startswith("form/mlp/1x8x8/16/")
    after(app, "bring-check")
    after(app, "bring-time")
    assert {metric.label: metric.value for metric in app.main.metric}["Weights"] == "1,184"
    assert not app.exception


def test_what_cannot_be_read_is_named_first(app):
    class Gated(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.gate, self.last = (
                torch.nn.Linear(64, 8),
                torch.nn.Linear(64, 8),
                torch.nn.Linear(8, 10),
            )

        def forward(self, x):
            x = x.flatten(1)
            return self.last(self.one(x) / torch.sigmoid(self.gate(x)))

    buffer = io.BytesIO()
    torch.onnx.export(Gated().eval(), (torch.zeros(1, 1, 8, 8),), buffer, dynamo=False, input_names=["x"],
                      dynamic_axes={"x": {0: "batch"}})  # fmt: skip
    drop(app, "bring-file", ("gated.onnx", buffer.getvalue()))
    if draft(app) is not None:
        press(app, "data-use")
        after(app, "bring-check")
    after(app, "bring-time")
    assert app.main.error
    assert not app.exception
    assert not [button for button in app.main.button if button.key == "bring-compute"]


@pytest.mark.slow
def test_saved_networks_are_listed_opened_and_removed(app, onnx_file):
    drop(app, "bring-file", ("mine.onnx", onnx_file))
    images_from(app, "files")
    drop(app, "data-files", ("digits.zip", digits_zip()))
    press(app, "data-use")
    after(app, "bring-images")
    after(app, "bring-check")
    after(app, "bring-time")
    press(app, "bring-compute")
    app.switch_page("pages/model.py").run()
    press(app, "keep-save-mine.onnx")
    assert any("is saved" in toast.value for toast in app.toast)
    press(app, "keep-drop-mine.onnx")
    assert app.session_state["latest"].view.model == DEFAULT_MODEL
    app.session_state["model-tabs"] = "Library"
    app.run()
    press(app, "library-open")
    opened = app.session_state["networks"]["mine.onnx"]
    assert opened.original == onnx_file
    assert opened.dataset.startswith("own-")
    app.switch_page("pages/model.py").run()
    app.session_state["model-tabs"] = "Library"
    app.run()
    # The button is that network's alone, so that a second click on its place removes no other.
    press(app, f"library-remove-{app.session_state['library-name']}")
    assert "Nothing is saved yet" in texts(app)
    assert not app.exception


def test_another_session_sees_nothing_of_it(app, open_app, onnx_file):
    drop(app, "bring-file", ("mine.onnx", onnx_file))
    press(app, "data-use")
    after(app, "bring-check")
    after(app, "bring-time")
    press(app, "bring-compute")
    other = open_app()
    other.run()
    assert "mine.onnx" not in other.sidebar.selectbox[0].options
    assert other.session_state["networks"] == {}
    other.switch_page("pages/model.py").run()
    assert "mine" not in texts(other)


def test_time_that_is_used_up_is_a_sentence(app, onnx_file):
    from ncviz.limits import LIMITS

    drop(app, "bring-file", ("mine.onnx", onnx_file))
    images_from(app, "files")
    drop(app, "data-files", ("digits.zip", digits_zip()))
    app.session_state["spent"] = LIMITS.session_seconds
    press(app, "data-use")
    assert any("60 minutes of computing" in error.value for error in app.error)
    assert not app.exception


def test_work_may_take_what_is_left_of_a_sessions_time(app, onnx_file):
    from ncviz.limits import LIMITS

    drop(app, "bring-file", ("mine.onnx", onnx_file))
    images_from(app, "files")
    drop(app, "data-files", ("digits.zip", digits_zip()))
    app.session_state["spent"] = LIMITS.session_seconds - 1000
    press(app, "data-use")
    assert 0 < app.session_state["begun"][-1].most_seconds <= 1000


def offered(app, *choices, fits=False):
    """Have the check say that only these parts fit."""

    key, found = app.session_state["bring-time"]
    app.session_state["bring-time"] = (
        key,
        replace(found, fits=fits, choices=choices, table_bytes=9 * 10**12),
    )
    return app.run()


@pytest.mark.slow
def test_a_part_that_fits_is_computed_and_said_wherever_it_is_shown(app, onnx_file):
    from ncviz.config import CurvatureConfig
    from ncviz.preflight import Choice

    drop(app, "bring-file", ("mine.onnx", onnx_file))
    images_from(app, "files")
    drop(app, "data-files", ("digits.zip", digits_zip()))
    press(app, "data-use")
    after(app, "bring-images")
    after(app, "bring-check")
    after(app, "bring-time")
    names = [row for row in draft(app).network.arrays if row.endswith("weight")]
    part = Choice(
        "Only the last layer: exact", CurvatureConfig(layers=(names[-1],)), (1, 8, 8), 10**6, 160, 0.5
    )
    sample = Choice("At most 8 channels", CurvatureConfig(channels=8), (1, 8, 8), 10**6, 160, 0.5)
    offered(app, part, sample)
    assert "needs 9 TB" in texts(app)
    assert [option.replace("\\", "") for option in app.radio[0].options] == [
        "Only the last layer: exact · under 1 s, 1 MB",
        "At most 8 channels · under 1 s, 1 MB",
    ]
    press(app, "bring-compute")
    assert app.session_state["latest"].view.parts == names[-1]
    from ncviz.ui.server import resources

    assert resources.registry().jobs()[-1].wait(SECONDS)
    app.switch_page("pages/explore.py").run()
    assert "Curvature of a part alone: 1 of 3 layers" in texts(app)
    app.switch_page("pages/curvature.py").run()
    assert "Of a part alone: 1 of 3 layers" in texts(app)
    charts = [json.loads(each.proto.spec)["data"] for each in app.get("plotly_chart")]
    [by_class] = [traces[0] for traces in charts if traces[0]["type"] == "heatmap"]
    assert len(by_class["y"]) == 1
    press(app, "whole-network")
    assert app.session_state["latest"].view.parts == ""
    assert not app.exception


def test_smaller_images_are_made_of_those_that_are_there():
    from ncviz import tasks
    from ncviz.data.image_settings import settings_for
    from ncviz.data.user_data.registry import Part, UserData, register

    pixels = np.random.default_rng(0).integers(0, 255, (4, 3, 32, 32), dtype=np.uint8)
    own = UserData(
        "mine", ("a", "b"), settings_for((3, 32, 32)), {"all": Part(pixels, np.array([0, 1, 0, 1]), 4)}
    )
    smaller = tasks.smaller_images(register(own), (16, 16), NOWHERE)
    assert smaller.settings.input_shape == (3, 16, 16)
    assert smaller.part("test").images.shape == (4, 3, 16, 16)
    assert any("32×32" in note for note in smaller.notes)


def test_visitors_from_elsewhere_name_no_folders_and_clear_nothing(app, onnx_file, from_elsewhere):
    drop(app, "bring-file", ("mine.onnx", onnx_file))
    group = next(group for group in app.get("button_group") if group.key.startswith("data-way-"))
    assert list(group.options) == ["A known set", "Your files"]
    keys = {item.key for item in app.text_input}
    assert not keys & {"data-known-folder", "data-folder-own", "data_folder"}
    app.session_state["model-tabs"] = "Data"
    app.run()
    assert "data_folder" not in {item.key for item in app.text_input}
    app.session_state["model-tabs"] = "Library"
    app.run()
    assert "library" not in texts(app).replace("Library", "")
    app.switch_page("pages/curvature.py").run()
    assert "clear-store" not in {item.key for item in app.button}
    assert not app.exception


def test_visitors_from_here_may_clear(app):
    from ncviz.ui.server import resources

    resources.desk().store.put("a" * 64, {"x": np.zeros(1)}, {"kind": "test"})
    app.switch_page("pages/curvature.py").run()
    assert "clear-store" in {item.key for item in app.button}


def test_a_folder_is_refused_where_it_is_read_too(app, onnx_file, from_elsewhere, monkeypatch):
    from ncviz.ui.model import data, image_sources

    drop(app, "bring-file", ("mine.onnx", onnx_file))
    # As a client that makes up its messages would have it.
    monkeypatch.setattr(image_sources, "_draw_known", lambda *_: image_sources._draw_folder())
    app.run()
    assert "Naming a folder of the server is for the server's owner" in texts(app)
    assert "data-folder-own" not in {item.key for item in app.text_input}

    state = {"data_folder": "/"}
    monkeypatch.setattr(data.st, "session_state", state)
    data._take_folder()
    assert "is for the server's owner" in state["data_problem"]


def test_a_training_of_somebody_elses_is_only_looked_at(app, from_elsewhere):
    from ncviz.models.zoo import MODELS
    from ncviz.tasks import SeriesLog
    from ncviz.tasks.training import Training
    from ncviz.ui.server import resources

    stop = threading.Event()
    task = Training(MODELS["mlp-digits-relu"], 1, 0)
    log = SeriesLog((task,))
    job = resources.registry().start(
        "theirs", "Training", lambda _: stop.wait(SECONDS), "somebody else", kind=task.job, log=log
    )
    try:
        app.session_state["model-tabs"] = "Train"
        app.run()
        assert "Another visitor began this training" in texts(app)
        assert not [item.key for item in app.button if item.key.startswith(("stop-", "cancel-"))]
    finally:
        stop.set()
        job.wait(SECONDS)
        resources.registry().forget("theirs")


def test_what_white_counts_is_told_and_can_be_said(app, onnx_file):
    drop(app, "bring-file", ("mine.onnx", onnx_file))
    images_from(app, "files")
    buffer = io.BytesIO()
    np.save(buffer, load_sample_arrays("digits", "test")[0][:20])
    drop(app, "data-files", ("digits.npy", buffer.getvalue()))
    press(app, "data-use")
    after(app, "bring-images")
    assert "run from 0 to 16; 16 was taken for white" in texts(app)
    press(app, "data-other")
    drop(app, "data-files", ("digits.npy", buffer.getvalue()))
    app.text_input(key="data-white").set_value("sixteen")
    app.run()
    assert "A white pixel must count a number" in texts(app)
    app.text_input(key="data-white").set_value("20")
    app.run()
    press(app, "data-use")
    after(app, "bring-images")
    assert "taken for white" not in texts(app)
    from ncviz.data.user_data.registry import find_user_data

    assert find_user_data(draft(app).dataset).tensors("test")[0].max() == pytest.approx(16 / 20)
