"""The files that can be taken away, as bytes: no session and no page, because they are made outside a session's run."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd

from ncviz import tasks
from ncviz.plots.figure_frame import figure_page
from ncviz.plots.network.closeup import FIXED, Closeup
from ncviz.plots.network.free_layout import add_links, graphml
from ncviz.plots.network.lines import NetworkView, edges_of
from ncviz.plots.network.payload import payload
from ncviz.plots.network.ranks import Forward
from ncviz.plots.palette import Theme
from ncviz.scene.comparison import NEVER_ACTIVE_TITLES, never_active_place
from ncviz.scene.flow_choices import group_choice, image_choices
from ncviz.scene.free_figure import drawn_graph, flat_curvature
from ncviz.scene.names import layer_title
from ncviz.scene.return_files import file_stem
from ncviz.scene.wording import graph_words, part_words, word_for
from ncviz.text import never_active_words, zero_words
from ncviz.ui.explore import offline
from ncviz.ui.explore.by_hand.own_groups import marks_of
from ncviz.ui.explore.chart_figures import distribution_figure, free_layout_figure, matrix_figure, whose_flow
from ncviz.ui.explore.drawn import details_of, drawn_network, nearest_detail
from ncviz.ui.explore.live_curves import ORDER_LABELS, PANEL_ORDERS, offline_panel, told_by_hand
from ncviz.ui.link.view_state import VIEW_TITLES
from ncviz.ui.server.fine_curves import FineCurve
from ncviz.ui.session.subject import Subject

CHANNEL = "file"
CANVAS_HEIGHT = 460


def offline_page(
    subject: Subject,
    forward: Forward | None = None,
    fine: FineCurve | None = None,
    own: np.ndarray | None = None,
) -> bytes:
    """Return the network, the slider and the curves as one HTML file.

    Args:
        subject: The network with its results; the slider removes by the curvature over all calibration images.
        forward: What the network does to an image, for files in which images flow through it as it is pruned.
        fine: The accuracy at the slider's stops with what is done by hand.
        own: A picture of the reader's own, uint8 [C, H, W]; it goes into the file only where it is what flows.
    """
    view, stem = subject.view, file_stem(subject.network)
    ranks = {item.key: subject.at(item.key).ranks for item in PANEL_ORDERS}
    activity = subject.record.pictures.of(subject.samples)
    own = own if view.flow == "own" else None
    choices, marks = image_choices(subject.record, subject.network, view.flow, own), marks_of(subject)
    # All images can be chosen in the file, a class only before.
    asked = [
        group_choice(subject.record, subject.network, flow, with_images=True)
        for flow in dict.fromkeys(("all", view.flow))
    ]
    groups = [group for group in asked if group is not None]
    volatile = {
        "channel": CHANNEL,
        "height": CANVAS_HEIGHT,
        "removed": subject.removed,
        "order": subject.order,
        "selection": view.selected,
        "card": None,
        "link": None,
        "is_offline": True,
        # Without what the network does to an image, there is nobody to follow one.
        "flows": None
        if forward is None
        else choices
        | {"lines": view.lines, "groups": groups, "reading": tasks.picture_reading(subject.network)},
        "file_name": f"{stem}-curvature",
    }
    return offline.html_page(
        payload(
            _drawn_network(subject),
            ranks,
            view.edges,
            subject.layer,
            activity,
            forward,
            marks,
            FIXED,
            # Each layer can fill the picture.
            [Closeup(layer, by=FIXED.by) for layer in range(len(subject.record.layer_shapes))],
        ),
        volatile,
        offline_panel(subject, CHANNEL, fine),
        title=f"{subject.network.title} · neural curvature",
        facts=_facts(subject),
    )


def picture_page(subject: Subject, colours: Theme) -> bytes:
    """Return the picture in view, other than the canvas, as an HTML file of its own."""
    show = subject.view.show
    if show == "free":
        return free_layout_figure(subject, colours).page.encode()
    make = distribution_figure if show == "distribution" else matrix_figure
    return figure_page(make(subject, colours), f"{subject.network.title} · {VIEW_TITLES[show]}", colours)


def graph_file(subject: Subject) -> bytes:
    """Return the lines that the picture draws and that are kept, as GraphML that says so."""
    record, drawn, view, connection = subject.record, subject.drawn, subject.view, subject.layer
    network, removed = _drawn_network(subject), subject.removed
    kappa = flat_curvature({name: drawn.weights[name] for name in record.weights})
    graph = drawn_graph(network, kappa, subject.ranks, removed, connection, view.edges)
    total = len(edges_of(network, connection))
    where = "" if connection is None else f" of layer {layer_title(record, connection)}"
    which = f": of each layer the strongest and an even sample of the rest, at most {view.edges:,} in all"
    which = which if total > view.edges else ""
    left_out = ", without those that are removed" if removed else ""
    place = never_active_place(view.never) if view.criterion == "curvature" else ""
    graph.graph |= {
        "network": subject.network.title,
        "data": _images(subject),
        "flow": f"κ over {whose_flow(subject)}; removed by κ over all calibration images",
        "curvature": _curvature(subject),
        "order": ", ".join([ORDER_LABELS.get(subject.order, "random").lower(), *([place] if place else [])]),
        "removed": f"{removed:,} of {subject.total:,} weights",
        **({"by_hand": told_by_hand(subject)} if subject.by_hand else {}),
        "showing": f"showing {graph.number_of_edges():,} of {total:,} lines{where}{which}{left_out}",
        "detail": details_of(record)[nearest_detail(subject)],
        "scale": "κ < 0 is a bottleneck, κ > 0 redundant; never-active lines have no κ; "
        f"colours end at {subject.scale.low_label} and +2",
    }
    add_links(graph, network)
    return graphml(graph)


def parquet(table: pd.DataFrame, by_hand: str = "") -> bytes:
    """Return a table as Parquet, which says what was done by hand under ``by_hand`` of its metadata."""
    import pyarrow as pa
    from pyarrow.parquet import write_table

    buffer = io.BytesIO()
    columns = pa.Table.from_pandas(table, preserve_index=False)
    if by_hand:
        columns = columns.replace_schema_metadata({**columns.schema.metadata, b"by_hand": by_hand.encode()})
    write_table(columns, buffer, compression="zstd")
    return buffer.getvalue()


def _drawn_network(subject: Subject) -> NetworkView:
    """Return what the picture Network draws its lines from."""
    return drawn_network(subject.drawn.key, nearest_detail(subject), subject, subject.drawn)


def _images(subject: Subject) -> str:
    record, config = subject.record, subject.record.config
    images = f"{len(record.labels)} images ({config.samples_per_class} of each class, seed {config.seed})"
    return f"{images} out of {record.pool}"


def _curvature(subject: Subject) -> str:
    config = subject.record.config
    part = part_words(config, len(subject.record.weights))
    words = f"neural curvature κ (arXiv 2601.16366), idleness α = {config.alpha:g}"
    read = graph_words(subject.network, config)
    known = subject.record.intervals
    more = [read, f"of a part alone: {part}" if part else "", known.sentence() if known else ""]
    return "; ".join([words, *(each for each in more if each)])


def _facts(subject: Subject) -> dict[str, str]:
    """Return what the file is about, for the reader who finds it on a disk."""
    network, sweep, edges = subject.network, subject.sweep, subject.record.number_of_edges
    is_global = subject.view.scope == "global"
    record = subject.record
    share = record.never_active_count / max(1, record.total)
    never = (
        f"{never_active_words(share, len(record.labels))}; they go {NEVER_ACTIVE_TITLES[subject.view.never]}"
    )
    zeros = zero_words(subject.zeros, subject.total)
    whole = f"nothing {'more ' if zeros else ''}removed"
    return {
        "Network": f"{network.title}, {subject.total:,} weights, {edges:,} edges{f'; {zeros}' if zeros else ''}",
        "Calibration": _images(subject),
        "Evaluation": f"{sweep.images:,} images, {word_for(network)} {sweep.baseline:.2%} with {whole}",
        "Curvature": _curvature(subject),
        "Drawn": f"κ over {whose_flow(subject)}; the slider removes by κ over all calibration images",
        "Ranking": "all weights together" if is_global else "the same share of every layer",
        **({"Never active": never} if share else {}),
        **({"By hand": told_by_hand(subject)} if subject.by_hand else {}),
    }
