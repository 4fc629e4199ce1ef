"""The neural graph: one node per neuron, one edge per nonzero connection, length 1/|weight|.

A connection keeps its weights as kernels and its wiring as receptive fields, so that a linear layer, a
convolution and a grouped convolution are one case, and no layer-by-layer matrix is ever built.
Source: Tan, Sia, Bogdan, Ivanov, arXiv 2601.16366, section on the neural graph.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import prod

import numpy as np


@dataclass(frozen=True, eq=False)
class EdgeList:
    """The edges of one connection, in the canonical order (kernel row, output position, kernel slot).

    Attributes:
        source: int64 [E], unit index within the source layer.
        target: int64 [E], unit index within the target layer.
        parameter: int64 [E], flat index into the connection's weight; several edges share one in a convolution.
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
    """One weight layer between two layers of units.

    Attributes:
        name: Name of the module, as in ``named_modules``.
        parameter: Name of its weight, as in ``named_parameters``.
        shape: Shape of that weight.
        fields: int64 [G, P, K], source unit of each kernel slot at each output position; -1 is padding.
        weight: float64 [G, C, K], kernels by group, with a batch normalisation that follows folded in. The target
            unit is (g·C + c)·P + p.
    """

    name: str
    parameter: str
    shape: tuple[int, ...]
    fields: np.ndarray
    weight: np.ndarray

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
        parameter = (g * channels + c) * slots + k
        return EdgeList(
            source=self.fields[g, p, k],
            target=(g * channels + c) * positions + p,
            parameter=parameter,
            length=1.0 / np.abs(self.weight.reshape(-1)[parameter]),
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


@dataclass(frozen=True, eq=False)
class NeuralGraph:
    """A feed-forward network as layers of units and the connections between them.

    Attributes:
        layer_shapes: Shape of each layer without the batch axis, input first; units are numbered in C order.
        connections: One for each weight layer; ``connections[l]`` joins layer l to layer l + 1.
        taps: For each layer, the name of the traced operation whose output is that layer's activation.
    """

    layer_shapes: tuple[tuple[int, ...], ...]
    connections: tuple[Connection, ...]
    taps: tuple[str, ...] = field(repr=False)

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Number of units of each layer."""
        return tuple(prod(shape) for shape in self.layer_shapes)

    @property
    def number_of_edges(self) -> int:
        """Edges of all connections together."""
        return sum(connection.number_of_edges for connection in self.connections)

    @property
    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every weight that carries edges, in order of first use."""
        return {connection.parameter: connection.shape for connection in self.connections}
