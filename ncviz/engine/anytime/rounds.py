"""Which weights are sharpened next."""

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
        first = min(count, max(1, int(_FIRST_SHARE * total)))
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
