"""The Explore page's parts: the coloured network, what is selected in it, its layers, the downloads."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from ncviz import pipeline
from ncviz.data.datasets import DATASETS
from ncviz.errors import NcvizError
from ncviz.plots.free_layout import free_layout, graphml, to_graph
from ncviz.plots.network import NetworkView, edges_of, strength
from ncviz.plots.network_payload import NetworkPayload, payload
from ncviz.plots.palette import LIMIT, plotly_colorscale
from ncviz.pruning.order import ORDERS, SCOPES, removed_for_threshold
from ncviz.ui import live_view, resources, session
from ncviz.ui.components.network import Selection, network_canvas
from ncviz.ui.naming import FOLDED, NO_SAMPLES, layer_title, plain, unit_title
from ncviz.ui.network_view import (
    csv,
    edge_table,
    layer_table,
    least_label,
    locate,
    lowest,
    network_view,
    parameter_name,
    sample_curvature,
)
from ncviz.ui.shown import Shown
from ncviz.ui.theme import theme
from ncviz.ui.view_state import ALL_LAYERS, EDGE_CAPS

CANVAS_HEIGHT = 430
FREE_LAYOUT_EDGES = 300
FREE_LAYOUT_HEIGHT = 560
SCOPE_TITLES = {"global": "Whole network", "layer": "Layer by layer"}


def check_layer(shown: Shown) -> None:
    """Draw all layers where a link asks for one that this network does not have."""
    asked, count = session.view().layer, len(shown.record.places)
    if asked >= count:
        st.toast(f"The link's layer {asked} was left out: this network has the layers 0 to {count - 1}.")
        session.change(layer=ALL_LAYERS)


def introduction() -> None:
    """Say in one line what is seen, and what to do."""
    st.markdown(
        ":red[**Red connections are bottlenecks**], :blue[**blue ones are redundant**]. "
        "Drag the slider to remove them and watch the accuracy."
    )


def display_settings(shown: Shown) -> None:
    """Draw the controls that choose what is drawn and how weights compete."""
    record = shown.record
    titles = {ALL_LAYERS: "All layers"} | {i: layer_title(record, i) for i in range(len(record.places))}
    columns = st.columns([1.7, 1.2, 2, 1.2])
    columns[0].selectbox("Layer", list(titles), format_func=lambda at: titles[at], **session.bound("layer"))
    columns[1].selectbox(
        "Edges drawn, at most",
        EDGE_CAPS,
        format_func=lambda cap: f"{cap:,}",
        help="Each layer gets an equal share: half its strongest edges, half an even sample of the rest.",
        **session.bound("edges"),
    )
    columns[2].segmented_control(
        "Weights compete within",
        SCOPES,
        format_func=lambda scope: SCOPE_TITLES[scope],
        required=True,
        help="Remove the same share of every layer, or rank the weights of all layers together.",
        **session.bound("scope"),
    )
    with columns[3]:
        _threshold(shown)
    if record.meta["edges"] > shown.total:
        st.caption(
            f"The {record.meta['edges']:,} edges of this network share {shown.total:,} weights. Each weight is drawn "
            "once, where its curvature is lowest; it goes with all its edges."
        )


def _threshold(shown: Shown) -> None:
    """Let the reader cut at a value of κ instead of a share of the weights."""
    view = session.view()
    known = live_view.threshold(shown)
    weights = list(shown.record.weights.values())

    def cut(value: float) -> None:
        try:
            session.change(removed=removed_for_threshold(weights, value, view.order) / shown.total)
        except NcvizError as error:
            st.toast(plain(str(error)))

    st.number_input(
        "Remove κ above" if view.order == "redundant" else "Remove κ below",
        value=None,
        step=0.05,
        disabled=view.criterion != "curvature" or view.scope != "global",
        help="Cut at a value of the curvature. There is one only where all weights compete by curvature.",
        **session.shows(f"κ at {view.removed}", None if known is None else round(known, 2), cut),
    )


def canvas(shown: Shown) -> Selection | None:
    """Draw the network and return what is selected."""
    view = session.view()
    drawn = _payload(
        shown.record.meta["key"],
        view.criterion,
        view.scope,
        view.edges,
        view.layer,
        shown,
    )
    return network_canvas(
        drawn,
        channel=shown.side.name,
        height=CANVAS_HEIGHT,
        key=f"network-{shown.network.fingerprint[:12]}",
        removed=shown.removed,
        order=f"{view.criterion}/{view.order}",
        file_name=f"{shown.network.architecture}-curvature",
    )


def details(shown: Shown, selection: Selection | None) -> None:
    """Say what is known of the selected unit or edge."""
    if selection is None:
        st.caption("Click a unit or an edge in the network for its curvature, its weight and its neighbours.")
        return
    if selection.get("kind") == "edge":
        _edge(shown, selection)
    else:
        _unit(shown, selection)


def layers(shown: Shown) -> None:
    """Draw what is left of each layer."""
    table = layer_table(shown.record, _ranks(shown), shown.removed)
    share = st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)
    percent = st.column_config.NumberColumn(format="percent")
    number = st.column_config.NumberColumn(format="localized")
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            "weights": number,
            "kept": number,
            "edges": number,
            "kept share": share,
            "bottlenecks": percent,
            "never active": percent,
            "most negative κ": st.column_config.NumberColumn(format="%.2f"),
        },
    )


def free(shown: Shown) -> None:
    """Draw the strongest edges that are left, laid out by springs instead of by layers."""
    view, removed = _view(shown), shown.removed
    strongest = _strongest(view, _ranks(shown), removed, session.view().layer, FREE_LAYOUT_EDGES)
    st.caption(
        f"The {len(strongest):,} strongest of the {view.edge_count:,} edges, as far as they are kept. "
        "Drag the units about, scroll to zoom."
    )
    if len(strongest):
        st.iframe(
            free_layout(to_graph(view, strongest), theme(), FREE_LAYOUT_HEIGHT),
            height=FREE_LAYOUT_HEIGHT + 20,
        )


def downloads(shown: Shown) -> None:
    """Offer the pruned checkpoint and the edges; the picture's own buttons give PNG and SVG."""
    # Streamlit calls these when a file is asked for, outside this run: what they look into must not be the session,
    # and must be the step that the slider has reached by then.
    latest, stem = session.latest(), f"{shown.network.architecture}-pruned"
    drawn = _view(shown)

    def step() -> tuple[np.ndarray, int]:
        view = latest.view
        by = resources.ranks(shown.network, shown.record, view.criterion, view.scope, view.order)
        return by, round(view.removed * shown.total)

    def graph() -> bytes:
        view, (by, removed) = latest.view, step()
        return graphml(to_graph(drawn, _strongest(drawn, by, removed, view.layer, view.edges)))

    columns = st.columns([1, 1, 1, 1.6], vertical_alignment="center")
    columns[0].download_button(
        "Pruned checkpoint",
        lambda: pipeline.pruned_checkpoint(shown.network, *step(), shown.record.shapes),
        f"{stem}.safetensors",
        "application/octet-stream",
        key="download-checkpoint",
        on_click="ignore",
        width="stretch",
    )
    columns[1].download_button(
        "Weights (CSV)",
        lambda: csv(edge_table(shown.record, shown.network.arrays, *step())),
        f"{stem}.csv",
        "text/csv",
        key="download-edges",
        on_click="ignore",
        width="stretch",
        help="One edge for each weight, the one with its least κ: units, weight, output position, calibration image.",
    )
    columns[2].download_button(
        "Graph (GraphML)",
        graph,
        f"{stem}.graphml",
        "application/xml",
        key="download-graphml",
        on_click="ignore",
        width="stretch",
        help="The strongest edges that are kept, up to the number drawn, for Gephi, yEd or Cytoscape.",
    )
    columns[3].caption(
        "The CSV has one edge for each weight, where its κ is least. The checkpoint has zeros in place of what is "
        "removed; zeros alone do not make a network faster."
    )


