"""What can be taken away: the file that works without a server, tables, graph, checkpoint and the figure in view."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from ncviz import pipeline
from ncviz.plots.free_layout import graphml
from ncviz.plots.network_payload import payload
from ncviz.plots.palette import Theme
from ncviz.records import CurvatureRecord
from ncviz.ui import flows, offline, other_views, resources, session
from ncviz.ui.free_figure import flat_curvature, strongest_graph
from ncviz.ui.live_curves import PANEL_ORDERS, offline_panel
from ncviz.ui.network_view import csv, edge_table
from ncviz.ui.shown import Shown
from ncviz.ui.theme import theme
from ncviz.ui.view_figures import Kappa, distribution_figure, matrix_figure
from ncviz.ui.view_state import ALL_LAYERS, ViewState

CHANNEL = "file"
CANVAS_HEIGHT = 460
OTHER_PICTURES = {"matrix": "Matrix", "distribution": "Distribution", "free": "Free layout"}


@dataclass(frozen=True)
class _File:
    """One download: its button, how it is made, and what it is called."""

    label: str
    make: Callable[[], bytes]
    name: str
    mime: str
    help: str


def downloads(shown: Shown, record: CurvatureRecord | None = None) -> None:
    """Draw the download buttons; the canvas's own buttons give PNG and SVG.

    Args:
        shown: The network with its results.
        record: The curvature that is drawn, None for that over all calibration images.
    """
    # Streamlit calls these when a file is asked for, outside this run: what they look into must not be the session,
    # and must be the step that the slider has reached by then.
    latest, colours, drawn = session.latest(), theme(), record or shown.record
    activity = drawn.pictures.of(flows.drawn_samples(shown, drawn))
    stem = f"{shown.network.architecture}-pruned"

    def table() -> pd.DataFrame:
        return edge_table(shown.record, shown.network.arrays, *_step(shown, latest.view))

    files = [
        _File(
            "Interactive page (HTML)",
            lambda: offline_page(shown, latest.view, drawn, activity),
            f"{shown.network.architecture}-curvature.html",
            "text/html",
            "One file with the network, the slider, the accuracy and the curves, that works without a server.",
        ),
        _File(
            "Pruned checkpoint",
            lambda: pipeline.pruned_checkpoint(
                shown.network, *_step(shown, latest.view), shown.record.shapes
            ),
            f"{stem}.safetensors",
            "application/octet-stream",
            "The network with zeros in place of what is removed; zeros alone do not make a network faster.",
        ),
        _File(
            "Weights (CSV)",
            lambda: csv(table()),
            f"{stem}.csv",
            "text/csv",
            "One edge for each weight, the one with its least κ: units, weight, output position, calibration image.",
        ),
        _File(
            "Weights (Parquet)",
            lambda: parquet(table()),
            f"{stem}.parquet",
            "application/vnd.apache.parquet",
            "The same table, smaller and with its types, for pandas, polars, DuckDB or R.",
        ),
        _File(
            "Graph (GraphML)",
            lambda: graph_file(shown, latest.view, drawn.weights),
            f"{stem}.graphml",
            "application/xml",
            "The strongest kept edges of either sign, up to the number drawn, for networkx, Gephi, yEd or Cytoscape.",
        ),
    ]
    picture = OTHER_PICTURES.get(latest.view.show)
    if picture is not None:
        files.append(
            _File(
                f"{picture} (HTML)",
                lambda: picture_page(shown, latest.view, drawn.weights, colours),
                f"{shown.network.architecture}-{latest.view.show}.html",
                "text/html",
                "The picture above as a file that can still be zoomed and hovered over, without a network.",
            )
        )
    if latest.view.show in other_views.CHARTS:
        other_views.camera_choice()
    with st.container(horizontal=True):
        for file in files:
            st.download_button(
                file.label,
                file.make,
                file.name,
                file.mime,
                key=f"download-{file.label}",
                on_click="ignore",
                help=file.help,
            )


def offline_page(
    shown: Shown, view: ViewState, drawn: CurvatureRecord, activity: Sequence[np.ndarray] | None = None
) -> bytes:
    """Return the network, the slider and the curves as one HTML file; needs no session.

    Args:
        shown: The network with its results.
        view: What is looked at.
        drawn: The curvature that is drawn; the slider removes by that over all calibration images.
        activity: Per layer how active each unit is, uint8 [units]; without it, nodes are plain.
    """
    record, order = shown.record, f"{view.criterion}/{view.order}"
    connection = None if view.layer == ALL_LAYERS else view.layer
    ranks = {
        item.key: resources.ranks(shown.network, record, *_competing(view, item.key)) for item in PANEL_ORDERS
    }
    network = other_views.drawn_network(shown, view, drawn)
    packed = payload(network, ranks, view.edges, connection, activity)
    removed = _removed(shown, view)
    volatile = {
        "channel": CHANNEL,
        "height": CANVAS_HEIGHT,
        "removed": removed,
        "order": order,
        "selection": view.selected,
        "card": None,
        "link": None,
        "flows": None,
        "ghost": False,
        "file_name": f"{shown.network.architecture}-curvature",
    }
    scores = partial(resources.ordered_scores, shown.network, record)
    panel = offline_panel(shown.sweep, view.scope, scores, channel=CHANNEL, removed=removed, order=order)
    return offline.page(
        packed, volatile, panel, title=f"{shown.network.title} · neural curvature", facts=_facts(shown, view)
    )


def picture_page(shown: Shown, view: ViewState, kappa: Kappa, colours: Theme) -> bytes:
    """Return the picture in view, other than the canvas, as an HTML file of its own; needs no session."""
    order, removed = f"{view.criterion}/{view.order}", _removed(shown, view)
    if view.show == "free":
        return other_views.free_picture(shown, view, kappa, order, removed, colours).page.encode()
    make = distribution_figure if view.show == "distribution" else matrix_figure
    page: str = make(shown, view, kappa, order, removed, colours).to_html(
        include_plotlyjs=True, config={"displaylogo": False, "responsive": True}
    )
    return page.encode()


def graph_file(shown: Shown, view: ViewState, kappa: Kappa) -> bytes:
    """Return the strongest kept edges as GraphML; needs no session."""
    graph, _ = strongest_graph(
        other_views.drawn_network(shown, view),
        _flat(shown, kappa),
        *_step(shown, view),
        None if view.layer == ALL_LAYERS else view.layer,
        view.edges,
    )
    return graphml(graph)


def parquet(table: pd.DataFrame) -> bytes:
    """Return a table as Parquet."""
    import pyarrow as pa
    from pyarrow.parquet import write_table

    buffer = io.BytesIO()
    write_table(pa.Table.from_pandas(table, preserve_index=False), buffer, compression="zstd")
    return buffer.getvalue()


def _flat(shown: Shown, kappa: Kappa) -> np.ndarray:
    return flat_curvature({name: kappa[name] for name in shown.record.weights})


def _facts(shown: Shown, view: ViewState) -> dict[str, str]:
    """Return what the file is about, for the reader who finds it on a disk."""
    record = shown.record
    config = record.config
    images = f"{len(record.labels)} images ({config.samples_per_class} of each class, seed {config.seed})"
    scope = "all weights together" if view.scope == "global" else "the same share of every layer"
    whose = "all calibration images" if view.flow == "all" else view.flow.replace("-", " ")
    return {
        "Network": f"{shown.network.title}, {shown.total:,} weights, {record.meta['edges']:,} edges",
        "Calibration": f"{images} out of {record.meta['pool']}",
        "Evaluation": f"{shown.sweep.images:,} images, accuracy {shown.sweep.baseline:.2%} with nothing removed",
        "Curvature": f"neural curvature κ (arXiv 2601.16366), idleness α = {config.alpha:g}",
        "Drawn": f"κ over {whose}; the slider removes by κ over all calibration images",
        "Ranking": scope,
    }


def _step(shown: Shown, view: ViewState) -> tuple[np.ndarray, int]:
    order = f"{view.criterion}/{view.order}"
    by = resources.ranks(shown.network, shown.record, *_competing(view, order))
    return by, _removed(shown, view)


def _removed(shown: Shown, view: ViewState) -> int:
    return round(view.removed * shown.total)


def _competing(view: ViewState, order: str) -> tuple[str, str, str]:
    criterion, way = order.split("/")
    return criterion, view.scope, way
