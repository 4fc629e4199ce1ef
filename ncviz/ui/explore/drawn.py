"""The network as it is drawn: in which detail, and its nodes and lines, kept from run to run."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from ncviz.plots.network.lines import NetworkView
from ncviz.plots.palette import Scale
from ncviz.scene.layered_network import grouped_layers, has_every_position, network_view
from ncviz.tasks import CurvatureRecord
from ncviz.ui.session.subject import Subject


def details_of(record: CurvatureRecord) -> dict[str, str]:
    """Return the ways to draw this network: one of dense layers knows its units alone."""
    found = {"channels": "maps"} if any(grouped_layers(record)) else {}
    found |= {"units": "units"}
    return found | ({"positions": "all positions"} if has_every_position(record) else {})


def nearest_detail(subject: Subject) -> str:
    """Return the view's detail, or the nearest that this network has."""
    known, asked = list(details_of(subject.record)), subject.view.detail
    return asked if asked in known else known[0]


def drawn_network(key: str, detail: str, subject: Subject, record: CurvatureRecord) -> NetworkView:
    """Return the network that is drawn, or its units, with what is scaled by hand.

    Args:
        key: The record's, which stands for what it is drawn from.
        detail: What is a node.
        subject: The network with its results.
        record: The curvature.
    """
    found = _drawn_network(key, detail, subject.scale, subject, record)
    return found if subject.factor is None else replace(found, factor=subject.factor)


@st.cache_resource(max_entries=8)
def _drawn_network(
    key: str, detail: str, scale: Scale, _subject: Subject, _record: CurvatureRecord
) -> NetworkView:
    drawn = network_view(_record, _subject.network.arrays, _subject.classes, detail)
    return replace(drawn, scale=scale)
