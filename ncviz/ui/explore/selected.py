"""What is selected on the Explore page, in tables: a weight image by image, a node with its strongest neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from ncviz.data.datasets import find_dataset
from ncviz.plots.network.lines import NetworkView, strength
from ncviz.plots.palette import LIMIT, plotly_colorscale
from ncviz.scene.card import card
from ncviz.scene.names import NO_SAMPLES
from ncviz.scene.tables import lowest, parameter_name, sample_curvature
from ncviz.tasks import CurvatureRecord
from ncviz.ui.explore import canvas, flows
from ncviz.ui.session.subject import Shown
from ncviz.ui.session.theme import theme


def show(shown: Shown) -> None:
    """Say what is known of the selected unit or weight."""
    kind, _, rest = shown.view.selected.partition("-")
    numbers = [int(number) for number in rest.split("-")] if rest else []
    record = flows.record(shown) or shown.record
    if kind == "weight" and numbers[0] < shown.total:
        _weight(shown, numbers[0])
    elif kind in ("unit", "channel") and card(canvas.about(shown, record), shown.view.selected) is not None:
        _node(shown, record, kind, *numbers)
    elif kind == "slice":
        st.caption(
            "The kernel stands beside the picture. Press one of its weights for its curvature on each image."
        )
    else:
        st.caption("Click a node or a line in the picture for its curvature, its weights and its neighbours.")


def _weight(shown: Shown, parameter: int) -> None:
    classes = find_dataset(shown.network.dataset).classes
    name = parameter_name(shown.record, parameter)
    table = sample_curvature(shown.record, parameter, classes)
    if table is None:
        st.caption(f"{name}. {NO_SAMPLES}")
        return
    st.caption(f"{name}: its curvature on each calibration image.")
    if table.empty:
        st.caption("It is active on none of them, so it goes first.")
        return
    import plotly.graph_objects as go

    bars = go.Bar(
        x=[
            f"image {number}, class {label}"
            for number, label in zip(table["image"], table["class"], strict=True)
        ],
        y=table["κ"],
        marker={"color": table["κ"], "colorscale": plotly_colorscale(theme()), "cmin": -LIMIT, "cmax": LIMIT},
        hovertemplate="%{x}<br>κ = %{y:.3f}<extra></extra>",
    )
    figure = go.Figure(bars)
    figure.update_layout(height=220, margin={"l": 40, "r": 10, "t": 10, "b": 10}, yaxis_title="κ")
    st.plotly_chart(figure, config={"displayModeBar": False}, key="edge-samples")


def _node(shown: Shown, record: CurvatureRecord, kind: str, layer: int, index: int) -> None:
    view = canvas.view_of(record.meta["key"], "channels" if kind == "channel" else "units", shown, record)
    node = view.layer_offsets[layer] + index
    columns = st.columns(2)
    for column, mine, other, title in (
        (columns[0], view.target, view.source, "Strongest in"),
        (columns[1], view.source, view.target, "Strongest out"),
    ):
        own = np.flatnonzero(mine == node)
        column.caption(f"{title} ({len(own):,})")
        if len(own):
            column.dataframe(_strongest_edges(view, own, other), hide_index=True, height=250)


def _strongest_edges(view: NetworkView, own: np.ndarray, other: np.ndarray) -> dict[str, Any]:
    chosen = own[lowest(-strength(view.curvature[own]), 20)]
    offsets = np.asarray(view.layer_offsets)
    layer = np.searchsorted(offsets, other[chosen], side="right") - 1
    return {
        "unit": [
            f"{view.layer_names[at]} · {index}"
            for at, index in zip(layer, other[chosen] - offsets[layer], strict=True)
        ],
        "κ": view.curvature[chosen].round(3),
        "weight": view.weight[chosen].round(3),
    }
