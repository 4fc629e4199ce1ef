"""Other ways to rank weights by curvature than the paper's: what a study of the ranking compares.

Everything here works on one number: 1 − κ = W/d, the transport cost of a weight's edge over its length (arXiv
2601.16366 with d = 1/|w|, so that it is |w| · W). The paper's score −κ orders weights by that number where it is
largest, over positions and images.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ncviz.pruning.criteria.layers import among_not_smaller, mean_ranks
from ncviz.pruning.never_active import placed

Scores = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a ranking may look at.

    Attributes:
        size: Name → float64, |w| of each weight.
        edge: Name → float64, 1/d of its edges: |w| where the graph neither divides weights nor folds anything in.
        curvature: Name → float64 [images, *shape], each image's least κ; NaN where no edge of the weight is live.
    """

    size: Mapping[str, np.ndarray]
    curvature: Mapping[str, np.ndarray]
    edge: Mapping[str, np.ndarray] = field(default_factory=dict)

    def least(self, name: str) -> np.ndarray:
        """Return the least κ of each weight over the images; 2 where it is never active, as in the paper's ranking."""
        return np.where(np.isnan(self.curvature[name]), 2.0, self.curvature[name]).min(axis=0)

    def costs(self, name: str) -> np.ndarray:
        """Return 1 − κ of each image [images, *shape], at least 0; 0 where no edge is live, for nothing flows there."""
        return np.where(np.isnan(self.curvature[name]), 0.0, np.maximum(1 - self.curvature[name], 0.0))


@dataclass(frozen=True)
class Variant:
    """One way to rank: its name, what it does in a few words, and how; higher scores are more important."""

    name: str
    title: str
    scores: Callable[[Evidence], Scores]


def _least(given: Evidence) -> Scores:
    return {name: -given.least(name) for name in given.size}


def _power_mean(power: float) -> Callable[[Evidence], Scores]:
    def scores(given: Evidence) -> Scores:
        return {name: (given.costs(name) ** power).mean(axis=0) ** (1 / power) for name in given.size}

    return scores


def _quantile(share: float) -> Callable[[Evidence], Scores]:
    """The κ that this share of the images, dead ones included, lies below."""

    def scores(given: Evidence) -> Scores:
        return {name: np.quantile(given.costs(name), 1 - share, axis=0) for name in given.size}

    return scores


def _never_active_as_usual(given: Evidence) -> Scores:
    """A weight that is never active is given the median transport cost of its layer, times its own size."""
    edges = [given.edge[name] for name in given.size]
    kappa = placed([given.least(name) for name in given.size], edges, "median")
    return {name: 1 - values for name, values in zip(given.size, kappa, strict=True)}


def _over_the_layers_median(given: Evidence) -> Scores:
    found = {}
    for name in given.size:
        live = ~np.isnan(given.curvature[name]).all(axis=0)
        cost = 1 - given.least(name)
        found[name] = cost / float(np.median(cost[live])) if live.any() else cost
    return found


def _layers_of_lamp(given: Evidence) -> Scores:
    return {name: among_not_smaller(np.maximum(1 - given.least(name), 0.0) ** 2) for name in given.size}


def _transport_lamp(given: Evidence) -> Scores:
    return {
        # Of what costs nothing, a trace of the size remains, or all of it would tie.
        name: among_not_smaller(size * np.maximum(1 - given.least(name), 1e-12))
        for name, size in given.size.items()
    }


def _magnitude(given: Evidence) -> Scores:
    return dict(given.size)


def _lamp(given: Evidence) -> Scores:
    return {name: among_not_smaller(size**2) for name, size in given.size.items()}


def _mean_rank(
    one: Callable[[Evidence], Scores], other: Callable[[Evidence], Scores]
) -> Callable[[Evidence], Scores]:
    def scores(given: Evidence) -> Scores:
        first, second = (mean_ranks(list(by(given).values())) for by in (one, other))
        return {name: (a + b) / 2 for name, a, b in zip(given.size, first, second, strict=True)}

    return scores


VARIANTS: dict[str, Variant] = {
    variant.name: variant
    for variant in (
        Variant("magnitude", "magnitude, for comparison", _magnitude),
        Variant("lamp", "LAMP, for comparison", _lamp),
        Variant("paper", "the paper's: least κ over the images, never active first", _least),
        Variant("mean", "mean of 1 − κ over the images, 0 where dead", _power_mean(1)),
        Variant("power-4", "fourth-power mean of 1 − κ over the images", _power_mean(4)),
        Variant("quantile", "κ that a tenth of the images lies below", _quantile(0.1)),
        Variant("never-active", "never active at the layer's median cost", _never_active_as_usual),
        Variant("layer-median", "1 − κ over its layer's median", _over_the_layers_median),
        Variant("layer-lamp", "(1 − κ)² in place of w² in LAMP", _layers_of_lamp),
        Variant("transport-lamp", "|w|·(1 − κ) in place of w² in LAMP", _transport_lamp),
        Variant("rank-magnitude", "mean rank of the paper's and magnitude", _mean_rank(_least, _magnitude)),
        Variant("curvature-lamp", "ours: mean rank of the paper's and LAMP", _mean_rank(_least, _lamp)),
    )
}
