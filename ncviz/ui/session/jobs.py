"""Starts the long work of the pages, and shows it: progress, time left, cancel, and what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import streamlit as st

from ncviz import tasks
from ncviz.config import NEVER_ACTIVE_PLACES, CurvatureConfig
from ncviz.errors import NcvizError
from ncviz.jobs import Job, JobKind
from ncviz.limits import LIMITS
from ncviz.scene.wording import part_words, private_title, unusual_words
from ncviz.tasks import CurvatureRecord, SweepRecord
from ncviz.tasks.desk import SeriesLog
from ncviz.text import about, plain, plural, with_code
from ncviz.ui.link.view_state import ViewState
from ncviz.ui.server import resources
from ncviz.ui.session import session, visitors

POLL_SECONDS = 0.5
# What the Model page's steps start.
BRINGING = JobKind(is_private=True, is_told=True)


def start_curvature(
    of: tasks.Network,
    config: CurvatureConfig,
    scope: str = "global",
    never_active: str = NEVER_ACTIVE_PLACES[0],
) -> Job:
    """Compute curvature and accuracy curves in the background; a run under way for the same key is joined."""
    curvature = tasks.Curvature(of, config)
    is_known = session.context().knows(curvature)
    what = "Accuracy curves" if is_known else "Curvature"
    images = plural(config.samples_per_class, "image")
    unusual = unusual_words(config.graph, has_batchnorm=of.has_batchnorm)
    part = ", ".join(words for words in (part_words(config), *unusual) if words)
    whose = private_title(of) + (f" ({part})" if part else "")
    label = f"{what} of {whose}, {images} per class, α = {config.alpha:g}, seed {config.seed}"
    curves = tasks.Sweep(of, config, scope, never_active)
    return start(tasks.Series((curvature, curves), is_by_time=True), label)


def start(series: tasks.Series, label: str) -> Job:
    """Do tasks in the background for this session; a run of the same key that is under way is joined."""
    desk = resources.desk()
    return _begin(
        series.key or series.tasks[-1].key(session.context()),
        lambda left: desk.start(series, session.context(), label, owner=session.token(), most_seconds=left),
    )


def begin(key: str, label: str, work: Callable[[Job], Any], kind: JobKind) -> Job:
    """Start long work that is no task for this session, or join the run of that key."""
    return _begin(
        key, lambda left: resources.registry().start(key, label, work, session.token(), left, kind=kind)
    )


def _begin(key: str, start: Callable[[float], Job]) -> Job:
    """Start a job with the seconds that are left to this session; the page stops with a sentence at the limit."""
    left = LIMITS.session_seconds - seconds_spent()
    if left <= 0:
        st.error(
            f"This session has used its {LIMITS.session_seconds / 60:.0f} minutes of computing. Results stay; "
            "save your networks on the Model page, then reload for a new session."
        )
        st.stop()
    watch(key)
    known = resources.registry().get(key)
    job = start(left)
    if job is not known:
        st.session_state.setdefault("begun", []).append(job)
    return job


def seconds_spent() -> float:
    """Return how long the work has taken that this session began, what still runs included."""
    begun: list[Job] = st.session_state.get("begun", [])
    finished = [job for job in begun if not job.is_active]
    st.session_state["begun"] = [job for job in begun if job not in finished]
    spent: float = st.session_state.get("spent", 0.0) + sum(job.elapsed for job in finished)
    st.session_state["spent"] = spent
    return spent + sum(job.elapsed for job in begun if job.is_active)


def watch(key: str) -> None:
    """Show a job to this session, on whatever page it is."""
    watched: list[str] = st.session_state.setdefault("jobs", [])
    if key not in watched:
        watched.append(key)


def job_for(of: tasks.Network, view: ViewState) -> Job | None:
    """Return the latest run for what a view looks at, if there was one."""
    return resources.desk().job(tasks.Sweep(of, view.config, view.scope, view.never), session.context())


def results(of: tasks.Network, view: ViewState) -> tuple[CurvatureRecord | None, SweepRecord | None]:
    """Return curvature and accuracy curves of what a view looks at, as far as they are known.

    While the curvature is computed that is what is certain of it so far.
    """
    curves = tasks.Sweep(of, view.config, view.scope, view.never)
    found, context = _curvature(of, view), session.context()
    sweep = context.look_up(curves)
    # One that goes by middles is no result beside a curvature that is exact by now.
    return found, sweep if sweep is not None and curves.is_complete(sweep, context) else None


def is_newer(of: tasks.Network, view: ViewState, record: CurvatureRecord | None) -> bool:
    """Whether more is known by now of the curvature that a view looks at."""
    found = _curvature(of, view)
    return found is not None and (record is None or _sharpness(found) != _sharpness(record))


def _sharpness(record: CurvatureRecord) -> tuple[str, bool]:
    return record.key, record.samples is not None


def _curvature(of: tasks.Network, view: ViewState) -> CurvatureRecord | None:
    context, curvature = session.context(), tasks.Curvature(of, view.config)
    # In this order: a run shows no more once its result is kept.
    shown = _shown_by(job_for(of, view))
    record = context.look_up(curvature)
    if shown is None or (record is not None and curvature.is_complete(record, context)):
        return record
    # Whoever began the run may call the network otherwise.
    return curvature.as_asked(shown)


def _shown_by(job: Job | None) -> CurvatureRecord | None:
    """Return what a run that computes a curvature knows of it so far; None before there is anything, and after it."""
    if job is None or not job.is_active or not isinstance(job.log, SeriesLog):
        return None
    for task in job.log.tasks[job.log.done :]:
        if isinstance(task, tasks.Curvature):
            return next(iter(job.log.shown.get(task, ())), None)
    return None


def running_jobs() -> None:
    """Show what is computed for this session; polls only while something runs, and redraws the page at its end."""
    seconds_spent()
    active = any(job.is_active for job in _visible())
    # The page is drawn after this and tells anew which runs it shows itself; till then those of the last time count.
    before = [st.session_state.pop("shown_here", set())]
    st.fragment(_jobs, run_every=visitors.every(POLL_SECONDS) if active else None)(active, before)


def _visible() -> list[Job]:
    """Jobs that this session started, or whose result it looks at (another session's, or its own before a reload)."""
    view = session.view()
    keys = set(st.session_state.get("jobs", []))
    # Where the data cannot be read, the page says so.
    with suppress(NcvizError):
        keys.add(tasks.Sweep(session.network(), view.config, view.scope, view.never).key(session.context()))
    return [job for job in resources.registry().jobs() if job.key in keys or job.kind.is_public]


def follow(job: Job) -> None:
    """Show a run, whoever started it; the sidebar, which redraws the page at its end, has to know of it first."""
    if job.key not in st.session_state.get("jobs", []):
        watch(job.key)
        st.rerun()
    progress_here(job)


def progress_here(job: Job) -> None:
    """Show one running job in the page itself, where a phone shows no sidebar; the sidebar leaves it out then."""
    st.session_state.setdefault("shown_here", set()).add(job.key)
    st.fragment(_running, run_every=visitors.every(POLL_SECONDS))(job, "here")


def duration(seconds: float | None) -> str:
    """Return how long something still takes, for people, such as "about 40 s left"."""
    return "estimating the time left" if seconds is None else f"{about(seconds)} left"


def _jobs(was_active: bool, before: list[set[str]]) -> None:
    jobs = _visible()
    active = [job for job in jobs if job.is_active]
    here = before.pop() if before else st.session_state.get("shown_here", set())
    for job in active:
        # One bar, one time left and one Cancel for each run.
        if job.key not in here:
            _running(job)
    if was_active and not active:
        st.rerun(scope="app")
    for job in jobs:
        if job.kind.is_told:
            continue
        if not job.is_active and st.session_state.setdefault("seen", {}).get(job.key) != job.started:
            _ended(job)


def _running(job: Job, place: str = "sidebar") -> None:
    now = job.snapshot()
    if not now.is_active:
        return
    st.markdown(f"**{plain(now.label)}**")
    left = "queued" if now.state == "queued" else duration(now.eta_seconds)
    st.progress(now.fraction, text="stopping…" if now.is_cancelling else f"{now.fraction:.0%} · {left}")
    if now.message:
        st.caption(now.message)
    # Whoever only watches a long run is here as well.
    visitors.visited()
    # What is public is shown to everybody; all else to those who asked for it, or who look at what it computes.
    if job.kind.is_public:
        if not visitors.may_cancel(job):
            return
    elif not visitors.may_stop(job):
        st.caption("Somebody else waits for this too, so it cannot be stopped.")
        return
    # A callback is called even where the page was drawn anew between the button and its press.
    st.button("Cancel", key=f"cancel-{place}-{now.key}", disabled=now.is_cancelling, on_click=job.cancel)


def _ended(job: Job) -> None:
    now = job.snapshot()
    if now.state == "failed":
        st.error(with_code(f"{now.label}: {now.error or 'the computation failed.'}"))
    elif now.state == "cancelled":
        st.info(plain(f"{now.label}: cancelled; {job.kind.kept}."))
    elif now.problem:
        st.warning(f"The result is shown but could not be stored. {plain(now.problem)}")
    else:
        return
    if st.button("Dismiss", key=f"dismiss-{now.key}"):
        st.session_state["seen"][now.key] = now.started
        st.rerun(scope="fragment")
