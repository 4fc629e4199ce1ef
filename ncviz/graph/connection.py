"""What joins two layers of units: weights kept as kernels, their wiring as receptive fields.

So a linear layer, a convolution, a grouped one and a pooling are one case, and no layer-by-layer matrix is ever built.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


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
    def number_of_weights(self) -> int:
        """How many weights it has: those that other units, or other layers, read are not among them."""
        return int((self.fields >= 0).any(axis=1).sum()) * self.weight.shape[1]

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
