"""Which weights are sharpened next, and how: branch and bound, for a part of the weights at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ncviz.engine.anytime.interval import Known, together
from ncviz.engine.anytime.until import Until

# The strongest bottlenecks go first: this share of all weights.
_FIRST_SHARE = 0.02
# A round costs one look at all edges, so that with few of them one round is the fastest way.
_FEW_WEIGHTS = 2000

# For each connection, which of its weights are wanted, bool [W].
Wanted = list[np.ndarray]


def open_weights(known: Sequence[Sequence[Known]], until: Until) -> Wanted:
    """Return for each connection which weights' intervals are not narrow enough, bool [W]."""
    found = []
    for each in known:
        lower, upper = together(each)
        found.append(lower < until.below(upper))
    return found


def rounds(
    known: Sequence[Sequence[Known]], until: Until, keeps_samples: bool
) -> Iterator[tuple[Wanted, float]]:
    """Give what to sharpen next, and its share of the work that is left, for as long as something is left.

    First the strongest bottlenecks, then the weights of which it is not known whether they are bottlenecks at all,
    because these decide what a picture shows; then all others, and at last each sample's own least κ if that is wanted.

    Args:
        known: For each connection what is known of it, on all samples or on each.
        until: How narrow the intervals have to be.
        keeps_samples: Whether each sample's own least κ is wanted as well.
    """
    total = sum(each[0].plan.weights for each in known)
    last = 0.5 if keeps_samples else 1.0
    left = open_weights(known, until)
    count = sum(int(each.sum()) for each in left)
    if count > _FEW_WEIGHTS:
        ends = [together(each) for each in known]
        lower = np.concatenate([np.where(own, low, np.inf) for own, (low, _) in zip(left, ends, strict=True)])
        first = max(1, int(_FIRST_SHARE * total))
        bar = np.partition(lower, first - 1)[first - 1]
        yield [own & (low <= bar) for own, (low, _) in zip(left, ends, strict=True)], last * first / count
        ends, left = [together(each) for each in known], open_weights(known, until)
        straddling = [own & (low < 0) & (up > 0) for own, (low, up) in zip(left, ends, strict=True)]
        yield straddling, last * sum(int(each.sum()) for each in straddling) / count
        left = open_weights(known, until)
    if any(each.any() for each in left):
        yield left, last
    if keeps_samples:
        yield [np.ones(each[0].plan.weights, dtype=np.bool_) for each in known], 1.0


def sharpen(
    known: Known, part: int, wanted: np.ndarray, until: Until, stop: np.ndarray, done: np.ndarray
) -> None:
    """Narrow the intervals of some weights of a part as far as is wanted.

    The compiled search skips a weight whose least κ so far is −inf, and looks for no κ above it.

    Args:
        known: What is known, sharpened.
        part: Which part.
        wanted: bool [W].
        until: How narrow the intervals have to be.
        stop: bool [1], set from outside to end early; what was found by then is kept.
        done: float64 [1], the share that is done.
    """
    from ncviz.engine import kernels

    lower, upper = known.interval()
    own = known.members[part]
    own = own[wanted[own] & (lower[own] < until.below(upper)[own])]
    if not len(own):
        done[0] = 1.0
        return
    start = np.full(len(wanted), -np.inf)
    start[own] = until.below(upper[own])
    mine = known.best._replace(curvature=start.copy(), counts=known.counts[part])
    kernels.search(
        known.plan, known.layers, known.ends, known.parts[part], known.first_sample, kernels.CHOSEN, mine,
        known.low, stop, done,
    )  # fmt: skip
    was_found = mine.curvature[own] < start[own]
    found = own[was_found]
    known.best.curvature[found] = mine.curvature[found]
    if not stop[0]:
        known.lower[own] = np.maximum(known.lower[own], mine.curvature[own])
