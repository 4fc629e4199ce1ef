"""Where weights that are never active stand in an order by curvature: κ = 2 is a convention there, and not measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ncviz.config import NEVER_ACTIVE_PLACES, check_choice
from ncviz.values import NEVER_ACTIVE


def placed(
    curvature: Sequence[np.ndarray], sizes: Sequence[np.ndarray], place: str = "first"
) -> list[np.ndarray]:
    """Return the curvature by which weights are ranked, the never-active ones where they are to stand.

    By the definition 1 − κ = W/d, the transport cost of an edge over its length d: 1/|w|, or g/|w| where the graph
    divides weights by g. A weight without a live edge on any calibration image has no such cost, and κ = 2 by
    convention, so that it goes before every redundant one.

    Args:
        curvature: κ of each weight tensor; 2 where a weight is never active, NaN where it was not measured.
        sizes: 1/d, the |w| that the edges carry, of the same shapes.
        place: "first" leaves κ = 2, as in the paper. "median" gives a never-active weight its own size times the median
            of W over its layer's live weights (over the whole network's, where the layer has none). "last" gives it
            −∞, so that it goes after all others; where bottlenecks go first, that is before all others.

    Returns:
        An array for each tensor, of its shape and type.

    Raises:
        NcvizError: If there is no such place.
    """
    check_choice("place of never-active weights", place, NEVER_ACTIVE_PLACES)
    if place == "first":
        return list(curvature)
    if place == "last":
        return [
            np.where(_is_never_active(kappa, size), kappa.dtype.type(-np.inf), kappa)
            for kappa, size in zip(curvature, sizes, strict=True)
        ]
    costs = [_costs(kappa.astype(np.float64), size) for kappa, size in zip(curvature, sizes, strict=True)]
    live = np.concatenate([*costs, np.empty(0)])
    found = []
    for kappa, size, own in zip(curvature, sizes, costs, strict=True):
        known = own if own.size else live
        usual = float(np.median(known)) if known.size else 0.0
        found.append(np.where(_is_never_active(kappa, size), 1 - size * usual, kappa).astype(kappa.dtype))
    return found


def _is_never_active(kappa: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return which weights are never active; a zero has no edge, and keeps what it has."""
    return np.asarray((kappa >= NEVER_ACTIVE) & (size != 0))


def _costs(kappa: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return the transport cost of each live weight, float64 [live]."""
    is_live = kappa < NEVER_ACTIVE
    return np.asarray((1 - kappa[is_live]) / np.maximum(size[is_live], 1e-12))
