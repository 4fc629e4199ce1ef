"""The bottlenecks that a group of images has to itself: looked up, or offered to be computed."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ncviz import tasks
from ncviz.errors import NcvizError
from ncviz.scene.wording import private_title
from ncviz.tasks import Group
from ncviz.text import plain
from ncviz.ui.server import resources
from ncviz.ui.session import jobs, session
from ncviz.ui.session.by_hand import missing_groups
from ncviz.ui.session.problems import tell_failure
from ncviz.ui.session.subject import Subject, change


def group_title(group: Group, classes: Sequence[str]) -> str:
    """Return such as "class 7", "classes 0 and 3" or "images 5 and 18"."""
    is_class = group.kind == "class"
    names = [
        classes[number] if is_class and number < len(classes) else str(number if is_class else number + 1)
        for number in group.numbers
    ]
    kind = "class" if is_class else "image"
    if len(names) == 1:
        return f"{kind} {names[0]}"
    return f"{kind}{'es' if is_class else 's'} {', '.join(names[:-1])} and {names[-1]}"


def settle_by_hand(subject: Subject) -> bool:
    """Leave out what is done by hand that this network does not have, in a sentence; offer what is not known yet.

    Returns:
        Whether all of it is known now, so that the network can be drawn as it is meant.
    """
    view = subject.view
    if not view.own:
        return True
    try:
        missing = missing_groups(subject.network, subject.record, view.own)
        if not missing:
            _ = subject.by_hand
            return True
    except NcvizError as error:
        st.toast(plain(f"What is done by hand was left out: {error}"))
        change(subject.side, own="")
        st.rerun()
    offer_bottlenecks(subject, missing[0])
    if st.button("Leave out what is done by hand", key=f"leave-by-hand-{subject.side.name}"):
        change(subject.side, own="")
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
