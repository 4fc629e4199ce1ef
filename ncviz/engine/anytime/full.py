"""Intervals below idleness 1/2, without the closed form, by bounds from both sides and full solutions.

With K(α) = (1 − α) κ_α = 1 − W₁/d, which is concave in α because W₁ is convex in its measures, and 0 at α = 1:

    κ_α ≤ κ_{1/2}    and    κ_α ≥ ((1 − 2α) κ_0 + α κ_{1/2}) / (1 − α)    for α ≤ 1/2.

Source: Bourne, Cushing, Liu, Münch, Peyerimhoff, *Ollivier–Ricci idleness functions of graphs*, 2018.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ncviz.engine.anytime.interval import MARGIN, Known
from ncviz.engine.anytime.until import Until
from ncviz.engine.anytime.upper import ROUNDING
from ncviz.engine.full import groups
from ncviz.engine.kernels import LIVE, SOLVED
from ncviz.transport.full import solve_full
from ncviz.transport.problem import EdgeGroup

# What joins some channels at two positions: on which sample, of which pair, the weights [n, m] and their problem.
_Edges = tuple[int, int, np.ndarray, EdgeGroup]


def bound_full(known: Known, part: int, stop: np.ndarray) -> None:
    """Bound the weights of a part from both sides."""
    low, counts, highest = known.low, known.counts[part], np.full(len(known.upper), 2.0)
    for sample, pair, weights, group in _edges_of(known, part):
        if stop[0]:
            return
        is_live = ~np.isnan(group.direct)
        lower, upper = edge_bounds(group, known.settings.alpha)
        own = weights[is_live]
        counts[LIVE] += len(own)
        highest[own] = np.minimum(highest[own], upper[is_live])
        is_less = lower[is_live] < low.curvature[own]
        low.curvature[own[is_less]] = lower[is_live][is_less]
        low.pair[own[is_less]], low.sample[own[is_less]] = pair, sample
    known.note_upper(known.members[part], highest[known.members[part]])


def edge_bounds(group: EdgeGroup, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Return bounds on κ of a group's edges from below and from above, float64 [n, m] each, for α ≤ 1/2."""
    d = group.direct
    if not len(group.a) or not len(group.b):
        # One side's mass is all in one point: there is one plan only, and κ does not depend on α.
        paid = (group.from_source @ group.b if len(group.b) else np.zeros(len(d)))[:, None]
        paid = paid + (group.to_target @ group.a if len(group.a) else np.zeros(d.shape[1]))[None]
        kappa = float(len(group.a) > 0 or len(group.b) > 0) - paid / d
        return kappa, kappa
    paid = (group.from_source @ group.b)[:, None] + (group.to_target @ group.a)[None]
    star = 2.0 - paid / d
    lazy = 1.0 - group.a @ group.cost @ group.b / d
    least = ((1.0 - 2.0 * alpha) * lazy + alpha * np.maximum(star, lazy)) / (1.0 - alpha)
    saved = np.zeros_like(d)
    for u, mass in enumerate(group.a):
        detour = (group.from_source - group.cost[u]).max(axis=1)
        saved += mass * np.maximum(0.0, detour[:, None] + group.to_target[:, u][None] - d)
    return least, star + ROUNDING * np.abs(star) + saved / d


def sharpen_full(
    known: Known, part: int, wanted: np.ndarray, until: Until, stop: np.ndarray, done: np.ndarray
) -> None:
    """Narrow the intervals of some weights of a part; arguments as for ``steps.sharpen``."""
    alpha, low = known.settings.alpha, known.low
    lower, upper = known.interval()
    own = known.members[part]
    own = own[wanted[own] & (lower[own] < until.below(upper)[own]) & ~known.is_unproved[own]]
    least = np.full(len(wanted), -np.inf)
    least[own] = until.below(upper[own])
    unproved = np.full(len(wanted), np.inf)
    for is_named in (True, False):
        for sample, pair, weights, group in _edges_of(known, part) if len(own) else ():
            if stop[0]:
                return
            bound, _ = edge_bounds(group, alpha)
            named = (low.pair[weights] == pair) & (low.sample[weights] == sample)
            is_wanted = ~np.isnan(group.direct) & (bound < least[weights]) & (named == is_named)
            if not is_wanted.any():
                continue
            # Whole, because no two of a group's edges carry the same weight.
            only = replace(group, direct=np.where(is_wanted, group.direct, np.nan))
            value, proved = solve_full(only, alpha, stop)
            if stop[0]:
                return
            kappa, highest = 1.0 - value / group.direct, 1.0 - proved / group.direct
            is_less = is_wanted & (kappa < least[weights])
            known.counts[part, SOLVED] += np.count_nonzero(is_wanted)
            # What is not proved narrows its interval alone.
            is_open = is_less & (proved < value)
            unproved[weights[is_open]] = np.minimum(unproved[weights[is_open]], kappa[is_open])
            known.note_upper(weights[is_open], highest[is_open])
            w = weights[is_less & ~is_open]
            known.best.pair[w], known.best.sample[w] = pair, sample
            known.best.curvature[w] = least[w] = kappa[is_less & ~is_open]
    if len(own):
        with np.errstate(invalid="ignore"):
            margin = np.where(np.isinf(unproved), 0.0, MARGIN * np.maximum(1.0, np.abs(unproved)))
        known.lower[own] = np.maximum(known.lower[own], np.minimum(least, unproved - margin)[own])
        known.is_unproved[own[np.isfinite(unproved[own])]] = True
    done[0] = 1.0


def _edges_of(known: Known, part: int) -> Iterator[_Edges]:
    """Give the live edges of a part's blocks, on all samples."""
    plan = known.plan
    begin, end, row_begin, row_end = known.parts[part]
    for at in range(len(known.layers[0])):
        own = tuple(layer[at] for layer in known.layers)
        for pair in range(begin, end):
            for i, j, group in groups(plan, own, known.ends, pair):
                mine = (row_begin <= i) & (i < row_end)
                if not mine.any():
                    continue
                weights = (
                    j[None].astype(np.int64) * plan.slots + plan.slot[plan.pairs.tap[pair], i[mine]][:, None]
                )
                yield known.first_sample + at, pair, weights, EdgeGroup(
                    group.a, group.b, group.cost, group.to_target, group.from_source[mine], group.direct[mine]
                )  # fmt: skip
