"""From a network and an image to the problem of any one of its edges: who has mass, and how far it has to go."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ncviz.config import DEFAULT_ALPHA, check_alpha, check_whole
from ncviz.devices import guard, resolve_device
from ncviz.engine.layers import position_major
from ncviz.engine.prepared import paths_of
from ncviz.errors import DataError, NcvizError
from ncviz.explain.avoiding import past_across, past_from_source, past_to_target
from ncviz.explain.explanation import EdgeExplanation
from ncviz.explain.problem import EdgeProblem
from ncviz.graph.activations import layer_activations, normalise
from ncviz.graph.build import build_graph
from ncviz.graph.neural_graph import Connection, NeuralGraph
from ncviz.graph.paths import Distances


@dataclass(frozen=True, eq=False)
class Lens:
    """A network on one image, ready to look at any edge.

    Attributes:
        graph: The neural graph.
        paths: Its path lengths.
        activity: For each layer float64 [units], |activation| normalised to [0, 1], input first.
    """

    graph: NeuralGraph
    paths: Distances
    activity: tuple[np.ndarray, ...]

    def edge(self, connection: int, source: int, target: int) -> EdgeProblem:
        """Return the problem of one edge; arguments and errors are those of ``explain_edge``."""
        graph, last = self.graph, len(self.graph.connections) - 1
        check_whole("connection", connection, 0, last)
        check_whole("source", source, 0, graph.layer_sizes[connection] - 1)
        check_whole("target", target, 0, graph.layer_sizes[connection + 1] - 1)
        weight, shared_by = _weight(graph.connections[connection], connection, source, target)
        heard = _sources(graph.connections[connection - 1], source) if connection > 0 else _NONE
        spoken = _targets(graph.connections[connection + 1], target) if connection < last else _NONE
        in_units, in_mass = self._measure(connection - 1, heard)
        out_units, out_mass = self._measure(connection + 2, spoken)
        one, length = self.paths.one, 1.0 / abs(weight)
        to_source, from_target = np.empty(0), np.empty(0)
        to_target, from_source = np.empty(0), np.empty(0)
        if len(in_units):
            to_source = one[connection - 1].table.between(in_units, np.array([source]))[:, 0]
            to_target = past_to_target(self.paths, connection, source, target, in_units, to_source, length)
        if len(out_units):
            from_target = one[connection + 1].table.between(np.array([target]), out_units)[0]
            from_source = past_from_source(
                self.paths, connection, source, target, out_units, from_target, length
            )
        across = np.empty((len(in_units), len(out_units)))
        if across.size:
            across = past_across(
                self.paths,
                connection,
                source,
                in_units,
                out_units,
                to_source,
                from_target,
                from_source,
                length,
            )
        is_dead = (connection > 0 and self.activity[connection][source] == 0) or (
            connection < last and self.activity[connection + 1][target] == 0
        )
        return EdgeProblem(
            connection, source, target, weight, bool(is_dead), shared_by, in_units, in_mass, len(heard),
            out_units, out_mass, len(spoken), to_source, from_target, to_target, from_source, across,
        )  # fmt: skip

    def _measure(self, layer: int, units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return which of these units carry mass, and how much, by the engine's own rule."""
        from ncviz.engine.measures import measure

        if not len(units):
            return _NONE, np.empty(0)
        own = self.activity[layer][units][None]
        activity, mass = (part[0] for part in position_major(own, (len(units), 1)))
        start, nothing = np.array([0, 1], dtype=np.int64), np.zeros(1, dtype=np.int32)
        everyone = np.ones((1, 1, len(units)), dtype=np.bool_)
        _, channel, share = measure(start, nothing, nothing, everyone, activity, mass, 0, 0, 0.0)
        return units[channel], share


def look(net: nn.Module, image: Tensor, *, device: str = "cpu") -> Lens:
    """Make a network ready on one image; path lengths, the slow part of it, are kept for the last networks.

    Args:
        net: A sequential network (see ``build_graph``). Not changed.
        image: One input as the network sees it, [*input shape] or [1, *input shape].
        device: Where the forward pass and the path lengths are computed.

    Raises:
        ModelError: If the network cannot be read.
        DataError: If the image does not fit.
        DeviceError: If the device is missing or runs out of memory.
    """
    where = resolve_device(device)
    if not isinstance(net, nn.Module):
        raise NcvizError(f"net must be an nn.Module, got {type(net).__name__}.")
    image = _single(image)
    graph = build_graph(net, tuple(image.shape))
    with guard(where), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        layers = layer_activations(net, graph, image[None], where)
        return Lens(graph, paths_of(graph, where, pool), tuple(normalise(layer)[0] for layer in layers))


