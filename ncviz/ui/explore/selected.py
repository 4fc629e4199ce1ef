"""What is selected on the Explore page, in tables: a weight image by image, a node with its strongest neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from ncviz.plots.network.lines import NetworkView, strength
from ncviz.plots.palette import plotly_colorscale
from ncviz.scene.cards.card import card
from ncviz.scene.names import NO_SAMPLES
from ncviz.scene.selection import Channel, KernelSlice, Unit, Weight
from ncviz.scene.surgery.left import WeightsLeft
from ncviz.scene.tables import lowest, parameter_name, sample_curvature
from ncviz.ui.explore.canvas import state_of
from ncviz.ui.explore.drawn import drawn_network
from ncviz.ui.session.subject import Subject
from ncviz.ui.session.tables import show_table
from ncviz.ui.session.theme import theme
from ncviz.values import NEVER_ACTIVE


def draw_selected(subject: Subject) -> None:
    """Say what is known of the selected unit or weight."""
    selected = subject.selection
    if isinstance(selected, Weight) and selected.parameter < subject.total:
        _draw_weight(subject, selected.parameter)
    elif isinstance(selected, Unit | Channel) and card(state_of(subject), selected) is not None:
        _draw_neighbours(subject, selected)
    elif isinstance(selected, KernelSlice):
        st.caption(
            "The kernel stands beside the picture. Press one of its weights for its curvature on each image."
        )
    else:
        st.caption("Click a node or a line in the picture for its curvature, its weights and its neighbours.")


def _draw_weight(subject: Subject, parameter: int) -> None:
    name = parameter_name(subject.record, parameter)
    table = sample_curvature(subject.record, parameter, subject.classes)
    if table is None:
        st.caption(f"{name}. {NO_SAMPLES}")
        return
    st.caption(f"{name}: its curvature on each calibration image.")
    if table.empty:
        st.caption("It is active on none of them: never active, so it has no κ.")
        return
    import plotly.graph_objects as go

    bars = go.Bar(
        x=[
            f"image {number}, class {label}"
            for number, label in zip(table["image"], table["class"], strict=True)
        ],
        y=table["κ"],
        marker={
            "color": subject.scale.share(table["κ"]),
            "colorscale": plotly_colorscale(theme()),
            "cmin": -1,
            "cmax": 1,
        },
        hovertemplate="%{x}<br>κ = %{y:.3f}<extra></extra>",
    )
    figure = go.Figure(bars)
    figure.update_layout(height=220, margin={"l": 40, "r": 10, "t": 10, "b": 10}, yaxis_title="κ")
    st.plotly_chart(figure, config={"displayModeBar": False}, key="edge-samples")


def _draw_neighbours(subject: Subject, selected: Unit | Channel) -> None:
    record, detail = subject.drawn, "channels" if isinstance(selected, Channel) else "units"
    view = drawn_network(record.key, detail, subject, record)
    state = state_of(subject)
    node = view.layer_offsets[selected.layer] + selected.index
    columns = st.columns(2)
    for column, mine, other, title in (
        (columns[0], view.target, view.source, "Strongest in"),
        (columns[1], view.source, view.target, "Strongest out"),
    ):
        own = np.flatnonzero(mine == node)
        silent = int((view.curvature[own] >= NEVER_ACTIVE).sum())
        never = f", {silent:,} never active" if silent else ""
        column.caption(f"{title} ({len(own):,}{never})")
        if len(own):
            with column:
                show_table(_strongest_edges(view, own, other, state.left), hide_index=True, height=250)


def _strongest_edges(
    view: NetworkView, own: np.ndarray, other: np.ndarray, left: WeightsLeft
) -> dict[str, Any]:
    strongest = own[lowest(-strength(view.curvature[own]), 20)]
    offsets = np.asarray(view.layer_offsets)
    layer = np.searchsorted(offsets, other[strongest], side="right") - 1
    return {
        "unit": [
            f"{view.layer_names[at]} · {index}"
            for at, index in zip(layer, other[strongest] - offsets[layer], strict=True)
        ],
        "κ": view.curvature[strongest].round(3),
        "weight": view.weight_of(view.weight, view.parameter)[strongest].round(3),
        "now": [left.now(parameter) for parameter in view.parameter[strongest].tolist()],
        **{
            name: values
            for name, values in left.columns(view.parameter[strongest]).items()
            if name == "factor"
        },
    }
