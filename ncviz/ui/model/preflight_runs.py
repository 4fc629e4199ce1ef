"""The work behind the check of a network that was brought: reading it, trying some images, measuring the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from ncviz.jobs import JobHandle
from ncviz.text import plain
from ncviz.ui.model import draft
from ncviz.ui.server import resources
from ncviz.ui.session import jobs

# A small network is checked before anybody sees that it is.
PATIENCE_SECONDS = 1.5


def run(slot: str, key: str, work: Callable[[JobHandle], Any]) -> Any:
    """Return what a part of the check found, and show it while it runs.

    Args:
        slot: "check" or "time".
        key: What network and images.
        work: What to run where that is not known.
    """
    held: tuple[str, Any] | None = st.session_state.get(f"bring-{slot}")
    if held is not None and held[0] == key:
        return held[1]
    name = f"{jobs.BRINGING}{slot}-{key}"
    job = resources.registry().get(name)
    what = "Reading your network" if slot == "check" else "Measuring how long it takes"
    if job is None:
        job = jobs.begin(name, what, lambda handle: {"found": work(handle)})
    with st.spinner(f"{what}…"):
        job.wait(PATIENCE_SECONDS)
    if job.is_active:
        draft.follow(job)
        return None
    now = job.snapshot()
    if now.state == "done":
        st.session_state[f"bring-{slot}"] = (key, now.result["found"])
        return now.result["found"]
    if now.state == "failed":
        st.error(plain(now.error or "The check failed."))
    else:
        st.caption("That was stopped.")
    if st.button("Try again", key=f"bring-{slot}-again"):
        resources.registry().forget(name)
        st.rerun()
    return None