def explain_edge(
    net: nn.Module,
    image: Tensor,
    connection: int,
    source: int,
    target: int,
    *,
    alpha: float = DEFAULT_ALPHA,
    weight: float | None = None,
    device: str = "cpu",
) -> EdgeExplanation:
    """Take the curvature of one edge on one image apart: measures, distances, optimal plan, arithmetic.

    Its curvature is the one that ``neural_curvature(..., keep_edges=True).edges(connection)`` lists.

    Args:
        net: A sequential network (see ``build_graph``). Not changed.
        image: One input as the network sees it, [*input shape] or [1, *input shape].
        connection: Index of the weight layer, from 0.
        source: The edge's source, a unit index within its layer.
        target: Its target, likewise.
        alpha: Idleness in [0, 1).
        weight: What this edge should carry instead of its own weight; the activations, and all other edges, stay as
            they are. Its sign does not count.
        device: "cpu", "cuda", "cuda:N" or "mps".

    Raises:
        ModelError: If the network cannot be read.
        DataError: If the image does not fit, or there is no such edge.
        DeviceError: If the device is missing or runs out of memory.
        NcvizError: If an index, alpha or the weight is out of range.
    """
    check_alpha(alpha)
    return look(net, image, device=device).edge(connection, source, target).at(alpha, weight)


_NONE = np.empty(0, dtype=np.int64)


def _single(image: object) -> Tensor:
    """Return one input without a batch axis."""
    if not isinstance(image, Tensor) or image.is_complex():
        kind = f"{type(image).__module__}.{type(image).__name__}".removeprefix("builtins.")
        got = image.dtype if isinstance(image, Tensor) else kind
        raise DataError(f"image must be a real torch.Tensor, got a {got}.")
    if image.ndim in (2, 4):
        if len(image) != 1:
            raise DataError(
                f"image must be one input, [*input shape] or [1, …], got shape {list(image.shape)}."
            )
        image = image[0]
    if image.ndim == 0 or image.numel() == 0:
        raise DataError(f"image must be one input, [*input shape] or [1, …], got shape {list(image.shape)}.")
    if not torch.isfinite(image).all():
        raise DataError("The image holds NaN or infinite values; expected finite numbers.")
    return image


def _weight(connection: Connection, index: int, source: int, target: int) -> tuple[float, int]:
    """Return an edge's weight, and on how many edges it stands."""
    channel, position, group = _row(connection, target)
    slot = np.flatnonzero(connection.fields[group, position] == source)
    if not len(slot):
        raise DataError(
            f"There is no edge {source} → {target} in connection {index} ({connection.name}): "
            f"unit {target} does not read unit {source}."
        )
    weight = float(connection.weight[group, channel, slot[0]])
    if weight == 0:
        raise DataError(
            f"There is no edge {source} → {target} in connection {index} ({connection.name}): its weight is 0."
        )
    return weight, int((connection.fields[group, :, slot[0]] >= 0).sum())


def _row(connection: Connection, target: int) -> tuple[int, int, int]:
    """Return a target's channel within its group, its position and its group."""
    row, position = divmod(target, connection.fields.shape[1])
    group, channel = divmod(row, connection.weight.shape[1])
    return channel, position, group


def _sources(connection: Connection, target: int) -> np.ndarray:
    """Return the units that a unit hears from, growing, int64."""
    channel, position, group = _row(connection, target)
    fields, weight = connection.fields[group, position], connection.weight[group, channel]
    return np.sort(fields[(fields >= 0) & (weight != 0)])


def _targets(connection: Connection, source: int) -> np.ndarray:
    """Return the units that a unit speaks to, growing, int64."""
    group, position, slot = np.nonzero(connection.fields == source)
    channels, positions = connection.weight.shape[1], connection.fields.shape[1]
    at, channel = np.nonzero(connection.weight[group, :, slot])
    return np.sort((group[at] * channels + channel) * positions + position[at])
