"""A run shown in the page, whoever started it, with what it has come to so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from ncviz import tasks
from ncviz.jobs import Job
from ncviz.ui.server import resources
from ncviz.ui.session import jobs, session, visitors
from ncviz.ui.session.problems import tell_failure

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


def follow_task(
    task: tasks.Task[Any], draw: Callable[[], object] | None = None, *, seconds: float = POLL_SECONDS
) -> bool:
    """Show the run of a task while there is one, and tell why the last one failed.

    Args:
        task: What is run.
        draw: As for ``follow``.
        seconds: As for ``follow``.

    Returns:
        Whether it runs.
    """
    job = resources.desk().job(task, session.context())
    if job is not None and job.is_active:
        follow(job, draw, seconds=seconds)
        return True
    tell_failure(job)
    return False


def _look(job: Job, draw: Callable[[], object] | None, has_news: Callable[[], bool] | None) -> None:
    if not job.is_active or (has_news is not None and has_news()):
        st.rerun(scope="app")
    if draw is not None:
        draw()
