"""The settings of a curvature computation, and the button that starts it."""

from __future__ import annotations

import streamlit as st

from ncviz import pipeline
from ncviz.config import MAX_SAMPLES_PER_CLASS, CurvatureConfig
from ncviz.data.datasets import DATASETS
from ncviz.errors import NcvizError
from ncviz.ui import compute, session

ALPHA_HELP = (
    "Share of the mass that stays where it is. From 1/2 on the curvature no longer depends on it and a closed form "
    "is used; below, every edge's full transport problem is solved, which takes far longer."
)


def show(of: pipeline.Network) -> None:
    """Draw the settings; the view follows them only when Compute is pressed."""
    view = session.view()
    with st.form("curvature-settings", border=True):
        columns = st.columns([1, 1, 1, 1], vertical_alignment="bottom")
        samples = columns[0].number_input(
            "Samples per class",
            1,
            MAX_SAMPLES_PER_CLASS,
            view.samples,
            help="Correctly classified calibration images of each class.",
        )
        alpha = columns[1].number_input("Idleness α", 0.0, 0.99, view.alpha, 0.05, help=ALPHA_HELP)
        seed = columns[2].number_input(
            "Seed",
            0,
            2**31 - 1,
            view.seed,
            help="0 takes the first images of each class; any other number draws.",
        )
        pressed = columns[3].form_submit_button("Compute", type="primary", width="stretch")
    pool = DATASETS[of.dataset].title
    st.caption(
        f"{of.title}, calibrated on {pool} training images, on {session.device()} (change it in the sidebar)."
    )
    if pressed:
        start(of, int(samples), float(alpha), int(seed))


def start(of: pipeline.Network, samples: int, alpha: float, seed: int) -> None:
    """Look at these settings, and compute what is not known yet."""
    try:
        config = CurvatureConfig(alpha, samples, seed)
        known = compute.results(of, config, session.view().scope, session.data_dir())
        session.change(samples=samples, alpha=alpha, seed=seed)
        if None in known:
            compute.start_curvature(of, config, session.device(), session.data_dir(), session.view().scope)
        else:
            st.toast("This result was stored before.")
    except NcvizError as error:
        st.error(str(error))
        return
    st.rerun()


def empty_state(of: pipeline.Network) -> None:
    """Say that there is nothing yet, and offer the next click."""
    view = session.view()
    job = compute.job_for(of, view.config, view.scope, session.data_dir())
    if job is not None and job.is_active:
        st.info(f"Computing the curvature of {of.title}. The picture appears here when it is done.")
        return
    if job is not None and job.error:
        st.error(job.error)
    st.info(
        f"No curvature yet for {of.title} with {view.samples} per class, α = {view.alpha:g}, seed {view.seed}."
    )
    if st.button("Compute it now", type="primary", key="compute-now"):
        start(of, view.samples, view.alpha, view.seed)


def missing_curve(of: pipeline.Network) -> None:
    """Measure the accuracy curves of a curvature that is known, such as after the scope was changed."""
    view = session.view()
    job = compute.job_for(of, view.config, view.scope, session.data_dir())
    if job is not None and job.error:
        st.error(job.error)
        return
    if job is None or not job.is_active:
        compute.start_curvature(of, view.config, session.device(), session.data_dir(), view.scope)
        st.rerun()
    st.info("Measuring the accuracy curves for this choice; the picture appears here when they are done.")
