"""Who each unit hears from and speaks to, and which edges share both, so that they share a transport problem."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ncviz.graph.neural_graph import NeuralGraph

UNIFORM_BELOW = 1e-7


@dataclass(frozen=True, eq=False)
class NeighbourSets:
    """The distinct neighbour sets of a layer's units.

    Attributes:
        label: int64 [units], which set each unit has.
        members: For each set, the unit indices in the adjoining layer, ascending.
    """

    label: np.ndarray
    members: tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False)
class Block:
    """Edges of one connection whose sources share their in-neighbours and whose targets their out-neighbours.

    Attributes:
        connection: Index of the connection.
        in_set: Which set of in-neighbours the sources have.
        out_set: Which set of out-neighbours the targets have.
        edges: int64, indices into the connection's edge list.
    """

    connection: int
    in_set: int
    out_set: int
    edges: np.ndarray


def in_neighbours(graph: NeuralGraph, layer: int) -> NeighbourSets:
    """Return the in-neighbour sets of a layer's units; the input layer has none."""
    units = graph.layer_sizes[layer]
    if layer == 0:
        return _no_neighbours(units)
    edges = graph.connections[layer - 1].edges
    return _group(edges.target, edges.source, units)


def out_neighbours(graph: NeuralGraph, layer: int) -> NeighbourSets:
    """Return the out-neighbour sets of a layer's units; the last layer has none."""
    units = graph.layer_sizes[layer]
    if layer == len(graph.connections):
        return _no_neighbours(units)
    edges = graph.connections[layer].edges
    return _group(edges.source, edges.target, units)


def blocks(
    graph: NeuralGraph, connection: int, sources: NeighbourSets, targets: NeighbourSets
) -> list[Block]:
    """Split one connection's edges by the neighbour sets of both their ends."""
    edges = graph.connections[connection].edges
    key = sources.label[edges.source] * len(targets.members) + targets.label[edges.target]
    order = np.argsort(key, kind="stable")
    found, start = np.unique(key[order], return_index=True)
    parts = np.split(order, start[1:])
    return [
        Block(connection, int(k) // len(targets.members), int(k) % len(targets.members), part)
        for k, part in zip(found, parts, strict=True)
    ]


def neighbour_measure(activity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the measure on a unit's neighbours: mass ∝ exp(-1/a²), nothing where a = 0.

    If the unnormalised masses sum to 1e-7 or less, the measure is uniform over the neighbours with a > 0.
    Only masses that underflow to 0 are left out: path lengths are unbounded, so a tiny mass can still decide κ.

    Args:
        activity: float64 [K], normalised activations of the neighbours.

    Returns:
        int64 [P] which neighbours carry mass, and float64 [P] their masses, summing to 1; both empty if none
        is active.
    """
    active = np.flatnonzero(activity > 0)
    if len(active) == 0:
        return active, np.empty(0)
    with np.errstate(over="ignore"):
        mass = np.exp(-1.0 / np.square(activity[active]))
    if mass.sum() <= UNIFORM_BELOW:
        return active, np.full(len(active), 1.0 / len(active))
    mass /= mass.sum()
    carries = mass > 0
    return active[carries], mass[carries]


def _no_neighbours(units: int) -> NeighbourSets:
    return NeighbourSets(np.zeros(units, dtype=np.int64), (np.empty(0, dtype=np.int64),))


def _group(unit: np.ndarray, neighbour: np.ndarray, units: int) -> NeighbourSets:
    """Number the distinct neighbour sets in order of first appearance."""
    order = np.lexsort((neighbour, unit))
    listed = neighbour[order]
    bounds = np.concatenate([[0], np.cumsum(np.bincount(unit, minlength=units))])
    numbers: dict[bytes, int] = {}
    members: list[np.ndarray] = []
    label = np.empty(units, dtype=np.int64)
    for index in range(units):
        own = listed[bounds[index] : bounds[index + 1]]
        number = numbers.setdefault(own.tobytes(), len(members))
        if number == len(members):
            members.append(own)
        label[index] = number
    return NeighbourSets(label, tuple(members))
