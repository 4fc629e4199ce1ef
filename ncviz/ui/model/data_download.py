"""Downloading a known data set into a folder of the server: the button, its progress and its end."""

from __future__ import annotations

import streamlit as st

from ncviz.jobs import Job
from ncviz.tasks.images import download_named
from ncviz.ui.model import draft
from ncviz.ui.session import visitors
from ncviz.ui.session.problems import telling_errors

FOLDER = "Naming a folder of the server"


def offer_download(slot: str, name: str, title: str, folder: str) -> bool:
    """Draw the button, or the run; return whether the data set has just arrived.

    Args:
        slot: Which of the page's downloads it is; one runs of each.
        name: What ``download_named`` knows it by.
        title: What to call it.
        folder: Where it goes; "" draws a button that cannot be pressed.
    """
    has_arrived = bool(draft.collect(slot))
    if has_arrived:
        st.toast(f"{title} is downloaded.")
    job = draft.running(slot)
    if job is not None:
        draft.follow(job)
    elif st.button(f"Download {title} into this folder", key=slot, disabled=not folder):
        with telling_errors():
            visitors.check_trusted(FOLDER)

            def fetch(job: Job) -> bool:
                download_named(name, folder, job.progress)
                return True

            draft.begin(slot, f"Downloading {title}", fetch)
            st.rerun()
    draft.draw_problem(slot)
    return has_arrived
