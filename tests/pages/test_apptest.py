"""Each page by Streamlit's own test harness: it runs, and bad input is a sentence."""

import pytest
from streamlit.testing.v1 import AppTest

# Streamlit's own use of asyncio in a test without a server.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:streamlit")
SECONDS = 60


@pytest.fixture
def app(tmp_path, monkeypatch):
    monkeypatch.setenv("NCVIZ_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("NCVIZ_DATA", raising=False)
    return AppTest.from_file("../../app.py", default_timeout=SECONDS)


@pytest.mark.parametrize("page", ["explore", "model", "curvature"])
def test_every_page_runs(app, page):
    app.run()
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    assert not app.error


def test_a_link_sets_the_view(app):
    app.query_params["removed"] = "0.5"
    app.query_params["order"] = "bottlenecks"
    app.run()
    assert app.session_state["view"].removed == 0.5
    assert app.session_state["view"].order == "bottlenecks"
    assert not app.exception


def test_a_bad_link_is_a_toast_and_the_default(app):
    app.query_params["alpha"] = "7"
    app.run()
    assert app.session_state["view"].alpha == 0.9
    assert any("alpha" in toast.value for toast in app.toast)
    assert not app.exception


def test_settings_that_were_not_computed_offer_the_next_click(app):
    app.query_params["seed"] = "11"
    app.run()
    assert any("No curvature yet" in info.value for info in app.info)
    assert any(button.label == "Compute it now" for button in app.button)


def test_the_model_selector_changes_the_view(app):
    app.run()
    app.sidebar.selectbox[0].select("lenet-mnist-relu").run()
    assert app.session_state["view"].model == "lenet-mnist-relu"
    assert not app.exception
