"""What threads do: bounds of a part's weights, upper ends of some weights, a part sharpened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ncviz.engine.anytime.interval import Known
from ncviz.engine.anytime.until import Until
from ncviz.engine.local import search_part

if TYPE_CHECKING:
    from ncviz.engine.anytime.lower import Sides

# Weights that one call bounds from above.
_CHUNK = 4096


class Step(NamedTuple):
    """Some work for one thread.

    Attributes:
        work: Does it, given the flag that stops it and where to note the share that is done.
        cost: What it is expected to take, in units of its own kind of work.
    """

    work: Callable[[np.ndarray, np.ndarray], None]
    cost: float


def bounds_of(known: Known) -> list[Step]:
    """Return steps that bound all weights from below, and find κ where a closed form gives it."""
    if known.settings.is_closed and known.sides is not None:
        return _bounds_by_tap(known, known.sides)
    return [_bounds_of_part(known, part) for part in range(len(known.parts))]


def _bounds_by_tap(known: Known, sides: Sides) -> list[Step]:
    """Return the steps where channels share most neighbours; parts of the same pairs share what is paid, in one."""
    from ncviz.engine.anytime import lower

    together: dict[tuple[int, int], list[int]] = {}
    for at, (begin, end, _, _) in enumerate(known.parts):
        together.setdefault((begin, end), []).append(at)

    def step(some: list[int]) -> Step:
        rows = [known.parts[at][2:] for at in some]
        part = (*known.parts[some[0]][:2], min(first for first, _ in rows), max(end for _, end in rows))
        best = known.best._replace(counts=known.counts[some[0]])

        def work(stop: np.ndarray, done: np.ndarray) -> None:
            lower.bound_below(
                known.plan, known.layers, known.ends, sides, part, known.first_sample, (best, known.low), stop
            )
            if not stop[0]:
                for at in some:
                    known.note_bounds(at)
            done[0] = 1.0

        return Step(work, sum(known.edges_of(at) for at in some))

    return [step(some) for some in together.values()]


def _bounds_of_part(known: Known, part: int) -> Step:
    """Return the step that bounds the weights of one part, edge by edge."""
    from ncviz.engine import kernels
    from ncviz.engine.anytime import full

    best = known.best._replace(counts=known.counts[part])

    def work(stop: np.ndarray, done: np.ndarray) -> None:
        if stop[0]:
            return
        if known.settings.is_closed:
            nothing, no_pairs = np.empty((0, 0, 0)), np.zeros(0, dtype=np.bool_)
            for at in range(len(known.layers[0])):
                own = tuple(layer[at] for layer in known.layers)
                kernels.scan(
                    known.plan, own, known.ends, known.parts[part], known.first_sample + at, kernels.BOUND,
                    best, known.low, no_pairs, nothing, stop,
                )  # fmt: skip
                done[0] = (at + 1) / len(known.layers[0])
        else:
            full.bound_full(known, part, stop)
        if not stop[0]:
            known.note_bounds(part)
        done[0] = 1.0

    return Step(work, known.edges_of(part))


def upper_ends(known: Sequence[Known], is_loose: bool = False) -> list[Step]:
    """Return steps that bound all weights of a connection from above, each on the edge with the least lower bound.

    Args:
        known: What is known of it, on all samples or on each; sharpened.
        is_loose: Whether to do without the ways across.
    """
    least = reduce(np.minimum, [own.low.curvature for own in known])
    found, is_left = [], np.ones(len(least), dtype=np.bool_)
    for own in known:
        # Of several samples one will do.
        mine = is_left & (own.low.curvature == least)
        is_left &= ~mine
        found += _upper_ends_of(own, mine, is_loose)
    return found


def _upper_ends_of(known: Known, wanted: np.ndarray, is_loose: bool) -> list[Step]:
    from ncviz.engine.anytime import loose, upper

    if not known.settings.is_closed:
        return []
    is_open = wanted & np.isfinite(known.low.curvature) & (known.low.curvature < known.best.curvature)
    order = np.flatnonzero(is_open)
    if not len(order):
        return []
    order = order[np.lexsort((known.low.pair[order], known.low.sample[order]))]
    dear = upper.dearest(known.plan.to_target.length), upper.dearest(known.plan.to_source)
    bound = loose.bound_loosely if is_loose else upper.bound_above

    def step(some: np.ndarray) -> Step:
        def work(stop: np.ndarray, done: np.ndarray) -> None:
            found = np.full(len(known.upper), 2.0)
            bound(known.plan, known.layers, known.first_sample, some, known.low, dear, found, stop)
            known.note_upper(some, found[some])
            done[0] = 1.0

        return Step(work, known.work_of_a_weight(is_loose=is_loose) * len(some))

    return [step(order[first : first + _CHUNK]) for first in range(0, len(order), _CHUNK)]


def sharpening_of(known: Known, wanted: np.ndarray, until: Until, edges_a_weight: float) -> list[Step]:
    """Return steps that narrow the intervals of some weights, bool [W], as far as is wanted.

    Each weight is expected to take as long as so many looks at an edge.
    """
    from ncviz.engine.anytime.full import sharpen_full

    how = sharpen if known.settings.is_closed else sharpen_full

    def step(part: int, count: int) -> Step:
        def work(stop: np.ndarray, done: np.ndarray) -> None:
            how(known, part, wanted, until, stop, done)

        return Step(work, known.edges_of(part) + edges_a_weight * count)

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
    lower, upper = known.interval()
    own = known.members[part]
    own = own[wanted[own] & (lower[own] < until.below(upper)[own]) & ~known.is_unproved[own]]
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
        short=np.zeros(len(wanted)),
    )
    search_part(
        known.plan, known.layers, known.ends, known.sides, known.parts[part], (mine, known.low), stop, done,
        first_sample=known.first_sample, has_bounds=True,
    )  # fmt: skip
    found = own[(mine.curvature[own] < start[own]) & (mine.short[own] == 0)]
    known.best.pair[found], known.best.sample[found] = mine.pair[found], mine.sample[found]
    known.best.curvature[found] = mine.curvature[found]
    if not stop[0]:
        # What could not be proved is known from a plan on the one hand, from potentials on the other.
        unproved = own[(mine.short[own] > 0) & (mine.curvature[own] < start[own])]
        known.note_upper(unproved, mine.curvature[unproved] + mine.short[unproved])
        known.is_unproved[unproved] = True
        known.lower[own] = np.maximum(known.lower[own], mine.curvature[own])
