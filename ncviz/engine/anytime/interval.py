"""What is known so far of the weights of one connection on some samples: intervals around each least κ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from typing import TYPE_CHECKING

import numpy as np

from ncviz.engine.layers import Layers
from ncviz.engine.local import pieces
from ncviz.engine.minima import Least
from ncviz.engine.plan import Part, Plan, Readings
from ncviz.engine.results import ConnectionCurvature, Settings, joined, within

if TYPE_CHECKING:
    from ncviz.engine.anytime.lower import Sides

# Bounds and exact values round differently; this times max(1, |κ|) is far more than either does.
MARGIN = 1e-9


@dataclass(eq=False)
class Known:
    """What is known of one connection on some samples. Lower ends only rise and upper ends only fall.

    Attributes:
        settings: How it is computed.
        plan: The connection's plan.
        layers: Activity and mass of the four layers around it on these samples.
        ends: Whether its sources are the input, and whether its targets are the logits.
        first_sample: Number of the first sample.
        best: The least κ that an edge was found to have.
        low: The edge with the least lower bound, and that bound; without those whose κ has a closed form.
        lower: float64 [W], the lower ends.
        upper: float64 [W], the upper ends, as far as they lie below ``best``.
        parts: How the blocks are cut; no two parts touch the same weight.
        members: For each part the weights that it touches, int32.
        counts: int64 [parts, 8], what was certified, skipped, solved, …
        is_unproved: bool [W], of which all was solved that had to be, and could not be proved.
    """

    settings: Settings
    plan: Plan
    layers: Layers
    ends: tuple[bool, bool]
    first_sample: int
    best: Least
    low: Least
    lower: np.ndarray
    upper: np.ndarray
    parts: list[Part]
    members: list[np.ndarray]
    counts: np.ndarray
    is_unproved: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.is_unproved = np.zeros(len(self.upper), dtype=np.bool_)

    @cached_property
    def sides(self) -> Sides | None:
        """Who has mass on either side, see ``lower.sides_of``."""
        from ncviz.engine.anytime import lower

        return lower.sides_of(self.plan, self.layers)

    @cached_property
    def points(self) -> tuple[float, float]:
        """About how many neighbours carry mass, before a position and after one, of those that have some."""
        before = _mean_points(self.plan.into.readings, self.layers[0])
        return before, _mean_points(self.plan.out_of.readings, self.layers[6])

    def edges_of(self, part: int) -> float:
        """Return about how many edges a part has on all samples."""
        begin, end, row_begin, row_end = self.parts[part]
        pairs = (end - begin) * len(self.layers[0])
        return 1.0 + pairs * (row_end - row_begin) * self.plan.length.shape[2]

    @property
    def edges(self) -> float:
        """About how many edges all parts have on all samples."""
        return sum(map(self.edges_of, range(len(self.parts))))

    def work_of_a_weight(self, *, is_loose: bool) -> float:
        """Return about what it takes to bound a weight from above: loosely in points, else in savings between them."""
        before, after = self.points
        return 1.0 + (before + after if is_loose else before * after)

    def interval(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the lower and the upper ends, float64 [W]; inf where no edge is live."""
        # In this order: what is found meanwhile lowers only an upper end that was read before.
        upper = np.minimum(self.best.curvature, self.upper)
        return np.minimum(self.lower, upper), upper

    def is_exact(self) -> np.ndarray:
        """Return which weights' κ is known exactly, bool [W]."""
        lower, upper = self.interval()
        return lower == upper

    def note_bounds(self, part: int) -> None:
        """Take over the bounds of a part's weights: those with no edge but such of a closed form are exact then."""
        own = self.members[part]
        low, best = self.low.curvature[own], self.best.curvature[own]
        with np.errstate(invalid="ignore"):
            margin = np.where(np.isinf(low), 0.0, MARGIN * np.maximum(1.0, np.abs(low)))
        self.upper[own] = np.where(np.isinf(low), np.inf, self.upper[own])
        self.lower[own] = np.minimum(low - margin, best)

    def note_upper(self, own: np.ndarray, upper: np.ndarray) -> None:
        """Take over upper bounds of some weights, wider by what rounds off."""
        wider = upper + MARGIN * np.maximum(1.0, np.abs(upper))
        self.upper[own] = np.minimum(self.upper[own], wider)


def nothing_known(
    settings: Settings, plan: Plan, layers: Layers, ends: tuple[bool, bool], first_sample: int
) -> Known:
    """Return what is known at first."""
    parts = pieces(plan)
    members = [_members(plan, part) for part in parts]
    # A weight that no part touches has no edge.
    lower, upper = np.full(plan.weights, np.inf), np.full(plan.weights, np.inf)
    for own in members:
        lower[own], upper[own] = -np.inf, 2.0
    return Known(
        settings, plan, layers, ends, first_sample, Least.nothing(plan.weights), Least.nothing(plan.weights),
        lower, upper, parts, members, np.zeros((len(parts), 8), dtype=np.int64),
    )  # fmt: skip


def _members(plan: Plan, part: Part) -> np.ndarray:
    """Return which weights a part touches, int32, growing."""
    begin, end, row_begin, row_end = part
    touched = np.zeros(plan.weights, dtype=np.bool_)
    for tap in np.unique(plan.pairs.tap[begin:end]):
        slot = plan.slot[tap, row_begin:row_end]
        row, target = np.nonzero(np.isfinite(plan.length[tap, row_begin:row_end]) & (slot >= 0)[:, None])
        touched[target * plan.slots + slot[row]] = True
    return np.flatnonzero(touched).astype(np.int32)


def together(known: Sequence[Known]) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the intervals around the least κ over all samples."""
    ends = [each.interval() for each in known]
    return reduce(np.minimum, [lower for lower, _ in ends]), reduce(np.minimum, [upper for _, upper in ends])


def curvature_of(known: Sequence[Known]) -> ConnectionCurvature:
    """Return one connection's curvature as far as it is known; where it is not exact the middle of the interval."""
    settings = known[0].settings
    lower, upper = together(known)
    each = []
    for own in known:
        found = own.best._replace(
            curvature=own.best.curvature.copy(), pair=own.best.pair.copy(), sample=own.best.sample.copy()
        )
        # Where nothing is solved yet, the edge with the least bound stands for the one that is sought.
        is_open = np.isinf(found.curvature) & (own.low.pair >= 0)
        found.pair[is_open], found.sample[is_open] = own.low.pair[is_open], own.low.sample[is_open]
        found.curvature[is_open] = upper[is_open]
        each.append(found._replace(counts=own.counts.sum(axis=0)))
    is_exact = bool((lower == upper).all())
    # On each sample nothing is left to do for them: what is known there is exact, cannot be proved, or lies above.
    unproved = (lower < upper) & np.all(
        [own.is_unproved | own.is_exact() | (own.interval()[0] >= upper) for own in known], axis=0
    )
    keeps = settings.keep_samples and all(bool(own.is_exact().all()) for own in known)
    whole = joined(known[0].plan.pairs.target, each, (), replace(settings, keep_samples=keeps), None)
    if is_exact:
        return whole
    return within(whole, lower, upper, unproved)


def _mean_points(readings: Readings, activity: np.ndarray) -> float:
    """Return how many live units a position reads, of those that read any; activity [samples, positions, channels]."""
    readers = int(np.count_nonzero(np.diff(readings.start)))
    live = np.count_nonzero(activity, axis=(0, 2))
    return int(live[readings.position].sum()) / max(1, len(activity) * readers)
