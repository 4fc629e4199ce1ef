"""The network canvas on the Explore page: what is drawn in it, and what the reader selects."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ncviz.data.datasets import find_dataset
from ncviz.plots.network.lines import NetworkView
from ncviz.plots.network.payload import NetworkPayload, payload
from ncviz.pruning.order import ORDERS
from ncviz.scene.card import Subject, card, lens_edge
from ncviz.scene.layered_network import grouped_layers, has_every_position, network_view
from ncviz.scene.return_files import file_stem
from ncviz.tasks import CurvatureRecord
from ncviz.ui.components.network.component import network_canvas
from ncviz.ui.explore import flows
from ncviz.ui.frame import lost_uploads
from ncviz.ui.link.view_state import ALL_LAYERS
from ncviz.ui.server import resources
from ncviz.ui.session import session
from ncviz.ui.session.subject import Shown

HEIGHT = 430


def canvas(shown: Shown, record: CurvatureRecord, *, link: str | None = None) -> None:
    """Draw the network, and take what the reader selects in it.

    Args:
        shown: The network with its results.
        record: The curvature that is drawn: on all calibration images, or on some.
        link: Name of a channel; pictures on it zoom together.
    """
    view, side = shown.view, shown.side
    subject = about(shown, record)
    picked = network_canvas(
        _payload(
            record.meta["key"],
            view.criterion,
            view.scope,
            view.edges,
            view.layer,
            detail(shown),
            shown,
            record,
        ),
        channel=side.name,
        height=HEIGHT,
        key=f"network-{side.name}-{shown.network.fingerprint[:12]}",
        removed=shown.removed,
        order=f"{view.criterion}/{view.order}",
        selection=view.selected,
        card=None if view.compare else card(subject, view.selected),
        link=link,
        flows=flows.strip(shown),
        on_select=lambda selection: session.change(selected=selection),
        on_flow=lambda flow: session.change(flow=flow),
        file_name=f"{file_stem(shown.network)}-curvature",
    )
    if picked.open is not None:
        edge = lens_edge(record, picked.open)
        if edge is not None:
            session.change(edge=edge)
            lost_uploads.write_link()
            st.switch_page("pages/edge.py")


def about(shown: Shown, record: CurvatureRecord) -> Subject:
    """Return what a card about a selection draws on."""
    classes = find_dataset(shown.network.dataset).classes
    return Subject(
        record, shown.network.arrays, classes, ranks(shown), shown.removed, flows.drawn_samples(shown, record)
    )


def details_of(record: CurvatureRecord) -> dict[str, str]:
    """Return the ways to draw this network: one of dense layers knows its units alone."""
    found = {"channels": "maps"} if any(grouped_layers(record)) else {}
    found |= {"units": "units"}
    return found | ({"positions": "all positions"} if has_every_position(record) else {})


def detail(shown: Shown) -> str:
    """Return the view's detail, or the nearest that this network has."""
    return nearest_detail(shown.record, shown.view.detail)


def nearest_detail(record: CurvatureRecord, asked: str) -> str:
    """Return a detail, or the nearest that this network has."""
    known = list(details_of(record))
    return asked if asked in known else known[0]


def ranks(shown: Shown) -> np.ndarray:
    """Return int64 [N], when each weight is removed in the view's order."""
    view = shown.view
    return resources.ranks(shown.network, shown.record, view.criterion, view.scope, view.order)


@st.cache_resource(max_entries=8)
def view_of(key: str, detail: str, _shown: Shown, _record: CurvatureRecord) -> NetworkView:
    """Return the network that is drawn, or its units; the record's key stands for what it is drawn from."""
    classes = find_dataset(_shown.network.dataset).classes
    return network_view(_record, _shown.network.arrays, classes, detail)


@st.cache_resource(max_entries=24)
def _payload(
    key: str,
    criterion: str,
    scope: str,
    edges: int,
    layer: int,
    detail: str,
    _shown: Shown,
    _record: CurvatureRecord,
) -> NetworkPayload:
    ranks = {
        f"{criterion}/{order}": resources.ranks(_shown.network, _shown.record, criterion, scope, order)
        for order in ORDERS
    }
    activity = _record.pictures.of(flows.drawn_samples(_shown, _record))
    drawn = view_of(key, detail, _shown, _record)
    return payload(drawn, ranks, edges, None if layer == ALL_LAYERS else layer, activity)
