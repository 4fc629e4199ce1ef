"""The files that can be taken away, as bytes: no session and no page, because they are made outside a session's run."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import partial
from html import escape
from string import Template

import numpy as np
import pandas as pd

from ncviz.plots.figure_frame import PAPER
from ncviz.plots.network.free_layout import add_links, graphml
from ncviz.plots.network.lines import NetworkView, edges_of
from ncviz.plots.network.payload import payload
from ncviz.plots.palette import LIMIT, Theme
from ncviz.scene.free_figure import drawn_graph, flat_curvature
from ncviz.scene.names import layer_title
from ncviz.scene.return_files import file_stem
from ncviz.scene.wording import part_words, short_word, word_for
from ncviz.tasks import CurvatureRecord
from ncviz.ui.explore import canvas, charts, offline
from ncviz.ui.explore.chart_figures import Kappa, distribution_figure, matrix_figure, whose_flow
from ncviz.ui.explore.live_curves import ORDER_LABELS, PANEL_ORDERS, offline_panel
from ncviz.ui.link.view_state import ALL_LAYERS, ViewState
from ncviz.ui.server import resources
from ncviz.ui.session.subject import Shown
from ncviz.values import NEVER_ACTIVE

CHANNEL = "file"
CANVAS_HEIGHT = 460
OTHER_PICTURES = {"matrix": "Matrix", "distribution": "Distribution", "free": "Free layout"}
# Without it, a figure stands in a frame of the browser's own white.
_HEAD = Template(
    '<meta name="viewport" content="width=device-width, initial-scale=1"><title>$title</title>'
    "<style>html{background:$paper;color-scheme:$scheme}body{margin:0;padding:12px}</style>"
)


def offline_page(
    shown: Shown, view: ViewState, drawn: CurvatureRecord, activity: Sequence[np.ndarray] | None = None
) -> bytes:
    """Return the network, the slider and the curves as one HTML file.

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
    network = _drawn_network(shown, view, drawn)
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
        "file_name": f"{file_stem(shown.network)}-curvature",
    }
    scores = partial(resources.ordered_scores, shown.network, record)
    word = short_word(shown.network)
    panel = offline_panel(
        shown.sweep, view.scope, scores, channel=CHANNEL, removed=removed, order=order, word=word
    )
    return offline.page(
        packed,
        volatile,
        panel,
        title=f"{shown.network.title} · neural curvature",
        facts=_facts(shown, view, drawn),
    )


def picture_page(shown: Shown, view: ViewState, kappa: Kappa, colours: Theme) -> bytes:
    """Return the picture in view, other than the canvas, as an HTML file of its own."""
    order, removed = f"{view.criterion}/{view.order}", _removed(shown, view)
    if view.show == "free":
        return charts.free_picture(shown, view, kappa, order, removed, colours).page.encode()
    make = distribution_figure if view.show == "distribution" else matrix_figure
    page: str = make(shown, view, kappa, order, removed, colours).to_html(
        include_plotlyjs=True, config={"displaylogo": False, "responsive": True}
    )
    head = _HEAD.substitute(
        title=escape(f"{shown.network.title} · {OTHER_PICTURES[view.show]}"),
        paper=PAPER[colours],
        scheme=colours,
    )
    return page.replace("<head>", f"<head>{head}", 1).encode()


