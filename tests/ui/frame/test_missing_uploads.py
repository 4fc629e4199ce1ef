"""What a reload, or a server without room, takes from a session is said in a sentence."""

from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ncviz import tasks
from ncviz.data.image_settings import settings_for
from ncviz.data.user_data.registry import Part, UserData, UserDataRegistry

SECONDS = 60


def page():
    """The frame's part of a page: the link read, the notice, the page, the link written."""
    import streamlit as st

    from ncviz.ui.frame import missing_uploads
    from ncviz.ui.session import address, session

    session.begin()
    missing_uploads.tell_missing(is_model_page=False)
    st.write("the page itself")
    address.write_link()


@pytest.fixture
def links(monkeypatch):
    """Where the page links to; Streamlit's harness knows no pages here."""
    found = []
    monkeypatch.setattr("streamlit.page_link", lambda page, label: found.append(page))
    return found


@pytest.fixture
def app(links):
    return AppTest.from_function(page, default_timeout=SECONDS)


@pytest.fixture
def own():
    pixels = np.random.default_rng(0).integers(0, 255, (4, 1, 8, 8), dtype=np.uint8)
    images = UserData("mine.npz", (), settings_for((1, 8, 8)), {"all": Part(pixels, None, 4)})
    network = replace(
        tasks.open_network("mlp-digits-relu"), name="mine.onnx", title="mine.onnx", is_bundled=False
    )
    return tasks.with_images(network, images)


def look_at(app, network, **changed):
    app.session_state["networks"][network.name] = network
    latest = app.session_state["latest"]
    latest.view = replace(latest.view, model=network.name, **changed)
    return app.run()


def told(app):
    return " ".join(item.value for item in (*app.warning, *app.markdown))


def test_a_reload_says_that_the_network_is_gone(app, own, links):
    look_at(app.run(), own, removed=0.9)
    assert "held for one session" not in told(app)
    link = app.query_params
    assert list(link["brought"]) == ["1"]
    assert "model" not in link
    anew = AppTest.from_function(page, default_timeout=SECONDS)
    for name, values in link.items():
        anew.query_params[name] = values
    anew.run()
    assert "The network that you brought was held for one session only" in told(anew)
    assert "the page itself" in told(anew)
    assert links == ["pages/model.py"]
    # What was removed of the network that is gone says nothing of another.
    assert anew.session_state["latest"].view.removed == 0
    assert list(anew.query_params["brought"]) == ["1"]
    assert "held for one session" in told(anew.run())


def test_another_network_ends_the_notice(app, own):
    app.query_params["brought"] = "1"
    assert "held for one session" in told(app.run())
    app.session_state["lost"] = False
    assert "held for one session" not in told(app.run())
    assert "brought" not in app.query_params


def test_choosing_a_network_is_looking_at_another():
    def choose():
        from ncviz.ui.session import networks, session

        session.begin()
        networks.select_model("mlp-digits-tanh")

    app = AppTest.from_function(choose, default_timeout=SECONDS)
    app.query_params["brought"] = "1"
    assert app.run().session_state["lost"] is False


def test_images_that_had_to_make_room_end_the_page(app, own, links, monkeypatch):
    look_at(app.run(), own)
    assert "the page itself" in told(app)
    monkeypatch.setattr("ncviz.data.user_data.registry._REGISTRY", UserDataRegistry(1))
    app.run()
    assert "The images that you brought had to make room" in told(app)
    assert "the page itself" not in told(app)
    assert links == ["pages/model.py"]
