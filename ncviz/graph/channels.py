"""Which axis of the input holds the channels; where it is the last, the units are numbered as if it were the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from ncviz.graph.connection import Connection
from ncviz.graph.neural_graph import NeuralGraph, Tap
from ncviz.graph.positions import MAX_PARTS, by_places

# What the last axis of an image has where the first has more: grey or colour.
_OF_IMAGES = (1, 3)


def with_channels_first(graph: NeuralGraph) -> NeuralGraph:
    """Return a graph whose input layer is numbered channel by channel, as every other layer is.

    Which units are joined, and how far they lie apart, stays as it is. The last axis holds the channels if what reads
    the input can be kept by positions then, and not otherwise; where that tells nothing, if it has the size that an
    image's colours have and the first has not.

    Args:
        graph: As read, the input's units numbered in the order of the network's own input.
    """
    shape = graph.layer_shapes[0]
    reading = graph.out_of(0)
    if len(shape) < 2 or not reading:
        return graph
    numbers = np.moveaxis(np.arange(prod(shape)).reshape(shape), -1, 0).reshape(-1)
    moved = np.empty_like(numbers)
    moved[numbers] = np.arange(len(numbers))
    first = _parts(reading, prod(shape[1:]))
    is_image = len(shape) == 3 and shape[-1] in _OF_IMAGES and shape[0] not in _OF_IMAGES
    if first <= len(reading) and not is_image:
        return graph
    last = _parts([_renumbered(each, moved) for each in reading], prod(shape[:-1]))
    is_by_places = last <= len(reading)
    if last > first or not (is_image or is_by_places or first >= 2 * MAX_PARTS):
        return graph
    connections, links = (
        tuple(_renumbered(each, moved) if each.source == 0 else each for each in every)
        for every in (graph.connections, graph.links)
    )
    taps = tuple(_tap(tap, moved) for tap in graph.taps[0])
    products = tuple(
        replace(
            each,
            left_units=_moved(each.left_units, moved) if each.left == 0 else each.left_units,
            right_units=_moved(each.right_units, moved) if each.right == 0 else each.right_units,
        )
        for each in graph.products
    )
    return replace(
        graph, layer_shapes=((shape[-1], *shape[:-1]), *graph.layer_shapes[1:]), connections=connections,
        links=links, taps=(taps, *graph.taps[1:]), products=products,
    )  # fmt: skip


def _parts(reading: Sequence[Connection], places: int) -> int:
    """Return how many connections these would have to be divided into."""
    divided = (by_places(each.fields, places) for each in reading)
    return sum(2 * MAX_PARTS if parts is None else len(parts) for parts in divided)


def _renumbered(connection: Connection, moved: np.ndarray) -> Connection:
    return replace(connection, fields=_moved(connection.fields, moved))


def _moved(units: np.ndarray, moved: np.ndarray) -> np.ndarray:
    return np.where(units >= 0, moved[units], -1)


def _tap(tap: Tap, moved: np.ndarray) -> Tap:
    units = moved if tap.units is None else np.where(tap.units >= 0, moved[tap.units], -1)
    return replace(tap, units=units)
