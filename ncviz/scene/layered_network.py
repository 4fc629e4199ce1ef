"""From a stored curvature to the network that is drawn: feature maps as nodes, every unit, or every position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ncviz.plots.network.blocks import blocks_of
from ncviz.plots.network.lines import Links, Members, NetworkView
from ncviz.scene.feature_maps import drawn_shapes, grouped_layers
from ncviz.scene.names import layer_title, unit_layer_titles
from ncviz.scene.tables import parameter_offsets
from ncviz.scene.token_maps import token_maps
from ncviz.scene.wording import MIDDLES, unusual_words
from ncviz.tasks import CurvatureRecord
from ncviz.tasks.curvature.links import StoredLink
from ncviz.values import CLOSED_FROM

# Every position of more edges than this would neither fit a browser nor tell anything.
MOST_POSITIONS = 1_000_000


def has_every_position(record: CurvatureRecord) -> bool:
    """Whether all edges can be drawn, each weight at all its output positions."""
    return bool(record.total < record.number_of_edges <= MOST_POSITIONS)


def network_view(
    record: CurvatureRecord, arrays: Mapping[str, np.ndarray], classes: Sequence[str], detail: str = "units"
) -> NetworkView:
    """Return the network as arrays that can be drawn.

    Args:
        record: The curvature.
        arrays: The network's weights by name.
        classes: Class names, for the last layer.
        detail: "channels": a node per feature map, a line per kernel slice, with the weight of least curvature in
            front. "units": a node per unit, and each weight once, where its curvature is lowest; drawn at all its
            positions, the edges of a convolution would bury the picture. "positions": each weight at all its output
            positions, every edge with its weight's curvature.
    """
    grouped = grouped_layers(record) if detail == "channels" else (False,) * len(record.layer_shapes)
    areas = [
        int(np.prod(shape[1:])) if own else 1 for shape, own in zip(record.layer_shapes, grouped, strict=True)
    ]
    nodes = [int(np.prod(shape)) // area for shape, area in zip(record.layer_shapes, areas, strict=True)]
    first_node = np.concatenate([[0], np.cumsum(nodes)])
    starts = parameter_offsets(record)
    parts = []
    for index, edges in enumerate(record.edges):
        once = edges.source, edges.target, edges.parameter, edges.curvature
        source, target, parameter, curvature = (
            _every_position(record, index) if detail == "positions" else once
        )
        before, after = record.ends[index]
        part = _Lines(
            source // areas[before] + first_node[before],
            target // areas[after] + first_node[after],
            curvature,
            record.folded(index, arrays)[parameter],
            parameter + starts[record.parameters[index]],
            index,
        )
        parts.append(part.sorted() if any(grouped) else part)
    members = _members(parts) if any(grouped) else None
    if members is not None:
        parts = [part.strongest() for part in parts]
    lines: dict[str, Any] = {
        name: _Lines.joined(parts, name, np.float32 if name in ("curvature", "weight") else np.int32)
        for name in ("source", "target", "curvature", "weight", "parameter")
    }
    titles = unit_layer_titles(record)
    unusual: dict[str, Any] = {
        "unmeasured": record.total - record.measured,
        "note": " · ".join(
            [
                *unusual_words(record.graph),
                *[MIDDLES] * (record.intervals is not None),
            ]
        ),
        "has_middles": record.intervals is not None,
        "left_out": _left_out(record, nodes) if record.config.channels else None,
        "maps": maps if any(maps := token_maps(record)) else (),
        "blocks": blocks_of(titles, _reads(record)),
    }
    return NetworkView(
        layer_names=titles,
        layer_shapes=drawn_shapes(record),
        classes=tuple(classes),
        **lines,
        connection=np.concatenate([np.full(len(part.source), part.connection, np.int32) for part in parts]),
        connection_names=tuple(layer_title(record, index) for index in range(len(record.edges))),
        parameter_count=record.total,
        grouped=grouped,
        members=members,
        links=_links(record, areas, first_node),
        has_ways=record.config.alpha >= CLOSED_FROM and record.intervals is None,
        **unusual,
    )


def _reads(record: CurvatureRecord) -> set[tuple[int, int]]:
    """Return which layer takes something from which, with weights or without."""
    return {*record.ends, *((link.source, link.target) for link in record.links)}


def _left_out(record: CurvatureRecord, nodes: Sequence[int]) -> np.ndarray:
    """Return which nodes are of channels that took no part, bool [N]."""
    parts = [record.left_out(layer) for layer in range(len(nodes))]
    return np.concatenate([part.repeat(count // len(part)) for part, count in zip(parts, nodes, strict=True)])


@dataclass(frozen=True, eq=False)
class _Lines:
    """The edges of one connection between nodes, those between the same two nodes beside each other."""

    source: np.ndarray
    target: np.ndarray
    curvature: np.ndarray
    weight: np.ndarray
    parameter: np.ndarray
    connection: int

    @property
    def first(self) -> np.ndarray:
        """Where the edges of each pair of nodes start, int64 [L]."""
        if not len(self.source):
            return np.empty(0, dtype=np.int64)
        is_new = (np.diff(self.source) != 0) | (np.diff(self.target) != 0)
        return np.flatnonzero(np.concatenate([[True], is_new]))

    def sorted(self) -> _Lines:
        """Return the same edges, those between the same two nodes beside each other."""
        pair = self.target.astype(np.int64) * (int(self.source.max(initial=0)) + 1) + self.source
        if (pair[1:] >= pair[:-1]).all():
            return self
        return self._at(np.lexsort((self.parameter, self.source, self.target)))

    def strongest(self) -> _Lines:
        """Return for each pair of nodes the edge of least curvature; of equal ones the first."""
        first = self.first
        if not len(first):
            return self
        size = np.diff(np.append(first, len(self.source)))
        least = np.minimum.reduceat(self.curvature, first)
        is_least = np.flatnonzero(self.curvature == np.repeat(least, size))
        line = np.repeat(np.arange(len(first)), size)[is_least]
        return self._at(is_least[np.searchsorted(line, np.arange(len(first)))])

    def _at(self, at: np.ndarray) -> _Lines:
        of_each = {name: values[at] for name, values in vars(self).items() if name != "connection"}
        return replace(self, **of_each)

    @staticmethod
    def joined(parts: Sequence[_Lines], name: str, dtype: type = np.int32) -> np.ndarray:
        """Return what several connections have of one kind, one after the other."""
        return np.concatenate([getattr(part, name) for part in parts]).astype(dtype)


def _every_position(
    record: CurvatureRecord, connection: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return source, target and parameter of every edge of a connection, with its weight's curvature."""
    place, edges = record.places[connection], record.edges[connection]
    fields = place.sources  # [G, P, K]
    groups, positions, slots = fields.shape
    weights = place.weight(edges.parameter)
    row, slot = np.divmod(weights, slots)
    source = fields[row // (len(place.position) // slots // groups), :, slot]  # [W, P]
    weight, position = np.nonzero(source >= 0)
    return (
        source[weight, position],
        (row[weight] * positions + position).astype(np.int32),
        edges.parameter[weight],
        edges.curvature[weight],
    )


def _links(record: CurvatureRecord, areas: Sequence[int], first_node: np.ndarray) -> Links | None:
    """Return a line for each pair of channels that a link joins, from the middle of the one to that of the other."""
    if not record.links:
        return None
    ends = []
    for layer in ("source", "target"):
        parts = []
        for link in record.links:
            at = getattr(link, layer)
            per = int(np.prod(record.layer_shapes[at][1:]))
            channel = link.channels[:, 0 if layer == "source" else 1].astype(np.int64)
            parts.append(first_node[at] + (channel * per + _middle(record.layer_shapes[at])) // areas[at])
        ends.append(np.concatenate(parts).astype(np.int32))
    sizes = [len(link.channels) for link in record.links]
    weighed = [
        np.full(len(link.channels), -1)
        if other is None or areas[other.source] == 1
        else first_node[other.source] + _met_channels(link, other)
        for link, other in zip(record.links, _other_factors(record.links), strict=True)
    ]
    return Links(
        source=ends[0],
        target=ends[1],
        weigher=np.concatenate(weighed).astype(np.int32),
        link=np.repeat(np.arange(len(sizes)), sizes).astype(np.int32),
        names=tuple(
            f"{link.name} ({link.kind})" if link.kind not in link.name else link.name for link in record.links
        ),
        kinds=tuple(link.kind for link in record.links),
        edges=tuple(link.edges for link in record.links),
    )


def _other_factors(links: Sequence[StoredLink]) -> list[StoredLink | None]:
    """Return for each link of an attention that of the other factor, which stands beside it; None for all others."""
    products = [at for at, link in enumerate(links) if link.kind == "product"]
    pairs = dict(zip(products[::2], products[1::2], strict=True))
    pairs |= {other: at for at, other in pairs.items()}
    return [links[pairs[at]] if at in pairs else None for at in range(len(links))]


def _met_channels(link: StoredLink, other: StoredLink) -> np.ndarray:
    """Return for each pair of channels of a factor the channel of the other factor that it is multiplied by, int64 [n].

    Of the channels that end in one of the product's, the first factor's and the second's are in the same order.
    """
    source, target = link.channels.astype(np.int64).T
    order = np.lexsort((source, target))
    first = np.searchsorted(target[order], target[order])
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order)) - first
    theirs = other.channels.astype(np.int64)
    theirs = theirs[np.lexsort((theirs[:, 0], theirs[:, 1]))]
    begin = np.searchsorted(theirs[:, 1], target)
    count = np.searchsorted(theirs[:, 1], target, side="right") - begin
    return theirs[begin + place % np.maximum(count, 1), 0]


def _middle(shape: tuple[int, ...]) -> int:
    """Return the unit in the middle of a feature map."""
    space = shape[1:]
    return int(np.ravel_multi_index([size // 2 for size in space], space)) if space else 0


def _members(parts: Sequence[_Lines]) -> Members:
    """Return the edges behind each pair of nodes, over all connections."""
    sizes = [len(part.source) for part in parts]
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    firsts = [part.first + offset for part, offset in zip(parts, offsets, strict=False)]
    return Members(
        start=np.append(np.concatenate(firsts), offsets[-1]).astype(np.int32),
        parameter=_Lines.joined(parts, "parameter"),
        curvature=_Lines.joined(parts, "curvature", np.float32),
        weight=_Lines.joined(parts, "weight", np.float32),
    )
