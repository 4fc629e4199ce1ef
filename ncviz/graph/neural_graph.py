"""The neural graph: one node per neuron, one edge per nonzero connection, length 1/|weight|.

A connection keeps its weights as kernels and its wiring as receptive fields, so that a linear layer, a convolution, a
grouped one and a pooling are one case, and no layer-by-layer matrix is ever built. Layers form a directed acyclic
graph: a chain, or one with skip connections and branches.
Source: Tan, Sia, Bogdan, Ivanov, arXiv 2601.16366, section on the neural graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod

import numpy as np

from ncviz.errors import NcvizError


@dataclass(frozen=True, eq=False)
class EdgeList:
    """The edges of one connection, in the canonical order (kernel row, output position, kernel slot).

    Attributes:
        source: int64 [E], unit index within the source layer.
        target: int64 [E], unit index within the target layer.
        parameter: int64 [E], flat index into the parameter; several edges share one in a convolution.
        length: float64 [E], 1/|w|.
    """

    source: np.ndarray
    target: np.ndarray
    parameter: np.ndarray
    length: np.ndarray

    def __len__(self) -> int:
        return len(self.source)


@dataclass(frozen=True, eq=False)
class Connection:
    """What joins two layers of units: a weight layer, or a link without parameters (a skip, a pooling, a scaling).

    A weight layer that reads units of several layers, as after a concatenation, is one connection for each of them,
    all with the same parameter; the fields of each are -1 wherever another layer is read.

    Attributes:
        name: Name of the module, as in ``named_modules``; of a link, that of the operation.
        parameter: Name of its weight, as in ``named_parameters``; "" for a link.
        shape: Shape of that weight; () for a link.
        fields: int64 [G, P, K], source unit of each kernel slot at each output position; -1 is padding.
        weight: float64 [G, C, K], kernels by group as the edges carry them: with what multiplies them by constants
            folded in, and divided by ``divisor``. The target unit is (g·C + c)·P + p.
        source: Index of the layer that it reads.
        target: Index of the layer that it ends in.
        order: int64 [G·C·K], where each value of ``weight`` lies in the flat parameter; None where the order is the
            same (it is not for transposed convolutions).
        divisor: What each output channel's weights were divided by in the graph alone, float64 [G·C]; None for nothing.
    """

    name: str
    parameter: str
    shape: tuple[int, ...]
    fields: np.ndarray
    weight: np.ndarray
    source: int
    target: int
    order: np.ndarray | None = None
    divisor: np.ndarray | None = None

    @property
    def present(self) -> np.ndarray:
        """Which slots are edges: bool [G, C, P, K], a nonzero weight that does not fall on padding."""
        return (self.weight != 0)[:, :, None, :] & (self.fields >= 0)[:, None, :, :]

    @cached_property
    def edges(self) -> EdgeList:
        """All edges as a list; large for a convolution, see ``number_of_edges``."""
        _, channels, slots = self.weight.shape
        positions = self.fields.shape[1]
        g, c, p, k = np.nonzero(self.present)
        at = (g * channels + c) * slots + k
        return EdgeList(
            source=self.fields[g, p, k],
            target=(g * channels + c) * positions + p,
            parameter=at if self.order is None else self.order[at],
            length=1.0 / np.abs(self.weight.reshape(-1)[at]),
        )

    @property
    def number_of_edges(self) -> int:
        """How many edges there are, counted without listing them."""
        return int(((self.weight != 0).sum(axis=1) * (self.fields >= 0).sum(axis=1)).sum())

    @property
    def first_position(self) -> np.ndarray:
        """For each weight the first output position at which it has an edge, int64 [W]; -1 if it has none."""
        inside = self.fields >= 0  # [G, P, K]
        first = np.where(inside.any(axis=1), inside.argmax(axis=1), -1)  # [G, K]
        return np.where(self.weight != 0, first[:, None, :], -1).reshape(-1)

    def as_parameter(self, values: np.ndarray) -> np.ndarray:
        """Return one value for each weight, [..., G·C·K], in the shape of the parameter, [..., *shape]."""
        if self.order is not None:
            ordered = np.empty_like(values)
            ordered[..., self.order] = values
            values = ordered
        return values.reshape(*values.shape[:-1], *self.shape)


@dataclass(frozen=True, eq=False)
class Tap:
    """Where a layer's activation is read: what one operation of the trace returns, or a part of it.

    Attributes:
        node: Name of the traced operation.
        units: int64 [m], the layer's unit that each of the operation's values belongs to, -1 for none of this layer;
            None where they are all of the layer's units in their order.
    """

    node: str
    units: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class NeuralGraph:
    """A feed-forward network as layers of units and the connections between them.

    Attributes:
        layer_shapes: Shape of each layer without the batch axis, input first, logits last, and every layer after
            those that it reads; units are numbered in C order.
        layer_names: For each layer the name of what its units come from, "input" for the first.
        connections: The weight layers, in the order in which they are computed.
        links: Connections without parameters: skips, poolings and scalings.
        taps: For each layer, where its activation is read; of several, the later one counts.
        kept: For each layer the channels that take part, growing, int64; None for all. Empty where no layer is sampled.
        notes: What a reader of any number should know of how the network was read, one sentence each.
        batchnorm: How the network's batch normalisations were read, as in ``build_graph``; "" if it has none.
        scale: What weights were divided by, likewise.
    """

    layer_shapes: tuple[tuple[int, ...], ...]
    layer_names: tuple[str, ...]
    connections: tuple[Connection, ...]
    links: tuple[Connection, ...]
    taps: tuple[tuple[Tap, ...], ...] = field(repr=False)
    kept: tuple[np.ndarray | None, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = field(default=(), repr=False)
    batchnorm: str = ""
    scale: str = "own"

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Number of units of each layer."""
        return tuple(prod(shape) for shape in self.layer_shapes)

    @property
    def number_of_edges(self) -> int:
        """Edges of all weight layers together."""
        return sum(connection.number_of_edges for connection in self.connections)

    @property
    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every weight that carries edges, in order of first use."""
        return {connection.parameter: connection.shape for connection in self.connections}

    @property
    def is_chain(self) -> bool:
        """Whether each layer is joined to the next one, and by one weight layer alone."""
        ends = [(each.source, each.target) for each in self.connections]
        return not self.links and ends == [(level, level + 1) for level in range(len(ends))]

    def into(self, layer: int) -> tuple[Connection, ...]:
        """Return what ends in a layer, weight layers first."""
        return tuple(each for each in (*self.connections, *self.links) if each.target == layer)

    def out_of(self, layer: int) -> tuple[Connection, ...]:
        """Return what reads a layer, weight layers first."""
        return tuple(each for each in (*self.connections, *self.links) if each.source == layer)

    def carrying(self, names: Sequence[str] | None) -> tuple[int, ...] | None:
        """Return which connections carry these weights; None for all.

        Raises:
            NcvizError: If there is no such weight.
        """
        if not names:
            return None
        unknown = [name for name in names if name not in self.parameters]
        if unknown:
            raise NcvizError(
                f"There is no weight '{unknown[0]}' with edges; choose from: {', '.join(self.parameters)}."
            )
        return tuple(at for at, each in enumerate(self.connections) if each.parameter in set(names))

    def kept_channels(self, layer: int) -> np.ndarray | None:
        """Return the channels of a layer that take part, int64; None for all."""
        return self.kept[layer] if self.kept else None

    def sampled(self, channels: int, seed: int) -> NeuralGraph:
        """Return the graph with at most so many channels of each hidden layer; the others' units are left out.

        Layers with equally many channels keep the same ones, so that a skip joins what is left at both of its ends.

        Args:
            channels: Most channels of a hidden layer.
            seed: Which ones.
        """
        last = len(self.layer_shapes) - 1
        kept = [
            None if layer in (0, last) or shape[0] <= channels else drawn_channels(shape[0], channels, seed)
            for layer, shape in enumerate(self.layer_shapes)
        ]
        return replace(self, kept=tuple(kept) if any(each is not None for each in kept) else ())

    def measured(self, connection: Connection) -> np.ndarray:
        """Return which weights of a connection join channels that take part: bool [G·C·K]."""
        groups, channels, slots = connection.weight.shape
        rows, read = np.ones(groups * channels, dtype=np.bool_), np.ones((groups, slots), dtype=np.bool_)
        before, after = self.kept_channels(connection.source), self.kept_channels(connection.target)
        if after is not None:
            rows = np.isin(np.arange(len(rows)), after)
        if before is not None:
            places = prod(self.layer_shapes[connection.source][1:])
            channel = np.where(connection.fields >= 0, connection.fields // places, -1).max(axis=1)  # [G, K]
            # What another connection of the same weight layer reads is not this one's to leave out.
            read = np.isin(channel, before) | (channel < 0)
        return (rows.reshape(groups, channels, 1) & read[:, None, :]).reshape(-1)


def drawn_channels(count: int, most: int, seed: int) -> np.ndarray:
    """Return which of a layer's channels take part where at most so many do, int64, growing."""
    return np.sort(np.random.default_rng((seed, count)).permutation(count)[:most])
