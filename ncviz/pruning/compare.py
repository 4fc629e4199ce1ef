"""What is read off curves, orders and predictions when criteria are compared; arrays in, numbers out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ncviz.errors import NcvizError

# Fractions removed at which the comparison measures: dense at both ends, where the orders differ.
GRID: tuple[float, ...] = (
    0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95,
    0.975, 0.99, 1.0,
)  # fmt: skip

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def nearest(sparsity: float, among: Sequence[float] = GRID) -> float:
    """Return the measured sparsity that is nearest to one that is asked for."""
    return min(among, key=lambda value: abs(value - sparsity))


@dataclass(frozen=True, eq=False)
class Spread:
    """One criterion's accuracy over sparsity, over several draws of what it looks at.

    Attributes:
        sparsity: float64 [m], growing.
        each: float64 [draws, m], the accuracy of each draw.
    """

    sparsity: Floats
    each: Floats

    @property
    def mean(self) -> Floats:
        """Mean over the draws, float64 [m]."""
        return np.asarray(self.each.mean(axis=0))

    @property
    def low(self) -> Floats:
        """The worst draw at each sparsity, float64 [m]."""
        return np.asarray(self.each.min(axis=0))

    @property
    def high(self) -> Floats:
        """The best draw at each sparsity, float64 [m]."""
        return np.asarray(self.each.max(axis=0))

    @property
    def draws(self) -> int:
        """Number of draws."""
        return len(self.each)

    def at(self, sparsity: float) -> Floats:
        """Return each draw's accuracy at the measured sparsity that is nearest, float64 [draws]."""
        return np.asarray(self.each[:, int(np.abs(self.sparsity - sparsity).argmin())])


def removable_within(sparsity: Floats, accuracy: Floats, points: float) -> float:
    """Return the largest measured sparsity up to which the accuracy never falls more than ``points`` below the start's.

    Nothing is interpolated: between two measured sparsities nobody knows where the accuracy falls, so the answer is a
    sparsity at which it was measured, and the true one lies between that and the next.

    Args:
        sparsity: float64 [m], growing.
        accuracy: float64 [m], fractions in [0, 1]; the first belongs to the whole network.
        points: Percentage points, at least 0.

    Raises:
        NcvizError: If the curve has no points, or ``points`` is negative.
    """
    _check(sparsity, accuracy)
    if not points >= 0:
        raise NcvizError(f"The points of accuracy that may be lost must be at least 0, got {points}.")
    # Accuracies are counts over images: a difference of exactly ``points`` must not fail by rounding.
    below = accuracy < accuracy[0] - points / 100 - 1e-9
    return float(sparsity[-1] if not below.any() else sparsity[int(below.argmax()) - 1])


def area_under(sparsity: Floats, accuracy: Floats) -> float:
    """Return the area under a curve by the trapezoid rule, over the width of its sparsities: the mean accuracy.

    Raises:
        NcvizError: If the curve has fewer than two points.
    """
    _check(sparsity, accuracy)
    if len(sparsity) < 2:
        raise NcvizError("An area needs at least two sparsities.")
    return float(np.trapezoid(accuracy, sparsity) / (sparsity[-1] - sparsity[0]))


def mean_and_deviation(values: Sequence[float] | Floats) -> tuple[float, float]:
    """Return mean and sample standard deviation (n − 1); that of a single value is NaN."""
    found = np.asarray(values, dtype=np.float64)
    return float(found.mean()), float(found.std(ddof=1)) if len(found) > 1 else float("nan")


def layer_sparsity(ranks: Ints, removed: int, sizes: Sequence[int]) -> Floats:
    """Return which fraction of each layer is gone after the first ``removed`` of an order are, float64 [layers].

    Args:
        ranks: int64 [N], when each weight is removed, the layers one after the other.
        removed: How many weights are removed.
        sizes: Number of weights of each layer.

    Raises:
        NcvizError: If the sizes do not add up to N.
    """
    if sum(sizes) != len(ranks):
        raise NcvizError(f"The layers hold {sum(sizes)} weights, but the order ranks {len(ranks)}.")
    gone = np.asarray(ranks) < removed
    starts = np.concatenate([[0], np.cumsum(sizes)])
    count = np.concatenate([[0], np.cumsum(gone)])[starts]
    return np.asarray(np.diff(count) / np.maximum(1, np.asarray(sizes)))


