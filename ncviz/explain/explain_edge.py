"""From a network and an image to the problem of any one of its edges: who has mass, and how far it has to go."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from ncviz.config import BATCHNORM, DEFAULT_ALPHA, SCALES, GraphConfig, check_alpha, check_whole
from ncviz.devices import guard, resolve_device
from ncviz.engine.prepared import paths_of
from ncviz.errors import DataError, ModelError
from ncviz.explain.avoiding import SLACK, past_across, past_from_source, past_to_target
from ncviz.explain.neighbours import (
    Neighbours,
    edge_weight,
    heard_by,
    numbered,
    spoken_to,
    takes_part,
    with_mass,
)
from ncviz.explain.problem import EdgeExplanation, EdgeProblem
from ncviz.explain.shortest_paths import Edge, Reach, beside, shortest_paths
from ncviz.graph.activations import layer_activations, normalise
from ncviz.graph.build import build_graph
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.paths import Distances


@dataclass(frozen=True, eq=False)
class NetworkOnImage:
    """A network on one image, ready to look at any edge.

    Attributes:
        graph: The neural graph; of some channels alone, if they were sampled.
        paths: Its path lengths around ``connections``.
        activity: For each layer float64 [units], |activation| normalised to [0, 1], input first.
        connections: Those that ``paths`` are around, None for all; around others they are made when they are looked at.
        device: Where that is done.
    """

    graph: NeuralGraph
    paths: Distances
    activity: tuple[np.ndarray, ...]
    connections: tuple[int, ...] | None = None
    device: str = "cpu"

    def edge(self, connection: int, source: int, target: int) -> EdgeProblem:
        """Return the problem of one edge; arguments and errors are those of ``explain_edge``."""
        graph = self.graph
        check_whole("connection", connection, 0, len(graph.connections) - 1)
        own = graph.connections[connection]
        check_whole("source", source, 0, graph.layer_sizes[own.source] - 1)
        check_whole("target", target, 0, graph.layer_sizes[own.target] - 1)
        weight, shared_by = edge_weight(graph, connection, source, target)
        if not (takes_part(graph, own.source, source) and takes_part(graph, own.target, target)):
            raise DataError(
                f"The edge {source} → {target} of connection {connection} ({own.name}) joins a channel that was left "
                "out when channels were drawn, so it has no κ; choose an edge between channels that were measured, or "
                "compute with all channels."
            )
        heard, spoken = heard_by(graph, own.source, source), spoken_to(graph, own.target, target)
        into, in_mass = with_mass(self.activity, heard)
        out_of, out_mass = with_mass(self.activity, spoken)
        is_dead = (bool(graph.into(own.source)) and self.activity[own.source][source] == 0) or (
            bool(graph.out_of(own.target)) and self.activity[own.target][target] == 0
        )
        around = self._around(connection)
        measured = around._in_a_chain if graph.is_chain else around._anywhere
        i, j = (
            int(numbered(graph, layer, np.array([unit]))[0])
            for layer, unit in ((own.source, source), (own.target, target))
        )
        ways = measured(connection, i, j, _numbered(graph, into), _numbered(graph, out_of), 1.0 / abs(weight))
        ends = connection, (own.source, own.target), source, target, weight, bool(is_dead), shared_by
        before = into.layers, into.units, in_mass, len(heard)
        behind = out_of.layers, out_of.units, out_mass, len(spoken)
        to_source, from_target, direct, to_target, from_source, across = ways
        return EdgeProblem(
            *ends, *before, *behind, to_source, from_target, direct, to_target, from_source, across
        )

    def _around(self, connection: int) -> NetworkOnImage:
        """Return the same with the path lengths around a connection."""
        if self.connections is None or connection in self.connections:
            return self
        with guard(self.device), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            return replace(self, paths=paths_of(self.graph, self.device, pool, connections=(connection,)))

    def _in_a_chain(
        self, connection: int, source: int, target: int, into: Neighbours, out_of: Neighbours, length: float
    ) -> _Ways:
        """Return the lengths of the ways around an edge where nothing leads past a layer."""
        paths, units, readers = self.paths, into.units, out_of.units
        to_source, from_target = np.empty(0), np.empty(0)
        to_target, from_source = np.empty(0), np.empty(0)
        if len(into):
            to_source = paths.one[connection - 1].table.between(units, np.array([source]))[:, 0]
            to_target = past_to_target(paths, connection, source, target, units, to_source, length)
        if len(out_of):
            from_target = paths.one[connection + 1].table.between(np.array([target]), readers)[0]
            from_source = past_from_source(paths, connection, source, target, readers, from_target, length)
        across = np.empty((len(into), len(out_of)))
        if across.size:
            across = past_across(
                paths, connection, source, units, readers, to_source, from_target, from_source, length
            )
        return to_source, from_target, np.inf, to_target, from_source, across

    def _anywhere(
        self, connection: int, source: int, target: int, into: Neighbours, out_of: Neighbours, length: float
    ) -> _Ways:
        """Return the lengths of the ways around an edge, whatever layers they lead through."""
        graph, paths, own = self.graph, self.paths, self.graph.connections[connection]
        first = min([own.source, *into.layers.tolist()])
        last = max([own.target, *out_of.layers.tolist()])
        back = shortest_paths(
            graph, paths, np.array([own.source]), np.array([source]), first, is_backward=True
        )
        on = shortest_paths(graph, paths, np.array([own.target]), np.array([target]), last)
        to_source, from_target = _far(back, into)[0], _far(on, out_of)[0]
        edge = Edge(
            (own.source, own.target), source, target, beside(graph, paths, connection, source, target)
        )
        # From the source itself, and from the in-neighbours whose shortest ways lead through the edge.
        to_target, across = np.empty(len(into)), np.empty((len(into), len(out_of)))
        for layer, which in into.by_layer():
            units = into.units[which]
            to_target[which] = paths.tables[layer, own.target].between(units, np.array([target]))[:, 0]
            for after, readers in out_of.by_layer():
                table = paths.tables[layer, after]
                across[np.ix_(which, readers)] = table.between(units, out_of.units[readers])
        onward = length + from_target
        is_through = (to_source + length <= to_target * SLACK) | (
            to_source[:, None] + onward[None] <= across * SLACK
        ).any(axis=1)
        again = np.flatnonzero(is_through)
        starts = into.take(again)
        layers, units = np.append(own.source, starts.layers), np.append(source, starts.units)
        past = shortest_paths(graph, paths, layers, units, last, without=edge)
        ends = past.to(own.target, np.array([target]))[:, 0]
        readers_past = _far(past, out_of)
        to_target[again], across[again] = ends[1:], readers_past[1:]
        return to_source, from_target, float(ends[0]), to_target, readers_past[0], across


_Ways = tuple[np.ndarray, np.ndarray, float, np.ndarray, np.ndarray, np.ndarray]


def _numbered(graph: NeuralGraph, known: Neighbours) -> Neighbours:
    """Return units with the numbers that they have in path lengths."""
    units = known.units.copy()
    for layer, which in known.by_layer():
        units[which] = numbered(graph, layer, known.units[which])
    return Neighbours(known.layers, units)


def _far(found: Reach, units: Neighbours) -> np.ndarray:
    """Return how far units of any layers are from each start, float64 [starts, units]."""
    far = np.empty((found.starts, len(units)))
    for layer, which in units.by_layer():
        far[:, which] = found.to(layer, units.units[which])
    return far


def look(
    net: nn.Module,
    image: Tensor,
    *,
    device: str = "cpu",
    layers: Sequence[str] | None = None,
    channels: int = 0,
    seed: int = 0,
    batchnorm: str = BATCHNORM[0],
    scale: str = SCALES[0],
) -> NetworkOnImage:
    """Make a network ready on one image; path lengths, the slow part of it, are kept for the last networks.

    Arguments and errors are those of ``explain_edge``. The forward pass and the path lengths are computed on the
    device; edges of other layers than those named can be looked at too, with path lengths of their own.
    """
    where = resolve_device(device)
    image, graph = _single(net, image, GraphConfig(batchnorm, scale))
    if channels:
        graph = graph.sampled(check_whole("channels", channels, 1, 2**31 - 1), seed)
    chosen = graph.carrying(layers)
    with guard(where), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        activity = layer_activations(net, graph, image[None], where)
        graph = graph.on_image([layer[0].numpy() for layer in activity])
        paths = paths_of(graph, where, pool, connections=chosen)
        return NetworkOnImage(graph, paths, tuple(normalise(layer)[0] for layer in activity), chosen, where)


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
    layers: Sequence[str] | None = None,
    channels: int = 0,
    seed: int = 0,
    batchnorm: str = BATCHNORM[0],
    scale: str = SCALES[0],
) -> EdgeExplanation:
    """Take the curvature of one edge on one image apart: measures, distances, optimal plan, arithmetic.

    Its curvature is the one that ``neural_curvature(..., keep_edges=True).edges(connection)`` lists.

    Args:
        net: A network (see ``build_graph``). Not changed.
        image: One input as the network sees it, [*input shape] or [1, *input shape].
        connection: Index of the weight layer, from 0.
        source: The edge's source, a unit index within its layer.
        target: Its target, likewise.
        alpha: Idleness in [0, 1).
        weight: What this edge should carry in the graph instead of its own weight; the activations, and all other
            edges, stay as they are. Its sign does not count.
        device: "cpu", "cuda", "cuda:N" or "mps".
        layers: Names of the weights whose edges will be looked at, as in ``neural_curvature``; by default all.
            Spares the path lengths around others.
        channels: Most channels of each hidden layer that take part, as in ``neural_curvature``; 0 for all.
        seed: Which channels take part.
        batchnorm: How a BatchNorm is read, as in ``neural_curvature``.
        scale: What weights are divided by, likewise.

    Raises:
        ModelError: If the network cannot be read, or needs more memory than is free.
        DataError: If the image does not fit, or there is no such edge, or a channel of its was left out.
        DeviceError: If the device is missing or runs out of memory.
        NcvizError: If an index, alpha or the weight is out of range, or there is no such layer, way to read
            BatchNorm or scale.
    """
    check_alpha(alpha)
    ready = look(
        net,
        image,
        device=device,
        layers=layers,
        channels=channels,
        seed=seed,
        batchnorm=batchnorm,
        scale=scale,
    )
    return ready.edge(connection, source, target).at(alpha, weight)


def _single(net: nn.Module, image: object, how: GraphConfig) -> tuple[Tensor, NeuralGraph]:
    """Return one input without a batch axis, and the network's graph for it."""
    if not isinstance(image, Tensor) or image.is_complex():
        kind = f"{type(image).__module__}.{type(image).__name__}".removeprefix("builtins.")
        got = image.dtype if isinstance(image, Tensor) else kind
        raise DataError(f"image must be a real torch.Tensor, got a {got}.")
    shape = list(image.shape)
    if image.ndim == 0 or image.numel() == 0:
        raise DataError(f"image must be one input, [*input shape] or [1, …], got shape {shape}.")
    if not torch.isfinite(image).all():
        raise DataError("The image holds NaN or infinite values; expected finite numbers.")
    # A matrix is a batch of flat inputs, or one of channels in one dimension; with three axes likewise. Only the
    # network knows: whichever is the more common is tried first.
    alone, of_batch = (image, shape), (image[0], shape[1:])
    first, second = (of_batch, alone) if image.ndim in (2, 4) else (alone, of_batch)
    is_either = image.ndim == 2 or (image.ndim == 3 and shape[0] == 1)
    try:
        graph = build_graph(net, tuple(first[1]), **how.options)
    except ModelError:
        if not is_either:
            raise
        return second[0], build_graph(net, tuple(second[1]), **how.options)
    if first is of_batch and shape[0] != 1:
        raise DataError(f"image must be one input, [*input shape] or [1, …], got shape {shape}.")
    return first[0], graph
