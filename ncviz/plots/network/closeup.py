"""Which nodes of a large network are drawn at a readable size, and where: the others stand as a strip beside them.

Of a layer of many feature maps the picture shows those that matter; of a layer that is looked at closely, with the
layers that it reads and that read it, more and larger ones. Lines that are drawn join nodes that are shown; those of a
selection reach all others too, in their strip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ncviz.plots.network.layout import Layout, layout, units
from ncviz.plots.network.lines import NetworkView
from ncviz.values import NEVER_ACTIVE

# By what the nodes of a layer are ordered, of which the first are shown.
MAP_ORDERS = {"bottlenecks": "most bottlenecks", "activity": "most active", "position": "in their order"}
ALL = -1
SHOWN, IN_STRIP, HIDDEN = 0, 1, 2
_STRIP = 26.0  # pixels beside the tiles
_LEAST_STRIP = 14.0  # half its length
_STRIP_AT = 6.0  # from the edge of the picture
# How many maps of a layer are shown, if it has clearly more; and units, looked at closely.
_MAPS, _MAPS_NEAR, _MAPS_BESIDE = 32, 42, 20
_UNITS_NEAR, _UNITS_BESIDE = 84, 64
_CLEARLY = 1.25
# The least side of a tile, and how much of the picture's length layers may fill.
_TILE, _TILE_NEAR = 18.0, 46.0
_FILLED, _FILLED_NEAR = 0.45, 0.66


@dataclass(frozen=True)
class Closeup:
    """What a picture shows of a network.

    Attributes:
        layer: The layer that fills it together with its neighbours, `ALL` for the whole network.
        by: One of `MAP_ORDERS`, or "" for the first of them without a choice.
        keep: Nodes that are shown whatever their place in that order.
    """

    layer: int = ALL
    by: str = "bottlenecks"
    keep: tuple[int, ...] = ()


# Without a server nobody can choose another order: the most bottlenecks, and no choice.
FIXED = Closeup(by="")


@dataclass(frozen=True, eq=False)
class Shown:
    """The nodes that are shown.

    Attributes:
        order: For each layer its nodes that are shown, in their order; none where it is hidden.
        state: uint8 [N], `SHOWN`, `IN_STRIP` or `HIDDEN`.
        is_near: Whether a layer fills the picture.
    """

    order: tuple[npt.NDArray[np.int64], ...]
    state: npt.NDArray[np.uint8]
    is_near: bool

    @property
    def counts(self) -> list[int]:
        """How many nodes of each layer are shown."""
        return [len(own) for own in self.order]


def shown_nodes(
    view: NetworkView, closeup: Closeup, activity: Sequence[npt.ArrayLike] | None = None
) -> Shown:
    """Choose the nodes that are shown.

    Args:
        view: the network.
        closeup: what is looked at; a layer that the network does not have counts as all.
        activity: per layer how active each unit is; without it, maps are not ordered by it.
    """
    is_near = 0 <= closeup.layer < len(view.layer_shapes)
    beside = _beside(view, closeup.layer) if is_near else frozenset[int]()
    score = _score(view, closeup.by, activity)
    kept = np.zeros(view.node_count, np.bool_)
    kept[[node for node in closeup.keep if node < view.node_count]] = True
    state = np.full(view.node_count, HIDDEN, np.uint8)
    order = []
    for layer, (start, end) in enumerate(pairwise(view.layer_offsets)):
        if is_near and layer != closeup.layer and layer not in beside:
            order.append(np.empty(0, np.int64))
            continue
        nodes = np.arange(start, end, dtype=np.int64)
        most = _most(view, layer, is_near=is_near, is_middle=layer == closeup.layer)
        if len(nodes) > most * _CLEARLY:
            # Those that are kept come first, then by score; of equal ones the first.
            nodes = nodes[np.lexsort((-score[start:end], ~kept[start:end]))][:most]
            nodes = nodes[np.argsort(-score[nodes], kind="stable")]
        state[start:end] = IN_STRIP
        state[nodes] = SHOWN
        order.append(nodes)
    return Shown(tuple(order), state, is_near)


def _beside(view: NetworkView, layer: int) -> frozenset[int]:
    """The layers that a layer reads, and those that read it."""
    offsets = np.asarray(view.layer_offsets)
    found = set[int]()
    ends = [(view.source, view.target)]
    if view.links is not None:
        ends.append((view.links.source, view.links.target))
    for source, target in ends:
        before = np.searchsorted(offsets, source, side="right") - 1
        after = np.searchsorted(offsets, target, side="right") - 1
        found |= set(before[after == layer].tolist()) | set(after[before == layer].tolist())
    return frozenset(found)


def _most(view: NetworkView, layer: int, *, is_near: bool, is_middle: bool) -> int:
    shape = view.layer_shapes[layer]
    if view.is_grouped(layer):
        return (_MAPS_NEAR if is_middle else _MAPS_BESIDE) if is_near else _MAPS
    is_flat = units(shape) == max(shape, default=1)
    if is_near and is_flat:
        return _UNITS_NEAR if is_middle else _UNITS_BESIDE
    return units(shape)


def _score(view: NetworkView, by: str, activity: Sequence[npt.ArrayLike] | None) -> npt.NDArray[np.float64]:
    """How early each node is shown, the highest first: [N]."""
    if by == "activity" and activity is not None:
        means = []
        for layer, values in enumerate(activity):
            count = view.layer_offsets[layer + 1] - view.layer_offsets[layer]
            means.append(np.asarray(values, dtype=np.float64).reshape(count, -1).mean(axis=1))
        return np.concatenate(means)
    if by == "position":
        return np.zeros(view.node_count)
    kappa = np.where(view.curvature < NEVER_ACTIVE, view.curvature, 0.0)
    depth = np.log1p(np.maximum(-np.nan_to_num(kappa), 0.0))
    found = np.zeros(view.node_count)
    for ends in (view.source, view.target):
        found += np.bincount(ends, weights=depth, minlength=view.node_count)
    return found


def place_shown(view: NetworkView, shown: Shown, width: float, height: float) -> Layout:
    """Place the nodes of a network in a box: those that are shown, and beside them the strips of the others.

    Nodes of hidden layers stand in a corner; nothing is drawn there.
    """
    if all(count == end - start for count, start, end in _spans(view, shown)):
        return layout(view.layer_shapes, width, height, grouped=view.grouped)
    layers = [layer for layer, count in enumerate(shown.counts) if count]
    shapes = [
        (shown.counts[layer], *view.layer_shapes[layer][-2:])
        if view.is_grouped(layer)
        else (shown.counts[layer],)
        if shown.counts[layer] < units(view.layer_shapes[layer])
        else view.layer_shapes[layer]
        for layer in layers
    ]
    is_portrait = layout([(1,)], width, height).is_portrait
    strip = _STRIP if (shown.state == IN_STRIP).any() else 0.0
    inner = layout(
        shapes,
        width - strip * is_portrait,
        height - strip * (not is_portrait),
        grouped=[view.is_grouped(layer) for layer in layers],
        is_portrait=is_portrait,
        least_tile=_TILE_NEAR if shown.is_near else _TILE,
        filled=_FILLED_NEAR if shown.is_near else _FILLED,
    )
    x, y = np.zeros(view.node_count, np.float32), np.zeros(view.node_count, np.float32)
    radius, labels = [0.0] * len(shown.order), [(0.0, 0.0)] * len(shown.order)
    for at, layer in enumerate(layers):
        nodes = shown.order[layer]
        own = slice(inner.layer_offsets[at], inner.layer_offsets[at + 1])
        x[nodes], y[nodes] = inner.x[own], inner.y[own]
        radius[layer], labels[layer] = inner.radius[at], inner.labels[at]
        start, end = view.layer_offsets[layer : layer + 2]
        rest = start + np.flatnonzero(shown.state[start:end] == IN_STRIP)
        if len(rest):
            along, across = (y, x) if is_portrait else (x, y)
            length = height if is_portrait else width
            middle = (float(along[nodes].min()) + float(along[nodes].max())) / 2
            half = max(float(np.ptp(along[nodes])) / 2 + radius[layer] - 2, _LEAST_STRIP)
            low, high = max(middle - half, 0.0), min(middle + half, length)
            along[rest] = np.linspace(low, high, len(rest))
            across[rest] = (width if is_portrait else height) - _STRIP_AT
    return replace(
        inner,
        x=x,
        y=y,
        radius=tuple(radius),
        labels=tuple(labels),
        layer_offsets=view.layer_offsets,
        width=width,
        height=height,
    )


def _spans(view: NetworkView, shown: Shown) -> list[tuple[int, int, int]]:
    return list(zip(shown.counts, view.layer_offsets, view.layer_offsets[1:], strict=False))
