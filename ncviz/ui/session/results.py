"""The curvature and the curves that a page is about: looked up, or offered to be computed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from ncviz import tasks
from ncviz.config import NEVER_ACTIVE_PLACES, CurvatureConfig, GraphConfig
from ncviz.scene.wording import graph_words, part_words
from ncviz.tasks import CurvatureRecord, SweepRecord
from ncviz.text import plain, plural
from ncviz.ui.server import resources
from ncviz.ui.session import jobs, networks, session
from ncviz.ui.session.following import follow
from ncviz.ui.session.problems import telling_errors
from ncviz.ui.session.subject import Side, first_side

# Values of a network from which its curvature is drawn before it is exact.
_MAY_TAKE_MINUTES = 50_000


@telling_errors()
def look_at(of: tasks.Network, samples: int, alpha: float, seed: int, graph: GraphConfig) -> None:
    """Look at these settings, and compute what is not known yet."""
    view = session.view()
    wanted: dict[str, Any] = {
        **{"samples": samples, "alpha": alpha, "seed": seed},
        **{"batchnorm": graph.batchnorm, "weight_scale": graph.scale},
    }
    asked = replace(view, **wanted)
    config = asked.config
    if None in jobs.results(of, asked):
        jobs.start_curvature(of, config, view.scope, view.never)
    else:
        st.toast("This result was stored before.")
    if config != view.config:
        st.session_state["good_settings"] = view.config
    session.change(**wanted)
    st.rerun()


def find_results(of: tasks.Network, side: Side) -> tuple[CurvatureRecord | None, SweepRecord | None]:
    """Return what is known for a side.

    Raises:
        NcvizError: If data or results cannot be read.
    """
    return jobs.results(of, side.view)


def current_results(of: tasks.Network) -> tuple[CurvatureRecord | None, SweepRecord | None]:
    """Return what is known for the view; after a failure or a cancel, go back to the last good settings."""
    view = session.view()
    with telling_errors(then=st.stop):
        found = find_results(of, first_side())
    good: CurvatureConfig | None = st.session_state.get("good_settings")
    if found[0] is None and good is not None and good != view.config:
        job = jobs.job_for(of, view)
        if job is not None and not job.is_active:
            del st.session_state["good_settings"]
            session.change(
                samples=good.samples_per_class,
                alpha=good.alpha,
                seed=good.seed,
                parts=",".join(good.layers),
                channels=good.channels,
                batchnorm=good.batchnorm,
                weight_scale=good.scale,
            )
            st.rerun()
    return found


def offer_curvature(of: tasks.Network, side: Side) -> None:
    """Say that there is nothing yet, and offer the next click."""
    view = side.view
    job = jobs.job_for(of, view)
    if job is not None and job.is_active:
        st.info(
            f"Computing the curvature of {plain(of.title)}. What is known of it appears here as soon as there are "
            "bounds."
        )
        follow(job, has_news=lambda: jobs.is_newer(of, view, None))
        return
    images = plural(view.samples, "image")
    more = [words for words in (graph_words(of, view.config), part_words(view.config)) if words]
    told = ", ".join([f"{images} per class", f"α = {view.alpha:g}", f"seed {view.seed}", *more])
    st.info(f"No curvature yet for {plain(of.title)} with {told}.")
    with st.container(horizontal=True, gap="small"):
        if st.button("Compute it now", type="primary", key=_key("compute-now", side)):
            look_at(of, view.samples, view.alpha, view.seed, view.config.graph)
        if not side.is_other and not view.config.layers:
            _offer_last_layer(of)
    if sum(values.size for values in of.arrays.values()) >= _MAY_TAKE_MINUTES:
        st.caption(
            "The whole network may take minutes. The time left is told once a part of the work is done; what is "
            "certain of κ is drawn before that, and kept if you cancel. The last layer alone takes seconds."
        )
    if not side.is_other:
        _offer_measured(view.config)


@telling_errors()
def _offer_last_layer(of: tasks.Network) -> None:
    """Offer the last layer alone: what its κ needs are paths of a few layers at the network's end."""
    if not st.button("Only the last layer", key="compute-last"):
        return
    with st.spinner("Reading the network…"):
        names = list(tasks.shapes_of(of))
    session.change(parts=names[-1])
    view = session.view()
    if None in jobs.results(of, view):
        jobs.start_curvature(of, view.config, view.scope, view.never)
    st.rerun()


def follow_sharpening(of: tasks.Network, record: CurvatureRecord, side: Side) -> None:
    """Say how sharp a curvature is that is not exact, and draw the page anew whenever it has become sharper."""
    if tasks.Curvature(of, side.view.config).is_complete(record, session.context()):
        if record.intervals is not None:
            st.info(record.intervals.sentence())
        return
    job = jobs.job_for(of, side.view)
    told = (
        "κ is exact over all images together, but not yet known on each of them alone."
        if record.intervals is None
        else record.intervals.sentence()
    )
    if job is None or not job.is_active:
        st.info(told)
        if st.button("Compute it exactly", type="primary", key=_key("sharpen", side)):
            jobs.start_curvature(of, side.view.config, side.view.scope, side.view.never)
            st.rerun()
        return
    st.info(told if record.intervals is None else f"{told} They sharpen while you look.")
    follow(job, has_news=lambda: jobs.is_newer(of, side.view, record))


def _offer_measured(config: CurvatureConfig) -> None:
    """Name the networks that ship with a curvature of these settings, each one click away."""
    context = session.context()
    measured = {
        name: spec.title
        for name, spec in tasks.MODELS.items()
        if resources.desk().has(tasks.Curvature(resources.network(name), config), context)
    }
    if not measured:
        return
    st.caption("Measured already, and there at once:")
    with st.container(horizontal=True, gap="small"):
        for name, title in measured.items():
            st.button(title, key=f"measured-{name}", on_click=networks.select_model, args=(name,))


def offer_curves(of: tasks.Network, record: CurvatureRecord, side: Side) -> None:
    """Measure the accuracy curves of a curvature that is known, such as after the scope was changed."""
    view = side.view
    if not tasks.Curvature(of, view.config).is_complete(record, session.context()):
        follow_sharpening(of, record, side)
        st.caption("The slider appears here once κ is exact and its accuracy curves are measured.")
        return
    job = jobs.job_for(of, view)
    if job is None:
        jobs.start_curvature(of, view.config, view.scope, view.never)
        st.rerun()
    if job.is_active:
        st.info("Measuring the accuracy curves for this choice; the slider appears here when they are done.")
        jobs.follow(job)
        return
    st.info("The accuracy curves for this choice were not measured.")
    again, back = st.columns([1, 3])
    if again.button("Measure them", type="primary", key=_key("measure-curves", side)):
        jobs.start_curvature(of, view.config, view.scope, view.never)
        st.rerun()
    if view.never != NEVER_ACTIVE_PLACES[0] and back.button(
        "Back to never-active weights first", key=_key("back-to-first", side)
    ):
        session.change(never=NEVER_ACTIVE_PLACES[0])
        st.rerun()
    if view.scope != "global" and back.button("Back to the whole network", key=_key("back-to-global", side)):
        session.change(scope="global")
        st.rerun()


def _key(name: str, side: Side) -> str:
    return f"{name}-{side.name}" if side.is_other else name
