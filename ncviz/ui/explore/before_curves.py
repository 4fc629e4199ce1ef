"""The picture of a network whose accuracy curves are not known yet: whole, and without the slider."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.scene.names import measured_words
from ncviz.scene.wording import part_words, unusual_words
from ncviz.tasks import CurvatureRecord, SweepRecord
from ncviz.text import plain
from ncviz.ui.explore.canvas import draw_network
from ncviz.ui.explore.living import can_follow
from ncviz.ui.explore.settings import choose_picture
from ncviz.ui.session import session
from ncviz.ui.session.subject import Subject, first_side


def whole_network(of: tasks.Network, record: CurvatureRecord) -> Subject:
    """Return the network as the session looks at it, but with nothing removed and nothing done by hand.

    Its curvature may be known within intervals alone; what is drawn is the middle of each.
    """
    view = replace(session.view(), removed=0.0, hand="", group="", compare=False)
    no_curves = SweepRecord(np.zeros(0, np.int64), {}, {"total": record.total})
    return Subject(of, record, no_curves, first_side(view))


def draw_part(subject: Subject) -> None:
    """Say of what part of the network the curvature is, and of which weights, where it is not simply all of it."""
    part = part_words(subject.record.config, len(subject.record.weights))
    unusual = unusual_words(subject.record.graph)
    told = [
        f"Curvature of a part alone: {part}." if part else "",
        f"In the graph: {', '.join(unusual)}." if unusual else "",
    ]
    if any(told):
        st.caption(plain(" ".join(filter(None, told))))
    if part and not subject.view.present and st.button("The whole network", key="whole-network"):
        session.change(parts="", channels=0)
        st.rerun()


def draw_whole(subject: Subject) -> None:
    """Draw the picture that is chosen."""
    view = subject.view
    choose_picture(view)
    draw_part(subject)
    if measured := measured_words(subject.record):
        st.caption(f"{measured} The others are not drawn.")
    if view.flow == "own" and not can_follow(subject):
        st.caption("Your own picture flows once the slider is there; nodes show all images until then.")
    if subject.samples is not None and subject.flow is None:
        st.caption("Nodes show the images that are chosen; lines have the κ of all images.")
    if view.show == "network":
        draw_network(subject, is_still=True)
        return
    from ncviz.ui.explore import charts

    draw = {
        "matrix": charts.draw_matrix,
        "distribution": charts.draw_distribution,
        "free": charts.draw_free_layout,
    }
    draw[view.show](subject)
