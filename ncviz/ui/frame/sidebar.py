"""The sidebar that all pages share: which network, on which device, and what is being computed."""

from __future__ import annotations

import streamlit as st

from ncviz.errors import NcvizError
from ncviz.scene.wording import settings_words
from ncviz.text import capitalised, plain
from ncviz.ui.server import resources
from ncviz.ui.session import jobs, networks, session

WAIT_SECONDS = 1.0


def draw_sidebar() -> None:
    """Draw the sidebar."""
    ready = resources.torch_ready()
    if session.view().hides("sidebar"):
        # Accuracies are measured once torch is there; without the sidebar, somebody else has to wait for it.
        if not ready.is_set():
            st.fragment(_redraw_when_ready, run_every=WAIT_SECONDS)()
        return
    with st.sidebar:
        st.markdown("## ncviz")
        st.caption("See how information flows through a neural network.")
        _draw_network()
        st.fragment(_draw_device, run_every=None if ready.is_set() else WAIT_SECONDS)(ready.is_set())
        _draw_settings()
        jobs.running_jobs()
        for problem in resources.desk().store.problems[-3:]:
            st.warning(plain(problem))


def _draw_network() -> None:
    titles = networks.network_titles()
    st.selectbox(
        "Network",
        list(titles),
        format_func=lambda name: titles.get(name, name),
        help="Bring your own on the Model page.",
        **session.shows("network", session.view().model, networks.select_model),
    )


def _draw_settings() -> None:
    told = settings_words(session.network(), session.view().config)
    st.caption(f"{capitalised(told)}.")
    st.page_link("pages/curvature.py", label="Change settings")


def _redraw_when_ready() -> None:
    if resources.torch_ready().is_set():
        st.rerun(scope="app")


def _draw_device(was_ready: bool) -> None:
    """Let the user choose; listing GPUs needs torch, which is still loading while the first page is drawn."""
    if not resources.torch_ready().is_set():
        st.selectbox("Device", ["cpu"], disabled=True, help="Looking for GPUs…", key="device_pending")
        return
    if not was_ready:
        st.rerun(scope="app")
    try:
        found = {device.name: str(device) for device in resources.devices()}
    except (NcvizError, RuntimeError) as error:
        st.warning(f"The GPUs of this machine cannot be listed ({plain(str(error))}); the CPU is used.")
        found = {"cpu": "cpu"}
    current = session.device() if session.device() in found else "cpu"
    st.selectbox(
        "Device",
        list(found),
        format_func=lambda name: found.get(name, name),
        help="Where to compute and to evaluate. The result is the same on every device.",
        **session.shows("device", current, session.select_device),
    )
