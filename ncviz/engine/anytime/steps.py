"""What threads do: bounds of a part's weights, upper ends of some weights, a part sharpened."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ncviz.engine.anytime.interval import Known
from ncviz.engine.anytime.until import Until

# Weights that one call bounds from above.
_CHUNK = 4096
# To find one weight's least κ takes about as long as to look at so many edges.
_EDGES_A_WEIGHT = 5000.0


class Step(NamedTuple):
    """Some work for one thread.

    Attributes:
        work: Does it, given the flag that stops it and where to note the share that is done.
        cost: What it is expected to take, in looks at an edge.
    """

    work: Callable[[np.ndarray, np.ndarray], None]
    cost: float


def bounds_of(known: Known) -> list[Step]:
    """Return steps that bound all weights from below, and find κ where a closed form gives it."""
    from ncviz.engine import kernels
    from ncviz.engine.anytime import full, lower

    is_fast = not any(known.ends) and lower.has_one_class(known.plan)

    def step(part: int) -> Step:
        best = known.best._replace(counts=known.counts[part])

        def work(stop: np.ndarray, done: np.ndarray) -> None:
            if stop[0]:
                return
            if not known.settings.is_closed:
                full.bound_full(known, part, stop)
            elif is_fast:
                lower.bound_below(
                    known.plan, known.layers, known.parts[part], known.first_sample, (best, known.low)
                )
            else:
                nothing, no_pairs = np.empty((0, 0, 0)), np.zeros(0, dtype=np.bool_)
                for at in range(len(known.layers[0])):
                    own = tuple(layer[at] for layer in known.layers)
                    kernels.scan(
                        known.plan, own, known.ends, known.parts[part], known.first_sample + at, kernels.BOUND,
                        best, known.low, no_pairs, nothing, stop,
                    )  # fmt: skip
                    done[0] = (at + 1) / len(known.layers[0])
            if not stop[0]:
                known.note_bounds(part)
            done[0] = 1.0

        return Step(work, edges_of(known, part))

    return [step(part) for part in range(len(known.parts))]


def upper_ends_of(known: Known) -> list[Step]:
    """Return steps that bound all weights from above, each on the edge that has the least lower bound."""
    from ncviz.engine.anytime import upper

    if not known.settings.is_closed:
        return []
    is_open = np.isfinite(known.low.curvature) & (known.low.curvature < known.best.curvature)
    order = np.flatnonzero(is_open)
    if not len(order):
        return []
    order = order[np.lexsort((known.low.pair[order], known.low.sample[order]))]
    dear = upper.dearest(known.plan.to_target.length), upper.dearest(known.plan.to_source)

    def step(some: np.ndarray) -> Step:
        def work(stop: np.ndarray, done: np.ndarray) -> None:
            found = np.full(len(known.upper), 2.0)
            upper.bound_above(
                known.plan, known.layers, known.first_sample, some, known.low, dear, found, stop
            )
            known.note_upper(some, found[some])
            done[0] = 1.0

        return Step(work, float(len(some)))

    return [step(order[first : first + _CHUNK]) for first in range(0, len(order), _CHUNK)]


def sharpening_of(known: Known, wanted: np.ndarray, until: Until) -> list[Step]:
    """Return steps that narrow the intervals of some weights, bool [W], as far as is wanted."""
    from ncviz.engine.anytime.full import sharpen_full

    how = sharpen if known.settings.is_closed else sharpen_full

    def step(part: int, count: int) -> Step:
        def work(stop: np.ndarray, done: np.ndarray) -> None:
            how(known, part, wanted, until, stop, done)

        return Step(work, edges_of(known, part) + _EDGES_A_WEIGHT * count)

    counts = [int(np.count_nonzero(wanted[own])) for own in known.members]
    return [step(part, count) for part, count in enumerate(counts) if count]


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
    # Pages read what is known meanwhile: where an edge lies changes together with its κ.
    mine = known.best._replace(
        curvature=start.copy(),
        pair=known.best.pair.copy(),
        sample=known.best.sample.copy(),
        counts=known.counts[part],
    )
    kernels.search(
        known.plan, known.layers, known.ends, known.parts[part], known.first_sample, kernels.CHOSEN,
        np.zeros((0, 0), dtype=np.bool_), mine, known.low, stop, done,
    )  # fmt: skip
    was_found = mine.curvature[own] < start[own]
    found = own[was_found]
    known.best.pair[found], known.best.sample[found] = mine.pair[found], mine.sample[found]
    known.best.curvature[found] = mine.curvature[found]
    if not stop[0]:
        known.lower[own] = np.maximum(known.lower[own], mine.curvature[own])


def edges_of(known: Known, part: int) -> float:
    """Return about how many edges a part has on all samples."""
    begin, end, row_begin, row_end = known.parts[part]
    pairs = (end - begin) * len(known.layers[0])
    return 1.0 + pairs * (row_end - row_begin) * known.plan.length.shape[2]
