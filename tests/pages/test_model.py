"""The Model page: each way in, bad files included, by Streamlit's own test harness."""

import io
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from ncviz.data.datasets import load_sample_arrays
from ncviz.models.architectures import build_seeded
from ncviz.models.loading import load_model

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
SECONDS = 60
TAB = "Bring your own"


@pytest.fixture
def app(tmp_path, monkeypatch):
    monkeypatch.setenv("NCVIZ_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NCVIZ_LIBRARY", str(tmp_path / "library"))
    monkeypatch.delenv("NCVIZ_DATA", raising=False)
    app = AppTest.from_file("../../app.py", default_timeout=SECONDS)
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
    from ncviz.ui import resources

    for job in resources.registry().jobs():
        if job.key.startswith(prefix):
            assert job.wait(SECONDS)
    return app.run()


def draft(app):
    return app.session_state["bring-draft"] if "bring-draft" in app.session_state else None


def texts(app):
    return " ".join(item.value for kind in ("markdown", "caption", "error", "info", "success", "warning")
                    for item in app.main.get(kind))  # fmt: skip


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
