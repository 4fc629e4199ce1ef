"""The figures of the views Matrix and Distribution from a network's results: pure, no session and no page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import plotly.graph_objects as go

from ncviz.data.datasets import find_dataset
from ncviz.plots.figure_frame import WIDTH
from ncviz.plots.network.cells import MAX_CELLS, cells, reduced, shares
from ncviz.plots.network.distribution import Row, distribution
from ncviz.plots.network.matrix import Panel, matrix
from ncviz.plots.palette import Theme
from ncviz.scene import selection
from ncviz.scene.names import layer_title, measured_words, unit_layer_titles
from ncviz.scene.tables import parameter_offsets
from ncviz.tasks import CurvatureRecord
from ncviz.ui.explore import flows
from ncviz.ui.explore.live_curves import ORDER_LABELS, thresholds
from ncviz.ui.link.view_state import ALL_LAYERS, ViewState
from ncviz.ui.server import resources
from ncviz.ui.session.subject import Shown
from ncviz.values import NEVER_ACTIVE

Kappa = Mapping[str, np.ndarray]


def matrix_figure(
    shown: Shown,
    view: ViewState,
    kappa: Kappa,
    order: str,
    removed: int,
    theme: Theme,
    *,
    width: int = WIDTH,
) -> go.Figure:
    """Return a heatmap for each connection that the view shows.

    Args:
        shown: The network with its results.
        view: What is looked at: layer, scope and selection.
        kappa: κ of each weight by parameter name, of that parameter's shape; NaN or 2 where it is never active.
        order: Criterion and order, such as "curvature/redundant".
        removed: How many weights are removed.
        theme: Which variant of the colours.
        width: Pixels that the figure has.
    """
    record, layers = shown.record, _layers(shown, view)
    kept = _kept(shown, view, order, removed)
    grids = [selection.grid(record, index) for index in layers]
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
    classes, names = find_dataset(shown.network.dataset).classes, unit_layer_titles(record)
    panels = [
        Panel(
            layer_title(record, index),
            reduced(made, limit),
            (names[record.ends[index][0]], of.source),
            (names[record.ends[index][1]], of.target),
            classes if of.target == "class" and len(classes) == of.targets <= 16 else (),
            selection.cell_box(record, index, view.selected) if view.selected else None,
        )
        for index, of, made, limit in zip(layers, grids, drawn, limits, strict=True)
    ]
    return matrix(panels, theme, words(shown, view, kappa, layers, kept, order, removed), width=width)


def distribution_figure(
    shown: Shown,
    view: ViewState,
    kappa: Kappa,
    order: str,
    removed: int,
    theme: Theme,
    *,
    is_logarithmic: bool = False,
    width: int = WIDTH,
) -> go.Figure:
    """Return a histogram of κ for each connection that the view shows; arguments as in ``matrix_figure``."""
    layers = _layers(shown, view)
    kept = _kept(shown, view, order, removed)
    every = [_row(shown, view, index, kappa, kept) for index in layers]
    rows = [row for row in every if row.kept.size] or every[:1]
    never = sum(int((~(row.curvature < NEVER_ACTIVE)).sum()) for row in rows)
    more = [f"{never:,} weights are never active, so they have no κ and no bar."] if never else []
    if len(rows) < len(every):
        more.append(f"{len(every) - len(rows)} of {len(every)} layers were not measured.")
    is_whole = kappa is shown.record.weights
    if not is_whole:
        more.append("What is removed was chosen by the κ over all calibration images.")
    threshold = cut(shown, view, order, removed) if is_whole else None
    return distribution(
        rows,
        theme,
        [*words(shown, view, kappa, layers, kept, order, removed), "Pale: removed.", *more],
        threshold=threshold,
        removes_above=order.endswith("redundant"),
        is_logarithmic=is_logarithmic,
        width=width,
    )


def _by_cell(
    record: CurvatureRecord, connection: int, of: selection.Grid, values: np.ndarray | None
) -> np.ndarray:
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


def _row(shown: Shown, view: ViewState, connection: int, kappa: Kappa, kept: Mapping[str, np.ndarray]) -> Row:
    """Return a connection's own weights that were measured, as a row of the histograms."""
    record, name = shown.record, shown.record.parameters[connection]
    is_own = ~np.isnan(record.weights[name].reshape(-1))
    if len(record.connections_of(name)) > 1:
        place = record.places[connection]
        is_read = np.repeat((place.slot_units >= 0)[:, None], place.rows // len(place.fields), axis=1)
        is_own &= place.by_parameter(is_read.reshape(-1))
    number = np.cumsum(is_own) - 1
    selected = (
        selection.weights(record, connection, view.selected) if view.selected else np.empty(0, np.int64)
    )
    return Row(
        layer_title(record, connection),
        kappa[name].reshape(-1)[is_own],
        kept[name].reshape(-1)[is_own],
        number[selected[is_own[selected]]],
    )


def words(
    shown: Shown,
    view: ViewState,
    kappa: Kappa,
    layers: Sequence[int],
    kept: Mapping[str, np.ndarray],
    order: str,
    removed: int,
) -> list[str]:
    """Return what a figure shows of which network, as sentences that go into it."""
    names = list(dict.fromkeys(shown.record.parameters[index] for index in layers))
    known = {name: ~np.isnan(shown.record.weights[name]) for name in names}
    count = sum(int((kept[name] & known[name]).sum()) for name in names)
    total = sum(int(known[name].sum()) for name in names)
    is_all = len(layers) == len(shown.record.places)
    of_all = "" if is_all else f", of {shown.total:,} in the whole network"
    measured = measured_words(shown.record)
    # What stands in several parts of a layer is removed by its least κ, whichever part that is in.
    is_shared = any(shown.record.places[index].curvature is not None for index in layers)
    return [
        f"showing {count:,} of {total:,} {'measured weights' if measured else 'weights'}{of_all}.",
        *([f"{measured} The others are neither drawn nor removed by curvature."] if measured else []),
        *(
            ["A weight that stands in several parts of a layer has its lowest κ in each."]
            if is_shared
            else []
        ),
        f"{described(shown, view, kappa, order, removed)}.",
    ]


def described(shown: Shown, view: ViewState, kappa: Kappa, order: str, removed: int) -> str:
    """Return such as "LeNet: 30.0% removed, redundant first, κ over image 4, class 7"."""
    whose = "" if kappa is shown.record.weights else f", κ over {whose_flow(shown, view, kappa)}"
    return f"{shown.network.title}: {state(shown, order, removed)}{whose}"


def whose_flow(shown: Shown, view: ViewState, kappa: Kappa) -> str:
    """Return the images over which the curvature that is drawn is, as the app names them.

    A flow that the view asks for but that this result does not have, or that is not computed yet, is not drawn.
    """
    names = flows.titles(shown)
    is_whole = kappa is shown.record.weights
    return names["all"] if is_whole else names.get(view.flow, view.flow.replace("-", " "))


def state(shown: Shown, order: str, removed: int) -> str:
    """Return such as "30.0% removed, redundant first"."""
    label = ORDER_LABELS.get(order, "random").lower()
    return f"{removed / max(shown.total, 1):.1%} removed, {label}" if removed else "nothing removed"


def cut(shown: Shown, view: ViewState, order: str, removed: int) -> float | None:
    """Return the κ over all images of the first weight that stays; None where no one κ cuts all layers."""
    criterion, way = order.split("/")
    if criterion != "curvature" or not removed:
        return None
    ordered = partial(resources.ordered_scores, shown.network, shown.record)
    found = thresholds(criterion, way, view.scope, np.array([removed]), ordered)
    return float(found[0]) if len(found) and np.isfinite(found[0]) else None


def _layers(shown: Shown, view: ViewState) -> Sequence[int]:
    return range(len(shown.record.places)) if view.layer == ALL_LAYERS else [view.layer]


def _kept(shown: Shown, view: ViewState, order: str, removed: int) -> dict[str, np.ndarray]:
    """Return for each weight tensor which of its weights are kept, bool of its shape."""
    ranks = resources.ranks(shown.network, shown.record, *_competing(view, order))
    starts = parameter_offsets(shown.record)
    return {
        name: (ranks[starts[name] : starts[name] + values.size] >= removed).reshape(values.shape)
        for name, values in shown.record.weights.items()
    }


def _competing(view: ViewState, order: str) -> tuple[str, str, str]:
    criterion, way = order.split("/")
    return criterion, view.scope, way
