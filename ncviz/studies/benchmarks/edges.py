"""Which edges a measurement takes: live ones, counted and drawn without ever listing a large network's edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from ncviz.graph.connection import Connection
from ncviz.graph.neural_graph import NeuralGraph


@dataclass(frozen=True, eq=False)
class Edges:
    """Live edges, each on one sample; every array is [n].

    Attributes:
        connection: int64.
        sample: int64.
        source: int64, unit index within its layer.
        target: int64, unit index within its layer.
        parameter: int64, flat index into the connection's weight.
        length: float64, 1/|w|.
    """

    connection: np.ndarray
    sample: np.ndarray
    source: np.ndarray
    target: np.ndarray
    parameter: np.ndarray
    length: np.ndarray

    def __len__(self) -> int:
        return len(self.source)

    def take(self, which: np.ndarray) -> Edges:
        """Return some of the edges, in the order asked for."""
        return Edges(*(getattr(self, field.name)[which] for field in fields(self)))


def live_counts(graph: NeuralGraph, activity: Sequence[np.ndarray]) -> np.ndarray:
    """Return int64 [connections, samples], how many edges are live."""
    samples, connections = range(len(activity[0])), range(len(graph.connections))
    return np.array(
        [[int(_grid(graph, activity, index, sample).sum()) for sample in samples] for index in connections]
    )


def draw(
    graph: NeuralGraph, activity: Sequence[np.ndarray], live: np.ndarray, total: int | None, least: int = 50
) -> Edges:
    """Draw live edges at random without replacement, shuffled; always the same ones.

    Args:
        graph: The neural graph.
        activity: For each layer float64 [samples, units], normalised.
        live: int64 [connections, samples], as ``live_counts`` gives it.
        total: How many to draw, in proportion to the connections' live edges; None takes every live edge.
        least: At least so many of each connection, if it has them.
    """
    rng = np.random.default_rng(0)
    parts = []
    for index, counts in enumerate(live):
        number = int(counts.sum())
        wanted = number
        if total is not None:
            wanted = min(number, max(least, round(total * number / max(1, int(live.sum())))))
        rank = np.arange(number) if wanted == number else np.sort(rng.choice(number, wanted, replace=False))
        first = np.concatenate([[0], np.cumsum(counts)])
        for sample in range(len(counts)):
            inside = rank[(rank >= first[sample]) & (rank < first[sample + 1])] - first[sample]
            if len(inside):
                parts.append(_locate(graph, activity, index, sample, inside))
    together = _join(parts)
    return together.take(rng.permutation(len(together)))


def of_weights(
    graph: NeuralGraph, activity: Sequence[np.ndarray], connection: int, parameters: np.ndarray
) -> Edges:
    """Return every live edge, over all samples, of some weights of one connection (flat indices)."""
    own = graph.connections[connection]
    _, channels, slots = own.weight.shape
    row, k = np.divmod(parameters, slots)
    g, c = np.divmod(row, channels)
    parts = []
    for sample in range(len(activity[0])):
        heard, spoken = _alive(graph, activity, connection, sample)
        live = heard[g, :, k] & spoken[g, c] & (own.weight[g, c, k] != 0)[:, None]  # [weights, P]
        which, p = np.nonzero(live)
        parts.append(_edges(own, connection, sample, g[which], c[which], p, k[which]))
    return _join(parts)


def _alive(
    graph: NeuralGraph, activity: Sequence[np.ndarray], index: int, sample: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return which slots read a live source, bool [G, P, K], and which targets live, bool [G, C, P]."""
    connection = graph.connections[index]
    groups, channels, _ = connection.weight.shape
    positions = connection.fields.shape[1]
    present = connection.fields >= 0
    # Input pixels and logits are never dead.
    if index > 0:
        present &= (activity[index][sample] > 0)[connection.fields]
    if index + 1 < len(graph.connections):
        target = activity[index + 1][sample].reshape(groups, channels, positions) > 0
    else:
        target = np.ones((groups, channels, positions), dtype=bool)
    return present, target


def _grid(graph: NeuralGraph, activity: Sequence[np.ndarray], index: int, sample: int) -> np.ndarray:
    """Return int64 [G, P, K], how many live edges leave each slot of each position."""
    heard, spoken = _alive(graph, activity, index, sample)
    present = (graph.connections[index].weight != 0).astype(np.float64)  # [G, C, K]
    reached = spoken.transpose(0, 2, 1).astype(np.float64) @ present  # [G, P, K]
    return np.rint(reached).astype(np.int64) * heard


def _locate(
    graph: NeuralGraph, activity: Sequence[np.ndarray], index: int, sample: int, rank: np.ndarray
) -> Edges:
    """Return the live edges of one connection and sample that have these ranks."""
    connection = graph.connections[index]
    counts = _grid(graph, activity, index, sample)
    ends = np.cumsum(counts.reshape(-1))
    at = np.searchsorted(ends, rank, side="right")
    g, p, k = np.unravel_index(at, counts.shape)
    _, spoken = _alive(graph, activity, index, sample)
    nth = rank - (ends[at] - counts.reshape(-1)[at])
    among = (connection.weight[g, :, k] != 0) & spoken[g, :, p]  # [n, C]
    c = (np.cumsum(among, axis=1) > nth[:, None]).argmax(axis=1)
    return _edges(connection, index, sample, g, c, p, k)


def _edges(
    connection: Connection,
    index: int,
    sample: int,
    g: np.ndarray,
    c: np.ndarray,
    p: np.ndarray,
    k: np.ndarray,
) -> Edges:
    _, channels, slots = connection.weight.shape
    row = g * channels + c
    source, target = connection.fields[g, p, k], row * connection.fields.shape[1] + p
    length = 1.0 / np.abs(connection.weight[g, c, k])
    return Edges(
        np.full(len(g), index),
        np.full(len(g), sample),
        source,
        target,
        parameter=row * slots + k,
        length=length,
    )


def _join(parts: Sequence[Edges]) -> Edges:
    return Edges(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Edges)))
