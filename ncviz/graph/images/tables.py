"""Links by positions, those that an image weighs among them."""

from __future__ import annotations

from math import prod

import numpy as np

from ncviz.graph.connection import Connection, EdgeList
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.positions import PathTable, between_channels, connection_taps, layer_grid, starts_of


def link_table(graph: NeuralGraph, link: Connection) -> PathTable:
    """Return a link of a graph by positions.

    Raises:
        ModelError: If that would be too large for memory.
    """
    if not is_of_units(graph, link):
        return connection_taps(graph, link).table
    before, after = (layer_grid(graph.layer_shapes[layer]) for layer in (link.source, link.target))
    table = _table_of_edges(link.edges, before, after)
    return between_channels(table, graph.kept_channels(link.source), graph.kept_channels(link.target))


def is_of_units(graph: NeuralGraph, link: Connection) -> bool:
    """Whether a link has a row of weights for each unit of its target, as those that an image weighs have."""
    units = prod(graph.layer_shapes[link.target])
    is_by_unit = not link.parameter and link.fields.shape[:2] == (units, 1) and link.weight.shape[1] == 1
    return graph.is_of_image and is_by_unit


def _table_of_edges(edges: EdgeList, before: tuple[int, int], after: tuple[int, int]) -> PathTable:
    """Return edges by positions; pairs of positions that are joined in the same way are of one kind.

    Args:
        edges: Of several between the same units the shortest counts.
        before: Channels and positions of the layer where they begin.
        after: Those of the layer where they end.
    """
    from ncviz.graph.products import check_room

    (channel_in, place_in), (channel_out, place_out) = (
        np.divmod(units, grid[1]) for units, grid in ((edges.source, before), (edges.target, after))
    )
    pair, channels = place_in * after[1] + place_out, channel_in * after[0] + channel_out
    order = np.lexsort((edges.length, channels, pair))
    pair, channels, length = pair[order], channels[order], edges.length[order]
    first = np.ones(len(pair), dtype=np.bool_)
    first[1:] = (np.diff(pair) != 0) | (np.diff(channels) != 0)
    pair, channels, length = pair[first], channels[first], length[first]
    begin = np.flatnonzero(np.diff(pair, prepend=-1))
    source, target = (part.astype(np.int32) for part in np.divmod(pair[begin], after[1]))
    if not len(begin):
        empty = np.empty((0, before[0], after[0]))
        return PathTable(source, target, np.empty(0, dtype=np.int32), empty, (before[1], after[1]))
    representative, kind = _alike(channels, length, begin)
    shape = (len(representative), before[0], after[0])
    check_room(shape)
    lengths = np.full((shape[0], shape[1] * shape[2]), np.inf)
    ends = np.append(begin[1:], len(pair))
    count = (ends - begin)[representative]
    at = np.repeat(begin[representative] - starts_of(count)[:-1], count) + np.arange(count.sum())
    lengths[np.repeat(np.arange(len(count)), count), channels[at]] = length[at]
    return PathTable(source, target, kind.astype(np.int32), lengths.reshape(shape), (before[1], after[1]))


def _alike(channels: np.ndarray, length: np.ndarray, begin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find which sets of edges, each beginning at one of ``begin``, join the same channels by the same lengths.

    Sums of products of random 64-bit words stand for the sets, as in min-plus products.

    Returns:
        int64 [kinds], a set of each kind, and int64 [sets], the kind of each.
    """
    from ncviz.graph.products import distinct_columns

    bits = length.view(np.uint64).copy()
    words = np.random.default_rng(0).integers(0, 2**64, (2, int(channels.max()) + 1), dtype=np.uint64) | 1
    # Lengths that differ in few of their bits must differ in many (the finaliser of SplitMix64).
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        bits ^= bits >> np.uint64(shift)
        bits *= np.uint64(factor)
    bits ^= bits >> np.uint64(31)
    marks = np.stack([np.add.reduceat(word[channels] * (bits + word[channels]), begin) for word in words])
    return distinct_columns(marks)
