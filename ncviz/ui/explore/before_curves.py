"""The picture of a network whose accuracy curves are not known yet: whole, and without the slider."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.tasks import CurvatureRecord, SweepRecord
from ncviz.ui.explore.canvas import draw_network
from ncviz.ui.link.view_state import VIEW_TITLES
from ncviz.ui.session import session
from ncviz.ui.session.subject import Subject, first_side


def whole_network(of: tasks.Network, record: CurvatureRecord) -> Subject:
    """Return the network as the session looks at it, but with nothing removed and nothing done by hand.

    Its curvature may be known within intervals alone; what is drawn is the middle of each.
    """
    view = replace(session.view(), removed=0.0, hand="", group="", compare=False)
    no_curves = SweepRecord(np.zeros(0, np.int64), {}, {"total": record.total})
    return Subject(of, record, no_curves, first_side(view))


def draw_whole(subject: Subject) -> None:
    """Draw the picture that is chosen."""
    view = subject.view
    if not view.hides("views"):
        st.segmented_control(
            "Picture",
            list(VIEW_TITLES),
            format_func=lambda name: VIEW_TITLES[name],
            required=True,
            label_visibility="collapsed",
            **session.bound("show"),
        )
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
