"""Choosing an edge: from a table of a layer's most telling ones, or by its numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from ncviz import tasks
from ncviz.scene.edge.text import short_name
from ncviz.scene.names import layer_title
from ncviz.scene.selection import Edge
from ncviz.scene.tables import lowest
from ncviz.tasks import CurvatureRecord
from ncviz.ui.session import session
from ncviz.ui.session.problems import telling_errors
from ncviz.ui.session.tables import show_table

ROWS = 100
KINDS = {"low": "Strongest bottlenecks", "high": "Most redundant"}


def draw_picker(of: tasks.Network, record: CurvatureRecord, edge: Edge | None) -> None:
    """Draw the two ways to an edge."""
    layers = list(range(len(record.places)))
    current = edge.connection if edge is not None and edge.connection in layers else _first_choice(record)
    top = st.columns([1.4, 1.6], vertical_alignment="bottom")
    layer = top[0].selectbox(
        "Layer",
        layers,
        index=current,
        format_func=lambda at: layer_title(record, at),
        key=f"edge-layer-{record.key[:12]}-{current}",
    )
    kind = top[1].segmented_control(
        "Which edges",
        list(KINDS),
        format_func=lambda name: KINDS[name],
        default="low",
        required=True,
        key="edge-kind",
    )
    table = strongest_edges(record, layer, kind or "low", of.dataset_spec.classes)
    if table.empty:
        st.caption(
            "No weight of this layer is active on any calibration image."
            if len(record.edges[layer].source)
            else "The curvature of this layer was not measured. An edge chosen by its numbers is measured on the spot."
        )
    else:
        title = "κ" if record.intervals is None else "κ, middle"
        _draw_table(table, title, f"edge-table-{record.key[:12]}-{layer}-{kind}")
    _draw_numbers(record, layer, edge)


def strongest_bottleneck(record: CurvatureRecord) -> Edge | None:
    """Return the edge with the least κ of the network; None where no weight is ever active."""
    least: dict[float, Edge] = {}
    for connection, edges in enumerate(record.edges):
        active = np.flatnonzero(edges.sample >= 0)
        if len(active):
            at = int(active[edges.curvature[active].argmin()])
            edge = Edge(connection, int(edges.source[at]), int(edges.target[at]))
            least.setdefault(float(edges.curvature[at]), edge)
    return least[min(least)] if least else None


def _first_choice(record: CurvatureRecord) -> int:
    """Return the first measured layer that does not read the input, whose units hear from nobody; else any."""
    measured = [layer for layer, edges in enumerate(record.edges) if len(edges.source)]
    return next((layer for layer in measured if record.ends[layer][0]), measured[0] if measured else 0)


def strongest_edges(
    record: CurvatureRecord, connection: int, kind: str, classes: tuple[str, ...]
) -> pd.DataFrame:
    """Return a layer's edges with the least or the greatest κ, one for each weight that is ever active.

    Args:
        record: The curvature.
        connection: Index of the weight layer.
        kind: "low" for bottlenecks, "high" for redundant ones.
        classes: Class names.
    """
    edges, (before, after) = record.edges[connection], record.ends[connection]
    active = np.flatnonzero(edges.sample >= 0)
    kappa = edges.curvature[active] if kind == "low" else -edges.curvature[active]
    rows = active[lowest(kappa, ROWS)]
    return pd.DataFrame(
        {
            "from": [short_name(record, before, unit, classes) for unit in edges.source[rows].tolist()],
            "to": [short_name(record, after, unit, classes) for unit in edges.target[rows].tolist()],
            "κ": edges.curvature[rows],
            "least on": [
                f"image {sample}, class {classes[record.labels[sample]]}"
                for sample in edges.sample[rows].tolist()
            ],
            "edge": [
                str(Edge(connection, source, target))
                for source, target in zip(edges.source[rows].tolist(), edges.target[rows].tolist(), strict=True)
            ],
        }
    )  # fmt: skip


def _draw_table(table: pd.DataFrame, title: str, key: str) -> None:
    def picked() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        if rows:
            # The table's κ is the least over the images, so that is where to look.
            session.change(edge=str(table["edge"].iloc[rows[0]]), flow="all")

    st.caption("Tick a row to lay that edge under the lens.")
    show_table(
        table.drop(columns="edge"),
        hide_index=True,
        height=min(265, 38 + 35 * len(table)),
        on_select=picked,
        selection_mode="single-row",
        key=key,
        column_config={"κ": st.column_config.NumberColumn(title, format="%.3f")},
    )


def _draw_numbers(record: CurvatureRecord, layer: int, edge: Edge | None) -> None:
    before, after = (int(np.prod(record.layer_shapes[at])) for at in record.ends[layer])
    source, target = edge[1:] if edge is not None and edge.connection == layer else (0, 0)
    with st.form(f"edge-numbers-{layer}-{source}-{target}", border=False):
        columns = st.columns([1, 1, 1], vertical_alignment="bottom")
        i = columns[0].number_input(f"Source unit, 0 to {before - 1}", value=source, step=1)
        j = columns[1].number_input(f"Target unit, 0 to {after - 1}", value=target, step=1)
        pressed = columns[2].form_submit_button("Look at this edge", width="stretch")
    if not pressed:
        return
    asked = Edge(layer, int(i), int(j))
    with telling_errors():
        tasks.edge_weight(record, *asked)
        session.change(edge=str(asked))
        st.rerun()
