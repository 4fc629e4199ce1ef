"""Products of two activations in which every unit of the one meets many of the other, as in attention.

    target[g, m, n] = Σ_k left[g, m, k] · right[g, n, k]

Each factor's activation is the weight of the other's edges, so that they depend on the image: an edge of weight
|right[g, n, k]| leads from left[g, m, k] to target[g, m, n], and one of weight |left[g, m, k]| from right[g, n, k]. An
attention is two such products: of its queries and keys, whose targets are the scores, and of its scores and values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ncviz.graph.connection import Connection

# A shorter activation than this has no finite length.
_LEAST = 1.0 / np.finfo(np.float64).max


@dataclass(frozen=True, eq=False)
class ActivationProduct:
    """A product of two layers' activations. Nothing of it is a parameter, so that no edge of it has a curvature.

    A unit that is in one target several times is in ``left_units`` (or ``right_units``) several times; one of
    ``target_units`` stands there once. Of an attention with H heads (and windows), G is H times their number: queries
    [G, T, D] times keys [G, U, D] are scores [G, T, U], and scores [G, T, U] times values [G, E, U] mixed values
    [G, T, E]. Grouped queries, windows and masks are a matter of which unit stands where.

    Attributes:
        name: Of the operation.
        left: Index of the layer that the first factor is.
        right: Index of the layer that the second one is.
        target: Index of the layer of their product, after both; its activation may come after a softmax.
        left_units: int64 [G, M, K], units of ``left``; -1 for none.
        right_units: int64 [G, N, K], units of ``right``; -1 for none.
        target_units: int64 [G, M, N], units of ``target``; -1 for none.
    """

    name: str
    left: int
    right: int
    target: int
    left_units: np.ndarray
    right_units: np.ndarray
    target_units: np.ndarray

    @property
    def number_of_edges(self) -> int:
        """How many edges there are at most, those of both factors; where an activation is 0 there are fewer."""
        return 2 * int(np.count_nonzero(self.target_units >= 0)) * self.left_units.shape[2]

    def between_places(self, places: Sequence[int]) -> ActivationProduct:
        """Return the product as it is where each layer has one channel: heads and channels that say the same are one.

        Args:
            places: For each layer how many positions it has.
        """
        left, right, target = (
            np.where(units >= 0, units % places[layer], -1)
            for units, layer in (
                (self.left_units, self.left), (self.right_units, self.right), (self.target_units, self.target)
            )
        )  # fmt: skip
        groups = _distinct((left, 0), (right, 0), (target, 0))
        left, right, target = left[groups], right[groups], target[groups]
        inner = _distinct((left, 2), (right, 2))
        left, right = left[:, :, inner], right[:, :, inner]
        rows, columns = _distinct((left, 1), (target, 1)), _distinct((right, 1), (target, 2))
        left, right, target = left[:, rows], right[:, columns], target[:, rows][:, :, columns]
        return ActivationProduct(self.name, self.left, self.right, self.target, left, right, target)

    def links_on(self, values: Sequence[np.ndarray]) -> tuple[Connection, Connection]:
        """Return the edges from both factors on one image, as links with a row of their own for each target unit.

        Args:
            values: For each layer of the graph its activations as they are, float64 [units]; neither normalised nor
                divided by what the product is divided by.
        """
        group, row, column = np.nonzero(self.target_units >= 0)
        target = self.target_units[group, row, column]
        left, right = self.left_units[group, row], self.right_units[group, column]  # [targets, K]
        size = len(values[self.target])

        def link(source: int, units: np.ndarray, weighed_by: int, factor: np.ndarray) -> Connection:
            weight = np.where(factor >= 0, np.abs(values[weighed_by])[factor], 0.0)
            is_edge = (units >= 0) & (weight >= _LEAST)
            fields = np.full((size, 1, units.shape[1]), -1, dtype=np.int64)
            weights = np.zeros(fields.shape)
            fields[target, 0] = np.where(is_edge, units, -1)
            weights[target, 0] = np.where(is_edge, weight, 0.0)
            return Connection(self.name, "", (), fields, weights, source, self.target)

        return link(self.left, left, self.right, right), link(self.right, right, self.left, left)


def _distinct(*arrays: tuple[np.ndarray, int]) -> np.ndarray:
    """Return which of the slices along an axis of each array, taken together, stand there first, int64, growing."""
    rows = [np.moveaxis(own, axis, 0).reshape(own.shape[axis], -1) for own, axis in arrays]
    return np.sort(np.unique(np.concatenate(rows, axis=1), axis=0, return_index=True)[1])
