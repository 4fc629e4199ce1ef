"""The check of a network that was brought, in the background: found, or shown while it runs."""

from __future__ import annotations

from typing import TypeVar

import streamlit as st

from ncviz import tasks
from ncviz.text import with_code
from ncviz.ui.model import draft
from ncviz.ui.server import resources
from ncviz.ui.session import jobs, session

R = TypeVar("R")
# A small network is checked before anybody sees that it is.
PATIENCE_SECONDS = 1.5


def run(slot: str, task: tasks.Task[R], what: str) -> R | None:
    """Return what a part of the check found, and show it while it runs.

    Args:
        slot: "check" or "time".
        task: What to do where that is not known.
        what: What it is called.
    """
    key = task.key(session.context())
    held: tuple[str, R] | None = st.session_state.get(f"bring-{slot}")
    if held is not None and held[0] == key:
        return held[1]
    name = f"bring-{slot}-{key}"
    job = resources.registry().get(name)
    if job is None:
        job = jobs.start(tasks.Series([task], name), what)
    with st.spinner(f"{what}…"):
        job.wait(PATIENCE_SECONDS)
    if job.is_active:
        draft.follow(job)
        return None
    now = job.snapshot()
    if now.state == "done":
        found: R = now.result
        st.session_state[f"bring-{slot}"] = (key, found)
        return found
    if now.state == "failed":
        st.error(with_code(now.error or "The check failed."))
    else:
        st.caption("That was stopped.")
    if st.button("Try again", key=f"bring-{slot}-again"):
        resources.registry().forget(name)
        st.rerun()
    return None
