"""The figures of the views Matrix, Distribution and Free layout from a network's results; no session and no page."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from ncviz.plots.figure_frame import WIDTH
from ncviz.plots.network.cells import MAX_CELLS, cells, reduced, shares
from ncviz.plots.network.distribution import Row, distribution
from ncviz.plots.network.lines import NetworkView
from ncviz.plots.network.matrix import Panel, matrix
from ncviz.plots.palette import Theme
from ncviz.scene.comparison import never_active_place
from ncviz.scene.flow_choices import flow_titles
from ncviz.scene.free_figure import FreeFigure, flat_curvature, free_figure, strongest_graph
from ncviz.scene.grid import Grid, connection_grid, selected_cells, selected_weights
from ncviz.scene.names import layer_title, measured_words, unit_layer_titles
from ncviz.scene.selected_lines import selected_nodes
from ncviz.scene.tables import parameter_offsets
from ncviz.scene.wording import unusual_words
from ncviz.tasks import CurvatureRecord
from ncviz.ui.explore.drawn import drawn_network
from ncviz.ui.explore.live_curves import MOST_TOLD, ORDER_LABELS, threshold, told_by_hand
from ncviz.ui.session.subject import Subject
from ncviz.values import NEVER_ACTIVE

# How many edges the free layout may show.
FREE_CAPS = (100, 300, 1000)
# Pixels of the axes on a stage.
STAGE_HEIGHT = 400


def matrix_figure(subject: Subject, theme: Theme, *, width: int = WIDTH) -> go.Figure:
    """Return a heatmap for each connection that the view shows.

    Args:
        subject: The network with its results, at a pruning step.
        theme: Which variant of the colours.
        width: Pixels that the figure has.
    """
    record, layers, kappa, kept = subject.record, subject.layers, subject.drawn.weights, _kept(subject)
    grids = [connection_grid(record, index) for index in layers]
    drawn = []
    for index, of in zip(layers, grids, strict=True):
        name = record.parameters[index]
        drawn.append(
            cells(
                _by_cell(record, index, of, kappa[name]),
                _by_cell(record, index, of, kept[name]),
                groups=of.groups,
                columns=of.columns,
                sources=of.sources,
                measured=_by_cell(record, index, of, ~np.isnan(record.weights[name])),
                present=_by_cell(record, index, of, None),
            )
        )
    limits = shares([made.kappa.size for made in drawn], MAX_CELLS)
    classes, names = subject.classes, unit_layer_titles(record)
    panels = [
        Panel(
            layer_title(record, index),
            reduced(made, limit),
            (names[record.ends[index][0]], of.source),
            (names[record.ends[index][1]], of.target),
            classes if of.target == "class" and len(classes) == of.targets <= 16 else (),
            selected_cells(record, index, subject.selection),
        )
        for index, of, made, limit in zip(layers, grids, drawn, limits, strict=True)
    ]
    return matrix(panels, theme, subject.scale, words(subject, kept), width=width, **_heights(subject))


def distribution_figure(
    subject: Subject, theme: Theme, *, is_logarithmic: bool = False, width: int = WIDTH
) -> go.Figure:
    """Return a histogram of κ for each connection that the view shows; arguments as in ``matrix_figure``."""
    kept = _kept(subject)
    every = [_row(subject, index, kept) for index in subject.layers]
    rows = [row for row in every if row.kept.size] or every[:1]
    never = sum(int((~(row.curvature < NEVER_ACTIVE)).sum()) for row in rows)
    gone = sum(int((~(row.curvature < NEVER_ACTIVE) & ~row.kept).sum()) for row in rows)
    told = f"; {gone:,} of them are removed" if gone else ""
    more = [f"{never:,} weights are never active, so they have no κ and no bar{told}."] if never else []
    if len(rows) < len(every):
        more.append(f"{len(every) - len(rows)} of {len(every)} layers were not measured.")
    if subject.flow is not None:
        more.append("What is removed was chosen by the κ over all calibration images.")
    at = threshold(subject) if subject.flow is None and subject.removed else None
    return distribution(
        rows,
        theme,
        subject.scale,
        [*words(subject, kept), "Pale: removed.", *more],
        threshold=at,
        removes_above=subject.view.order == "redundant",
        is_logarithmic=is_logarithmic,
        width=width,
        **_heights(subject),
    )


def _heights(subject: Subject) -> dict[str, int]:
    """Return how high the axes are where it is not as usual: on a stage, the panel is beside them."""
    view = subject.view
    return {"axes_height": STAGE_HEIGHT} if view.present and not view.compare else {}


def _by_cell(record: CurvatureRecord, connection: int, of: Grid, values: np.ndarray | None) -> np.ndarray:
    """Return a parameter's values by target, source and place in the kernel: [T, S of a group, h, w].

    Without values, where there is a weight of this connection at all; elsewhere values mean nothing.
    """
    slots = of.slots[of.group(np.arange(of.targets))]  # [T, S, area]
    if values is None:
        found = slots >= 0
    else:
        rows = record.places[connection].by_weight(values).reshape(of.targets, -1)
        found = np.take_along_axis(rows, np.maximum(slots, 0).reshape(of.targets, -1), axis=1)
    return found.reshape(of.targets, of.columns.shape[1], *of.area)


def _row(subject: Subject, connection: int, kept: Mapping[str, np.ndarray]) -> Row:
    """Return a connection's own weights that were measured, as a row of the histograms."""
    record, name = subject.record, subject.record.parameters[connection]
    is_own = ~np.isnan(record.weights[name].reshape(-1))
    if len(record.connections_of(name)) > 1:
        place = record.places[connection]
        is_read = np.repeat((place.slot_units >= 0)[:, None], place.rows // len(place.fields), axis=1)
        is_own &= place.by_parameter(is_read.reshape(-1))
    number = np.cumsum(is_own) - 1
    selected = selected_weights(record, connection, subject.selection)
    return Row(
        layer_title(record, connection),
        subject.drawn.weights[name].reshape(-1)[is_own],
        kept[name].reshape(-1)[is_own],
        number[selected[is_own[selected]]],
    )


def words(subject: Subject, kept: Mapping[str, np.ndarray]) -> list[str]:
    """Return what a figure shows of which network, as sentences that go into it."""
    record, layers = subject.record, subject.layers
    names = list(dict.fromkeys(record.parameters[index] for index in layers))
    known = {name: ~np.isnan(record.weights[name]) for name in names}
    count = sum(int((kept[name] & known[name]).sum()) for name in names)
    total = sum(int(known[name].sum()) for name in names)
    is_all = len(layers) == len(record.places)
    of_all = "" if is_all else f", of {subject.total:,} in the whole network"
    measured = measured_words(record)
    # What stands in several parts of a layer is removed by its least κ, whichever part that is in.
    is_shared = any(record.places[index].curvature is not None for index in layers)
    shared = "A weight that stands in several parts of a layer has its lowest κ in each."
    return [
        f"showing {count:,} of {total:,} {'measured weights' if measured else 'weights'}{of_all}.",
        *([f"{measured} The others are neither drawn nor removed by curvature."] if measured else []),
        *([shared] if is_shared else []),
        f"{described(subject)}.",
        *([subject.drawn.intervals.sentence()] if subject.drawn.intervals else []),
        *([f"{told_by_hand(subject, MOST_TOLD)}."] if subject.by_hand else []),
    ]


def described(subject: Subject) -> str:
    """Return such as "LeNet: 30.0% removed, redundant first, κ over image 3, class 7"."""
    label, share = ORDER_LABELS.get(subject.order, "random").lower(), subject.removed / max(subject.total, 1)
    place = never_active_place(subject.view.never) if subject.view.criterion == "curvature" else ""
    label += f", {place}" if place else ""
    state = f"{share:.1%} removed, {label}" if subject.removed else "nothing removed"
    if subject.zeros == subject.removed > 0:
        state = f"{share:.1%} zero already"
    whose = "" if subject.flow is None else f", κ over {whose_flow(subject)}"
    unusual = unusual_words(subject.record.graph)
    return ", ".join([f"{subject.network.title}: {state}{whose}", *unusual])


def whose_flow(subject: Subject) -> str:
    """Return the images over which the curvature that is drawn is, as the app names them.

    A flow that the view asks for but that this result does not have, or that is not computed yet, is not drawn.
    """
    names, asked = flow_titles(subject.record, subject.classes), subject.view.flow
    return names["all"] if subject.flow is None else names.get(asked, asked.replace("-", " "))


def _kept(subject: Subject) -> dict[str, np.ndarray]:
    """Return for each weight tensor which of its weights are kept, bool of its shape."""
    ranks, removed, starts = subject.ranks, subject.removed, parameter_offsets(subject.record)
    return {
        name: (ranks[starts[name] : starts[name] + values.size] >= removed).reshape(values.shape)
        for name, values in subject.record.weights.items()
    }


def free_layout_figure(
    subject: Subject,
    colours: Theme,
    *,
    is_bottlenecks_only: bool = False,
    most: int = FREE_CAPS[1],
    channel: str | None = None,
) -> FreeFigure:
    """Return the picture of ``draw_free_layout``; needs no session."""
    record, drawn = subject.record, nodes_and_edges(subject)
    kappa = flat_curvature({name: subject.drawn.weights[name] for name in record.weights})
    graph, kept = strongest_graph(drawn, kappa, subject.ranks, subject.removed, subject.layer, most)
    told = (described(subject), told_by_hand(subject, MOST_TOLD))
    known = subject.drawn.intervals
    return free_figure(
        drawn,
        graph,
        kept,
        colours,
        name=". ".join(filter(None, (*told, "" if known is None else known.sentence().removesuffix(".")))),
        selected=selected_nodes(record, drawn, subject.selection),
        is_bottlenecks_only=is_bottlenecks_only,
        follows=None if channel is None else (channel, subject.order),
    )


def nodes_and_edges(subject: Subject) -> NetworkView:
    """Return the network as nodes and edges, feature maps as nodes if the view has them so."""
    # Every position of a weight would be the same edge many times over.
    detail = "channels" if subject.view.detail == "channels" else "units"
    return drawn_network(subject.record.key, detail, subject, subject.record)
