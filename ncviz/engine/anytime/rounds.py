"""Which weights are sharpened next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ncviz.engine.anytime.interval import Known, together
from ncviz.engine.anytime.until import Until
from ncviz.engine.course import EDGES_A_WEIGHT

# The strongest bottlenecks go first: this share of all weights.
_FIRST_SHARE = 0.02
# A round costs one look at all edges, so that with few of them one round is the fastest way.
_FEW_WEIGHTS = 2000

# The weights of the first two rounds take so many times as long as one of the last.
_HARDNESS = 6.0

# For each connection, which of its weights are wanted, bool [W].
Wanted = list[np.ndarray]


class Round(NamedTuple):
    """What is sharpened next.

    Attributes:
        wanted: The weights.
        edges_a_weight: What each of them is expected to take, in looks at an edge.
        rest: What all the rounds after it are.
    """

    wanted: Wanted
    edges_a_weight: float
    rest: float


def open_weights(known: Sequence[Sequence[Known]], until: Until) -> Wanted:
    """Return for each connection which weights' intervals are not narrow enough, bool [W]."""
    found = []
    for each in known:
        lower, upper = together(each)
        found.append(lower < until.below(upper))
    return found


def rounds(known: Sequence[Sequence[Known]], until: Until, keeps_samples: bool) -> Iterator[Round]:
    """Give what to sharpen next, for as long as something is left.

    First the strongest bottlenecks, then the weights of which it is not known whether they are bottlenecks at all,
    because these decide what a picture shows; then all others, and at last each sample's own least κ if that is wanted.

    Args:
        known: For each connection what is known of it, on all samples or on each.
        until: How narrow the intervals have to be.
        keeps_samples: Whether each sample's own least κ is wanted as well.
    """
    left = open_weights(known, until)
    count, hard = _count(left), _HARDNESS * EDGES_A_WEIGHT
    if count > _FEW_WEIGHTS:
        ends = [together(each) for each in known]
        lower = np.concatenate([np.where(own, low, np.inf) for own, (low, _) in zip(left, ends, strict=True)])
        first = _strongest(known, count)
        bar = np.partition(lower, first - 1)[first - 1]
        wanted = [own & (low <= bar) for own, (low, _) in zip(left, ends, strict=True)]
        yield Round(wanted, hard, _cost(known, count - _count(wanted), 2, keeps_samples))
        ends, left = [together(each) for each in known], open_weights(known, until)
        straddling = [own & (low < 0) & (up > 0) for own, (low, up) in zip(left, ends, strict=True)]
        yield Round(straddling, hard, _cost(known, _count(left) - _count(straddling), 1, keeps_samples))
        left = open_weights(known, until)
    if any(each.any() for each in left):
        yield Round(left, EDGES_A_WEIGHT, _cost(known, 0, 0, keeps_samples))
    if keeps_samples:
        every = [np.ones(each[0].plan.weights, dtype=np.bool_) for each in known]
        yield Round(every, EDGES_A_WEIGHT, 0.0)


def cost_of_rounds(known: Sequence[Sequence[Known]], until: Until, keeps_samples: bool) -> float:
    """Return what all rounds are expected to take, in looks at an edge."""
    count = _count(open_weights(known, until))
    if count <= _FEW_WEIGHTS:
        return _cost(known, count, 1, keeps_samples)
    hard = (_HARDNESS - 1.0) * EDGES_A_WEIGHT * _strongest(known, count)
    return hard + _cost(known, count, 3, keeps_samples)


def _strongest(known: Sequence[Sequence[Known]], count: int) -> int:
    """Return how many weights of so many go first."""
    return min(count, max(1, int(_FIRST_SHARE * sum(each[0].plan.weights for each in known))))


def _cost(known: Sequence[Sequence[Known]], weights: int, rounds: int, keeps_samples: bool) -> float:
    """Return what some rounds take in which so many weights are sharpened, and that of each sample's own if wanted."""
    every = [own for each in known for own in each]
    edges = sum(own.edges for own in every)
    last = edges + EDGES_A_WEIGHT * sum(own.plan.weights for own in every)
    return rounds * edges + EDGES_A_WEIGHT * weights + (last if keeps_samples else 0.0)


def _count(wanted: Wanted) -> int:
    return sum(int(each.sum()) for each in wanted)