def _strongest(view: NetworkView, ranks: np.ndarray, removed: int, layer: int, count: int) -> np.ndarray:
    """The strongest edges of the chosen layers that are kept, strongest first."""
    edges = edges_of(view, None if layer == ALL_LAYERS else layer)
    edges = edges[ranks[view.parameter[edges]] >= removed]
    return edges[lowest(-strength(view.curvature[edges]), count)]


def _edge(shown: Shown, selection: Selection) -> None:
    parameter = int(selection["parameter"])
    _, at = locate(shown.record, parameter)
    kept = _ranks(shown)[parameter] >= shown.removed
    source, target = (
        _title(shown, selection[end]["layer"], selection[end]["index"]) for end in ("source", "target")
    )
    st.markdown(f"**Edge {source} → {target}**")
    classes = DATASETS[shown.network.dataset].classes
    columns = st.columns(4)
    columns[0].metric(
        "κ",
        f"{selection['curvature']:.3f}",
        help="The least of its weight's edges, over the calibration images.",
    )
    columns[1].metric("Weight", f"{selection['weight']:.3f}", help=FOLDED if shown.record.is_folded else None)
    label = least_label(shown.record, int(selection["connection"]), at)
    columns[2].metric("Least on an image of", "none" if label is None else plain(classes[label]))
    columns[3].metric("At this threshold", "kept" if kept else "removed")
    table = sample_curvature(shown.record, parameter, classes)
    if table is None:
        st.caption(f"{parameter_name(shown.record, parameter)}. {NO_SAMPLES}")
        return
    st.caption(f"{parameter_name(shown.record, parameter)}. Its curvature on each calibration image:")
    if table.empty:
        st.caption("It is active on none of them, so it goes first.")
        return
    import plotly.graph_objects as go

    bars = go.Bar(
        x=[f"image {index + 1}: class {label}" for index, label in enumerate(table["class"])],
        y=table["κ"],
        marker={"color": table["κ"], "colorscale": plotly_colorscale(theme()), "cmin": -LIMIT, "cmax": LIMIT},
        hovertemplate="%{x}<br>κ = %{y:.3f}<extra></extra>",
    )
    figure = go.Figure(bars)
    figure.update_layout(height=220, margin={"l": 40, "r": 10, "t": 10, "b": 10}, yaxis_title="κ")
    st.plotly_chart(figure, config={"displayModeBar": False}, key="edge-samples")


