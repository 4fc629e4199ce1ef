"""How sensitive each layer is: accuracy when it alone loses weights, and how much each may lose by that."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from math import nan, prod

import numpy as np

from ncviz.errors import NcvizError
from ncviz.pruning.budgets import most_of_all
from ncviz.pruning.curve import Evaluator
from ncviz.pruning.masks import masks_at
from ncviz.pruning.order import removed_for_sparsity

# Fractions of a layer that it loses.
FRACTIONS = tuple(step / 10 for step in range(1, 10))


@dataclass(frozen=True, eq=False)
class SensitivityResult:
    """Accuracy when one layer alone loses weights.

    Attributes:
        layers: Names of the weights, in the network's order.
        sizes: int64 [layers], how many weights each has.
        fractions: float64 [m], of the layer's own weights that are removed, growing.
        accuracy: float64 [layers, m], fraction of the images classified correctly.
        baseline: That of the whole network.
        images: Number of images.
    """

    layers: tuple[str, ...]
    sizes: np.ndarray
    fractions: np.ndarray
    accuracy: np.ndarray
    baseline: float
    images: int

    @property
    def lost(self) -> np.ndarray:
        """Points of accuracy lost, float64 [layers, m]; below 0 where it gained."""
        return np.asarray(100.0 * (self.baseline - self.accuracy))

    def budget(self, points: float) -> np.ndarray:
        """Return the largest fraction measured that each layer alone may lose, and all smaller ones too.

        Args:
            points: Points of accuracy that it may cost.

        Returns:
            float64 [layers]; 0 where the smallest fraction costs more already.
        """
        # Half an image less than what was asked for is rounding, no loss.
        fits = self.lost <= points + 50.0 / max(1, self.images)
        count = np.cumprod(fits, axis=1).sum(axis=1).astype(int)
        return np.asarray(np.concatenate([[0.0], self.fractions])[count])

    def suggest_protected(self, points: float, sparsity: float) -> tuple[str, ...]:
        """Return which layers to protect where a fraction of the whole network is to go: most sensitive ones first.

        They are those whose budget is below that fraction, in order of growing budget, as many as leave the others
        enough: these must still be able to lose all that is to go within their own budgets. Without any budget a
        layer is protected as long as the others hold enough weights. A rule of thumb, since budgets are of one layer
        at a time.

        Args:
            points: As for ``budget``.
            sparsity: Fraction of all weights that is to be removed.
        """
        budget = self.budget(points)
        wanted = sparsity * self.sizes.sum()
        left, most = float((budget * self.sizes).sum()), float(self.sizes.sum())
        found = set()
        for at in np.argsort(budget, kind="stable").tolist():
            share = float(budget[at] * self.sizes[at])
            others = most - self.sizes[at]
            if budget[at] < sparsity and others >= wanted and (share == 0.0 or left - share >= wanted):
                left, most = left - share, others
                found.add(at)
        return tuple(name for at, name in enumerate(self.layers) if at in found)

    def suggest_budgets(
        self, points: float, sparsity: float, protected: Collection[str] = ()
    ) -> tuple[float, dict[str, float]]:
        """Return how much of each layer may go where a fraction of the whole network is to go, and at what cost.

        They are the budgets at ``points``, or, where these together come to less than is to go, those at the least cost
        of one layer alone at which they suffice: every layer is then taken as far as costs it alike. A rule of thumb,
        since the costs are of one layer at a time.

        Args:
            points: As for ``budget``.
            sparsity: Fraction of all weights that is to be removed.
            protected: Names of layers that lose nothing anyway.

        Returns:
            The points that one layer alone may cost by that, and name → share, float in [0, 1], of the others. NaN and
            nothing where not even the largest fraction measured of every layer suffices.
        """
        wanted = removed_for_sparsity(sparsity, int(self.sizes.sum()))
        sizes = dict(zip(self.layers, self.sizes.tolist(), strict=True))
        costs = np.unique(self.lost[self.lost > points])
        for cost in (points, *costs.tolist()):
            found = dict(zip(self.layers, self.budget(cost).tolist(), strict=True))
            if most_of_all(sizes, protected, found) >= wanted:
                return cost, {name: share for name, share in found.items() if name not in protected}
        return nan, {}


def layer_sensitivity(
    evaluator: Evaluator,
    ranks: np.ndarray,
    shapes: Mapping[str, tuple[int, ...]],
    *,
    fractions: Sequence[float] = FRACTIONS,
    progress: Callable[[float], None] | None = None,
) -> SensitivityResult:
    """Measure the accuracy when each layer alone loses a fraction of its weights, in the order of a criterion.

    As in Li, Kadav, Durdanovic, Samet, Graf, ICLR 2017, arXiv 1608.08710, section 3.2, but weight by weight.

    Args:
        evaluator: The network on its images.
        ranks: int64 [N] from ``removal_ranks``; only the order within each layer counts.
        shapes: Name and shape of each ranked weight, in the ranks' order.
        fractions: Of the layer's own weights; those that are zero already count as removed.
        progress: Called with the fraction done.

    Raises:
        NcvizError: If a fraction is not between 0 and 1.
    """
    values = np.unique(np.asarray(fractions, dtype=np.float64))
    if not len(values) or values.min() <= 0 or values.max() > 1:
        raise NcvizError(f"Fractions of a layer must lie above 0 and be at most 1, got {list(fractions)}.")
    sizes = np.array([prod(shape) for shape in shapes.values()], dtype=np.int64)
    found = np.empty((len(shapes), len(values)))
    parts = np.split(np.asarray(ranks), np.cumsum(sizes)[:-1])
    for layer, (name, own) in enumerate(zip(shapes, parts, strict=True)):
        place = np.argsort(np.argsort(own, kind="stable"), kind="stable")
        for at, value in enumerate(values):
            removed = round(float(value) * len(own))
            found[layer, at] = evaluator.accuracy(masks_at(place, removed, {name: shapes[name]}))
            if progress is not None:
                progress((layer * len(values) + at + 1) / found.size)
    return SensitivityResult(tuple(shapes), sizes, values, found, evaluator.accuracy(), evaluator.images)
