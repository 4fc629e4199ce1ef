"""The settings of a curvature computation, and the button that starts it."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from ncviz import tasks
from ncviz.config import CurvatureConfig
from ncviz.data.datasets import find_dataset
from ncviz.jobs import Job
from ncviz.scene.wording import part_words
from ncviz.tasks import CurvatureRecord, SweepRecord
from ncviz.text import plain, plural
from ncviz.ui.session import jobs, session
from ncviz.ui.session.problems import telling_errors
from ncviz.ui.session.subject import MAIN, Side

ALPHA_HELP = (
    "Share of the mass that stays where it is. From 1/2 on the curvature no longer depends on it and a closed form "
    "is used; below, every edge's full transport problem is solved, which takes far longer."
)


def show(of: tasks.Network) -> None:
    """Draw the settings; the view follows them only when Compute is pressed."""
    view = session.view()
    with st.form("curvature-settings", border=True):
        columns = st.columns([1, 1, 1, 1], vertical_alignment="bottom")
        # No bounds here: a field with bounds refuses in silence, and the sentence is what helps.
        samples = columns[0].number_input(
            "Samples per class",
            value=view.samples,
            help="Correctly classified calibration images of each class.",
        )
        alpha = columns[1].number_input("Idleness α", value=view.alpha, step=0.05, help=ALPHA_HELP)
        seed = columns[2].number_input(
            "Seed", value=view.seed, help="0 takes the first images of each class; any other number draws."
        )
        pressed = columns[3].form_submit_button("Compute", type="primary", width="stretch")
    _where(of)
    if pressed:
        start(of, int(samples), float(alpha), int(seed))


def _where(of: tasks.Network) -> None:
    """Say what is computed on what, and whether it is a part alone, with the way back to all of it."""
    with telling_errors(then=st.stop):
        pool = find_dataset(of.dataset).title
    st.caption(
        plain(
            f"{of.title}, calibrated on {pool} training images, on {session.device()} (change it in the sidebar)."
        )
    )
    part = part_words(session.view().config)
    if part:
        words, whole = st.columns([4, 1], vertical_alignment="center")
        words.info(f"Of a part alone: {part}. What is left out has no curvature.")
        if whole.button("Look at all of it", key="whole-network", width="stretch"):
            session.change(parts="", channels=0)
            st.rerun()


@telling_errors()
def start(of: tasks.Network, samples: int, alpha: float, seed: int) -> None:
    """Look at these settings, and compute what is not known yet."""
    view = session.view()
    config = replace(view.config, alpha=alpha, samples_per_class=samples, seed=seed)
    known = jobs.results(of, config, view.scope, session.data_dir())
    if None in known:
        jobs.start_curvature(of, config, session.device(), session.data_dir(), view.scope)
    else:
        st.toast("This result was stored before.")
    if config != view.config:
        st.session_state["good_settings"] = view.config
    session.change(samples=samples, alpha=alpha, seed=seed)
    st.rerun()


def known(of: tasks.Network, side: Side) -> tuple[CurvatureRecord | None, SweepRecord | None]:
    """Return what is known for a side.

    Raises:
        NcvizError: If data or results cannot be read.
    """
    view = side.view
    return jobs.results(of, view.config, view.scope, session.data_dir())


def current(of: tasks.Network) -> tuple[CurvatureRecord | None, SweepRecord | None]:
    """Return what is known for the view; after a failure or a cancel, go back to the last good settings."""
    view, data_dir = session.view(), session.data_dir()
    with telling_errors(then=st.stop):
        found = known(of, MAIN)
    good: CurvatureConfig | None = st.session_state.get("good_settings")
    if found[0] is None and good is not None and good != view.config:
        job = jobs.job_for(of, view.config, view.scope, data_dir)
        if job is not None and not job.is_active:
            del st.session_state["good_settings"]
            session.change(
                samples=good.samples_per_class,
                alpha=good.alpha,
                seed=good.seed,
                parts=",".join(good.layers),
                channels=good.channels,
            )
            st.rerun()
    return found


def empty_state(of: tasks.Network, side: Side = MAIN) -> None:
    """Say that there is nothing yet, and offer the next click."""
    view = side.view
    job = jobs.job_for(of, view.config, view.scope, session.data_dir())
    if job is not None and job.is_active:
        st.info(f"Computing the curvature of {plain(of.title)}. The picture appears here when it is done.")
        _follow(job)
        return
    images = plural(view.samples, "image")
    part = part_words(view.config)
    st.info(
        f"No curvature yet for {plain(of.title)} with {images} per class, α = {view.alpha:g}, seed {view.seed}"
        f"{f', {part}' if part else ''}."
    )
    if st.button("Compute it now", type="primary", key=_key("compute-now", side)):
        start(of, view.samples, view.alpha, view.seed)


def missing_curve(of: tasks.Network, side: Side = MAIN) -> None:
    """Measure the accuracy curves of a curvature that is known, such as after the scope was changed."""
    view = side.view
    job = jobs.job_for(of, view.config, view.scope, session.data_dir())
    if job is None:
        jobs.start_curvature(of, view.config, session.device(), session.data_dir(), view.scope)
        st.rerun()
    if job.is_active:
        st.info("Measuring the accuracy curves for this choice; the picture appears here when they are done.")
        _follow(job)
        return
    st.info("The accuracy curves for this choice were not measured.")
    again, back = st.columns([1, 3])
    if again.button("Measure them", type="primary", key=_key("measure-curves", side)):
        jobs.start_curvature(of, view.config, session.device(), session.data_dir(), view.scope)
        st.rerun()
    if view.scope != "global" and back.button("Back to the whole network", key=_key("back-to-global", side)):
        session.change(scope="global")
        st.rerun()


def _follow(job: Job) -> None:
    """Show a run, whoever started it; the sidebar, which redraws the page at its end, has to know of it first."""
    if job.key not in st.session_state.get("jobs", []):
        jobs.watch(job.key)
        st.rerun()
    jobs.progress_here(job)


def _key(name: str, side: Side) -> str:
    return f"{name}-{side.name}" if side.is_other else name