def graph_file(shown: Shown, view: ViewState, drawn: CurvatureRecord) -> bytes:
    """Return the lines that the picture draws and that are kept, as GraphML that says so.

    Args:
        shown: The network with its results.
        view: What is looked at.
        drawn: The curvature that is drawn.
    """
    record, order = shown.record, f"{view.criterion}/{view.order}"
    connection = None if view.layer == ALL_LAYERS else view.layer
    network = _drawn_network(shown, view, drawn)
    kappa = flat_curvature({name: drawn.weights[name] for name in record.weights})
    graph = drawn_graph(network, kappa, *step(shown, view), connection, view.edges)
    total = len(edges_of(network, connection))
    where = "" if connection is None else f" of layer {layer_title(record, connection)}"
    removed = _removed(shown, view)
    which = f": of each layer the strongest and an even sample of the rest, at most {view.edges:,} in all"
    which = which if total > view.edges else ""
    left_out = ", without those that are removed" if removed else ""
    graph.graph |= {
        "network": shown.network.title,
        **_about(shown, view, drawn),
        "order": ORDER_LABELS.get(order, "random").lower(),
        "removed": f"{removed:,} of {shown.total:,} weights",
        "showing": f"showing {graph.number_of_edges():,} of {total:,} lines{where}{which}{left_out}",
        "detail": canvas.details_of(record)[canvas.nearest_detail(record, view.detail)],
        "scale": f"κ < 0 is a bottleneck, κ > 0 redundant; {NEVER_ACTIVE:g} stands for never active; colours end at "
        f"±{LIMIT:g}",
    }
    add_links(graph, network)
    return graphml(graph)


def parquet(table: pd.DataFrame) -> bytes:
    """Return a table as Parquet."""
    import pyarrow as pa
    from pyarrow.parquet import write_table

    buffer = io.BytesIO()
    write_table(pa.Table.from_pandas(table, preserve_index=False), buffer, compression="zstd")
    return buffer.getvalue()


def _drawn_network(shown: Shown, view: ViewState, drawn: CurvatureRecord) -> NetworkView:
    """Return what the picture Network draws its lines from."""
    return canvas.view_of(drawn.meta["key"], canvas.nearest_detail(shown.record, view.detail), shown, drawn)


def _about(shown: Shown, view: ViewState, drawn: CurvatureRecord) -> dict[str, str]:
    """Return which data and whose flow, as attributes of a graph."""
    return {
        "data": _images(shown),
        "flow": f"κ over {whose_flow(shown, view, drawn.weights)}; removed by κ over all calibration images",
        "curvature": _curvature(shown),
    }


def _images(shown: Shown) -> str:
    record, config = shown.record, shown.record.config
    images = f"{len(record.labels)} images ({config.samples_per_class} of each class, seed {config.seed})"
    return f"{images} out of {record.meta['pool']}"


def _curvature(shown: Shown) -> str:
    config = shown.record.config
    part = part_words(config, len(shown.record.weights))
    words = f"neural curvature κ (arXiv 2601.16366), idleness α = {config.alpha:g}"
    return f"{words}; of a part alone: {part}" if part else words


def _facts(shown: Shown, view: ViewState, drawn: CurvatureRecord) -> dict[str, str]:
    """Return what the file is about, for the reader who finds it on a disk."""
    record = shown.record
    scope = "all weights together" if view.scope == "global" else "the same share of every layer"
    whose, called = whose_flow(shown, view, drawn.weights), word_for(shown.network)
    return {
        "Network": f"{shown.network.title}, {shown.total:,} weights, {record.meta['edges']:,} edges",
        "Calibration": _images(shown),
        "Evaluation": f"{shown.sweep.images:,} images, {called} {shown.sweep.baseline:.2%} with nothing removed",
        "Curvature": _curvature(shown),
        "Drawn": f"κ over {whose}; the slider removes by κ over all calibration images",
        "Ranking": scope,
    }


def step(shown: Shown, view: ViewState) -> tuple[np.ndarray, int]:
    """Return when each weight is removed in the view's order, int64 [N], and how many are."""
    order = f"{view.criterion}/{view.order}"
    by = resources.ranks(shown.network, shown.record, *_competing(view, order))
    return by, _removed(shown, view)


def _removed(shown: Shown, view: ViewState) -> int:
    return round(view.removed * shown.total)


def _competing(view: ViewState, order: str) -> tuple[str, str, str]:
    criterion, way = order.split("/")
    return criterion, view.scope, way
