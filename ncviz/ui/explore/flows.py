"""Whose flow is drawn: the curvature on all calibration images, on those of one class, or on one alone."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from ncviz import tasks
from ncviz.scene.flow_choices import flow_titles
from ncviz.scene.selection import Flow
from ncviz.scene.wording import private_title
from ncviz.text import plain
from ncviz.ui.server import resources
from ncviz.ui.session import jobs, session
from ncviz.ui.session.subject import Subject, change

_ASIDE = "flow-aside"


def with_flow(subject: Subject) -> Subject:
    """Return the subject with the curvature that its view asks for, or that on all images if it is not known yet."""
    found = None if subject.samples is None else session.context().look_up(_task(subject))
    return subject if found is None else replace(subject, flow=found)


def lay_flow_aside() -> None:
    """Look at all images on another page, until this one is there again."""
    view = session.view()
    st.session_state[_ASIDE] = view.model, view.flow
    session.change(flow=str(Flow()))


def take_flow_up() -> None:
    """Let flow again what was laid aside, if nothing else was chosen since."""
    view = session.view()
    model, flow = st.session_state.pop(_ASIDE, (None, ""))
    if model == view.model and view.flow == str(Flow()):
        session.change(flow=flow)


def offer_flow(subject: Subject) -> None:
    """Offer to compute the flow that is asked for; the picture of all images stays meanwhile."""
    job = resources.desk().job(_task(subject), session.context())
    what = flow_titles(subject.record, subject.classes).get(subject.view.flow, subject.view.flow)
    if job is not None and job.is_active:
        st.info(f"Computing the curvature on {plain(what)}; until then all images are drawn.")
        jobs.progress_here(job)
        return
    side = subject.side
    columns = st.columns([3, 1.2, 1], vertical_alignment="center")
    columns[0].markdown(
        f"What flows is {plain(what)}; its κ alone is not known yet, so lines have that of all images."
    )
    if columns[1].button("Compute it", key=f"flow-{side.name}", width="stretch"):
        # Classes of the user's own images have names of the user's own.
        whose = what if subject.network.is_bundled else "some of its images"
        label = f"Curvature of {private_title(subject.network)} on {whose}"
        jobs.start(tasks.Series([_task(subject)]), label)
        st.rerun()
    if columns[2].button("Back to all", key=f"flow-back-{side.name}", width="stretch"):
        change(side, flow="all")
        st.rerun()


def _task(subject: Subject) -> tasks.Flow:
    return tasks.Flow(subject.network, subject.record, tuple(subject.samples or ()))