@dataclass(frozen=True)
class Overlap:
    """What two orders have in common in what they remove first, and in what they keep of what may go.

    Attributes:
        shared: Share of what either removes that the other removes as well, in [0, 1].
        jaccard: Intersection over union of what they remove.
        chance: The share that two random orders would have in common.
        kept: Share of what either keeps that the other keeps as well; what may not go is left out.
        kept_jaccard: Intersection over union of that.
        kept_chance: The share of it that two random orders would have in common.
    """

    shared: float
    jaccard: float
    chance: float
    kept: float
    kept_jaccard: float
    kept_chance: float


def overlap(one: Ints, other: Ints, removed: int, removable: int | None = None) -> Overlap:
    """Return what two orders over the same weights have in common in the first ``removed``.

    Args:
        one: int64 [N].
        other: int64 [N].
        removed: How many weights each removes.
        removable: How many weights may be removed, which random orders draw from; all without it.

    Raises:
        NcvizError: If the orders differ in length, or remove more than may be removed.
    """
    if len(one) != len(other):
        raise NcvizError(
            f"The orders rank {len(one)} and {len(other)} weights; compare those of one network."
        )
    among = len(one) if removable is None else removable
    if not 0 <= removed <= among:
        raise NcvizError(f"The orders cannot remove {removed} of {among} weights.")
    both = int(np.count_nonzero((one < removed) & (other < removed)))
    neither = among - 2 * removed + both
    return Overlap(
        *_in_common(both, removed),
        _share(removed, among),
        *_in_common(neither, among - removed),
        _share(among - removed, among),
    )


def confusion(labels: Ints, predictions: Ints, classes: int) -> Ints:
    """Return how many images of each class (row) are given each class (column), int64 [classes, classes].

    Raises:
        NcvizError: If labels or predictions lie outside the classes, or differ in number.
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if len(labels) != len(predictions):
        raise NcvizError(f"Expected a prediction for each of {len(labels)} images, got {len(predictions)}.")
    for values in (labels, predictions):
        if len(values) and not (values.min() >= 0 and values.max() < classes):
            raise NcvizError(f"Classes must be whole numbers from 0 to {classes - 1}.")
    return np.bincount(labels * classes + predictions, minlength=classes * classes).reshape(classes, classes)


def class_accuracy(table: Ints) -> Floats:
    """Return the share of each class that is right, float64 [classes]; NaN for a class without images."""
    count = table.sum(axis=1)
    return np.where(count > 0, np.diag(table) / np.maximum(1, count), np.nan)


@dataclass(frozen=True, eq=False)
class Flips:
    """Which images are classified otherwise than before; each int64, numbers of images.

    Attributes:
        lost: Right before, wrong after.
        gained: Wrong before, right after.
        moved: Wrong before and after, but in another way.
    """

    lost: Ints
    gained: Ints
    moved: Ints


def flips(labels: Ints, before: Ints, after: Ints) -> Flips:
    """Return which images flip between two sets of predictions.

    Args:
        labels: int64 [n].
        before: int64 [n].
        after: int64 [n].
    """
    was, is_now = before == labels, after == labels
    parts = (was & ~is_now, ~was & is_now, ~was & ~is_now & (before != after))
    return Flips(*(np.flatnonzero(part).astype(np.int64) for part in parts))


def _in_common(both: int, each: int) -> tuple[float, float]:
    """Return the share in common of two sets of equal size, and intersection over union; 0 of empty ones."""
    return _share(both, each), _share(both, 2 * each - both)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _check(sparsity: Floats, accuracy: Floats) -> None:
    if not len(sparsity) or len(sparsity) != len(accuracy):
        raise NcvizError(
            f"Expected as many accuracies as sparsities, at least one; got {len(accuracy)} and {len(sparsity)}."
        )
