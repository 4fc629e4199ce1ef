"""What joins a result's layers without weights; plain arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from ncviz.tasks.curvature.places import packed

if TYPE_CHECKING:
    from ncviz.graph.connection import Connection
    from ncviz.graph.neural_graph import NeuralGraph
    from ncviz.graph.varying import ActivationProduct


@dataclass(frozen=True, eq=False)
class StoredLink:
    """What joins two layers without weights: a skip, a pooling, a scaling, a factor of a product.

    Attributes:
        name: Of the operation.
        kind: "skip" (units as they are), "pool" (many units into one), "scale" (each times a factor) or "product" (each
            times many units of another layer, as in attention).
        source: Index of the layer that it reads.
        target: Index of the layer that it ends in.
        edges: How many pairs of units it joins.
        channels: Which channels it joins, unsigned [n, 2], source and target.
        places: Positions that it reads for each of its own, unsigned [P, K]; the largest number is none.
    """

    name: str
    kind: str
    source: int
    target: int
    edges: int
    channels: np.ndarray
    places: np.ndarray

    @property
    def facts(self) -> dict[str, Any]:
        """What there is to say of it, as plain JSON."""
        return {name: getattr(self, name) for name in ("name", "kind", "source", "target", "edges")}


def stored_links(graph: NeuralGraph) -> tuple[StoredLink, ...]:
    """Return a graph's links, and the factors of its products of activations.

    The parts of one pooling, whose windows differ at the border, are one.
    """
    together: dict[tuple[str, int, int], list[Connection]] = {}
    for link in graph.links:
        together.setdefault((link.name, link.source, link.target), []).append(link)
    links = [_link(parts, graph.layer_shapes[source]) for (_, source, _), parts in together.items()]
    return (*links, *(factor for product in graph.products for factor in _factors(product, graph)))


def _factors(product: ActivationProduct, graph: NeuralGraph) -> Iterator[StoredLink]:
    """Return what joins a product's factors to it, by channels and by places."""
    group, row, column = np.nonzero(product.target_units >= 0)
    target = product.target_units[group, row, column]
    area = prod(graph.layer_shapes[product.target][1:])
    count = product.number_of_edges // 2
    for source, units in (
        (product.left, product.left_units[group, row]),
        (product.right, product.right_units[group, column]),
    ):
        own = prod(graph.layer_shapes[source][1:])
        at, k = np.nonzero(units >= 0)
        read = units[at, k]
        channels = np.unique(np.stack([read // own, target[at] // area], axis=1), axis=0)
        pairs = np.unique(np.stack([target[at] % area, read % own], axis=1), axis=0)
        fan = np.bincount(pairs[:, 0], minlength=area)
        places = np.full((area, int(fan.max(initial=1))), -1)
        places[pairs[:, 0], np.arange(len(pairs)) - np.repeat(np.cumsum(fan) - fan, fan)] = pairs[:, 1]
        yield StoredLink(
            product.name, "product", source, product.target, count, _smallest(channels), packed(places)
        )


def _link(parts: list[Connection], shape: tuple[int, ...]) -> StoredLink:
    first = parts[0]
    positions = int(np.prod(shape[1:]))
    pairs = np.unique(np.concatenate([_channels(part, positions) for part in parts]), axis=0)
    places = np.max([np.where(part.fields[0] >= 0, part.fields[0] % positions, -1) for part in parts], axis=0)
    is_plain = (np.abs(first.weight) == 1).all()
    kind = "pool" if first.fields.shape[2] > 1 else "skip" if is_plain else "scale"
    count = sum(part.number_of_edges for part in parts)
    return StoredLink(first.name, kind, first.source, first.target, count, _smallest(pairs), packed(places))


def _channels(link: Connection, positions: int) -> np.ndarray:
    """Return the pairs of channels that a link joins, int64 [n, 2]."""
    own = link.weight.shape[1]
    found = []
    for group, field in enumerate(link.fields):
        sources = np.unique(field[field >= 0] // positions)
        found += [(source, group * own + row) for source in sources.tolist() for row in range(own)]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def _smallest(values: np.ndarray) -> np.ndarray:
    return values.astype(np.min_scalar_type(int(values.max(initial=0))))
