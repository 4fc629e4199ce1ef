"""The bottlenecks that a group of images has to itself: looked up, or offered to be computed."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.errors import NcvizError
from ncviz.plots.network.marks import Marks
from ncviz.scene.surgery.steps import read_group
from ncviz.scene.surgery.words import group_title
from ncviz.scene.wording import private_title
from ncviz.tasks import Group
from ncviz.tasks.criteria import CUT_BY_HAND, HELD_BY_HAND
from ncviz.text import plain
from ncviz.ui.server import resources
from ncviz.ui.session import jobs, session
from ncviz.ui.session.by_hand import missing_groups, own_bottlenecks
from ncviz.ui.session.problems import tell_failure, telling_errors
from ncviz.ui.session.subject import Subject, change

# How many of a group's bottlenecks are looked at at first: a share of all weights, and at most so many.
USUAL_SHARE, USUAL_COUNT = 0.02, 1000


def lit_weights(subject: Subject) -> np.ndarray:
    """Return the weights that are lit, int64 [k]: the most specific bottlenecks of the group that is looked at."""
    found = found_bottlenecks(subject)
    return np.empty(0, np.int64) if found is None else found[: group_count(subject)]


def found_bottlenecks(subject: Subject) -> np.ndarray | None:
    """Return all bottlenecks that the group which is looked at has to itself; None for no group, or if not known."""
    group = read_group(subject.view.group)
    return None if group is None else own_bottlenecks(subject.network, subject.record, group)


def group_count(subject: Subject) -> int:
    """Return how many of a group's bottlenecks are looked at."""
    usual = max(1, min(round(USUAL_SHARE * subject.total), USUAL_COUNT))
    return subject.view.group_count or usual


def marks_of(subject: Subject) -> Marks | None:
    """Return what is marked in the picture, None for nothing."""
    lit, by_hand, total = lit_weights(subject), subject.by_hand, subject.record.total
    if not len(lit) and by_hand is None:
        return None
    is_lit = np.zeros(total, np.bool_)
    is_lit[lit] = True
    if by_hand is None:
        nothing = np.zeros(total, np.bool_)
        return Marks(is_lit, nothing, nothing, np.ones(total))
    state = by_hand.mask.state
    return Marks(is_lit, state == CUT_BY_HAND, state == HELD_BY_HAND, by_hand.mask.factor)


def settle_by_hand(subject: Subject) -> bool:
    """Leave out what is done by hand that this network does not have, in a sentence; offer what is not known yet.

    Returns:
        Whether all of it is known now, so that the network can be drawn as it is meant.
    """
    view = subject.view
    if view.group:
        with telling_errors(st.toast, then=lambda: change(subject.side, group="")):
            found_bottlenecks(subject)
    if not view.hand:
        return True
    try:
        missing = missing_groups(subject.network, subject.record, view.hand)
        if not missing:
            _ = subject.by_hand
            return True
    except NcvizError as error:
        st.toast(plain(f"What is done by hand was left out: {error}"))
        change(subject.side, hand="", hand_name="")
        st.rerun()
    offer_bottlenecks(subject, missing[0])
    if st.button("Leave out what is done by hand", key=f"leave-by-hand-{subject.side.name}"):
        change(subject.side, hand="", hand_name="")
        st.rerun()
    return False


def offer_bottlenecks(subject: Subject, group: Group) -> None:
    """Say that a group's own bottlenecks are not known yet, and offer to compute them."""
    task = tasks.GroupBottlenecks(subject.network, subject.record, group)
    job = resources.desk().job(task, session.context())
    what = group_title(group, subject.classes)
    if job is not None and job.is_active:
        st.info(plain(f"Computing the bottlenecks of {what} alone."))
        jobs.progress_here(job)
        return
    tell_failure(job)
    told, press = st.columns([3, 1.2], vertical_alignment="center")
    told.markdown(
        plain(
            f"Which bottlenecks are those of {what} alone is not known yet: it takes the curvature of each class."
        )
    )
    if press.button(
        "Compute it", type="primary", key=f"own-bottlenecks-{subject.side.name}", width="stretch"
    ):
        # Classes of the user's own images have names of the user's own.
        whose = what if subject.network.is_bundled else "some of its images"
        jobs.start(tasks.Series([task]), f"Bottlenecks of {private_title(subject.network)}, {whose} alone")
        st.rerun()