def _unit(shown: Shown, selection: Selection) -> None:
    view, unit = _view(shown), int(selection["unit"])
    st.markdown(f"**{_title(shown, selection['layer'], selection['index'])}**")
    columns = st.columns(2)
    for column, mine, other, title in (
        (columns[0], view.target, view.source, "Strongest edges in"),
        (columns[1], view.source, view.target, "Strongest edges out"),
    ):
        own = np.flatnonzero(mine == unit)
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


def _title(shown: Shown, layer: int, index: int) -> str:
    return plain(unit_title(shown.record, layer, index, DATASETS[shown.network.dataset].classes))


def _ranks(shown: Shown) -> np.ndarray:
    view = session.view()
    return resources.ranks(shown.network, shown.record, view.criterion, view.scope, view.order)


def _view(shown: Shown) -> NetworkView:
    return _network_view(shown.record.meta["key"], shown)


@st.cache_resource(max_entries=8)
def _network_view(key: str, _shown: Shown) -> NetworkView:
    classes = DATASETS[_shown.network.dataset].classes
    return network_view(_shown.record, _shown.network.arrays, classes)


@st.cache_resource(max_entries=24)
def _payload(
    key: str,
    criterion: str,
    scope: str,
    edges: int,
    layer: int,
    _shown: Shown,
) -> NetworkPayload:
    ranks = {
        f"{criterion}/{order}": resources.ranks(_shown.network, _shown.record, criterion, scope, order)
        for order in ORDERS
    }
    return payload(_view(_shown), ranks, edges, None if layer == ALL_LAYERS else layer)
