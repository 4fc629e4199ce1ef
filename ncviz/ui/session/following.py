"""A run shown in the page, whoever started it, with what it has come to so far."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ncviz.jobs import Job
from ncviz.ui.session import jobs, visitors

POLL_SECONDS = 0.7


def follow(
    job: Job,
    draw: Callable[[], object] | None = None,
    *,
    seconds: float = POLL_SECONDS,
    has_news: Callable[[], bool] | None = None,
) -> None:
    """Show a run; the sidebar has to know of it first. At its end the page is drawn anew.

    Args:
        job: The run.
        draw: Draws what it has come to, at each look.
        seconds: How often to look.
        has_news: Whether the page is to be drawn anew before that.
    """
    jobs.follow(job)
    st.fragment(_look, run_every=visitors.every(seconds))(job, draw, has_news)


def _look(job: Job, draw: Callable[[], object] | None, has_news: Callable[[], bool] | None) -> None:
    if not job.is_active or (has_news is not None and has_news()):
        st.rerun(scope="app")
    if draw is not None:
        draw()
