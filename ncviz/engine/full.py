"""Idleness below 1/2: there is no shortcut, and every edge's full problem is solved."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Executor

import numpy as np

from ncviz.engine.layers import Layers
from ncviz.engine.local import Follower, follow
from ncviz.engine.minima import Least
from ncviz.engine.plan import Plan
from ncviz.transport.full import solve_full
from ncviz.transport.problem import EdgeGroup


def full_edges(
    plan: Plan,
    layers: Layers,
    ends: tuple[bool, bool],
    positions: int,
    executor: Executor,
    alpha: float,
    *,
    sample: int = 0,
    cancel: threading.Event | None = None,
    progress: Follower | None = None,
) -> tuple[np.ndarray, Least]:
    """Solve every live edge of a connection on one sample; arguments and result as for ``all_edges``.

    Raises:
        CancelledError: If ``cancel`` was set.
    """
    from ncviz.engine.kernels import FAILED, LIVE, SOLVED, UNPROVED

    grid = np.full((plan.length.shape[2], positions, plan.slots), np.nan)
    where = np.full(grid.shape, -1, dtype=np.int32)
    short = np.zeros(grid.shape)
    stop = np.zeros(1, dtype=np.bool_)
    done = np.zeros((len(plan.pairs.source), 1))
    own = tuple(layer[0] for layer in layers)
    unproved = np.zeros(len(done), dtype=np.int64)

    def work(pair: int) -> None:
        for i, j, group in groups(plan, own, ends, pair):
            value, lower = solve_full(group, alpha, stop)
            if stop[0]:
                return
            unproved[pair] += np.count_nonzero(lower < value)
            kappa, gap = 1.0 - value / group.direct, (value - lower) / group.direct  # [n, m]
            target, slot = np.meshgrid(j, plan.slot[plan.pairs.tap[pair], i])
            live = ~np.isnan(kappa)
            grid[target[live], plan.pairs.target[pair], slot[live]] = kappa[live]
            if (gap[live] > 0).any():
                short[target[live], plan.pairs.target[pair], slot[live]] = gap[live]
            where[target[live], plan.pairs.target[pair], slot[live]] = pair
        done[pair] = 1.0

    futures = [executor.submit(work, pair) for pair in range(len(plan.pairs.source))]
    follow(futures, stop, done, cancel, progress)
    filled = np.where(np.isnan(grid), np.inf, grid)
    at = filled.argmin(axis=1)  # [channels after, slots]
    pick = np.take_along_axis(filled, at[:, None], axis=1)[:, 0]
    pair = np.take_along_axis(where, at[:, None], axis=1)[:, 0]
    counts = np.zeros(8, dtype=np.int64)
    counts[SOLVED] = counts[LIVE] = int(np.isfinite(filled).sum())
    counts[FAILED] = int(unproved.sum())
    curvature = pick.reshape(plan.weights)
    number = np.where(np.isfinite(curvature), sample, -1).astype(np.int32)
    grid[short > 0] = UNPROVED
    return grid, Least(
        curvature,
        pair.reshape(-1).astype(np.int32),
        number,
        counts,
        short.max(axis=1, initial=0.0).reshape(-1),
    )


def groups(
    plan: Plan, layers: Layers, ends: tuple[bool, bool], pair: int
) -> Iterator[tuple[np.ndarray, np.ndarray, EdgeGroup]]:
    """Give a pair's live edges as transport problems, for each pair of classes.

    Args:
        plan: The connection's plan.
        layers: Activity and mass of the four layers around it on one sample, float64 [positions, channels].
        ends: Whether its sources are the input, and whether its targets are the logits.
        pair: Which pair of positions.

    Yields:
        Source channels [n], target channels [m] and their problem; ``direct`` is NaN where there is no edge.
    """
    from ncviz.engine.measures import measure

    x0, e0, x1, _, x2, _, x3, e3 = layers
    i_at, j_at, tap = int(plan.pairs.source[pair]), int(plan.pairs.target[pair]), int(plan.pairs.tap[pair])
    a_kind, b_kind, c_kind = (
        ways.kind[ways.start[pair] : ways.start[pair + 1]]
        for ways in (plan.to_target, plan.from_source, plan.across)
    )
    c_kind = c_kind.reshape(len(a_kind), len(b_kind))
    into, out_of = plan.into, plan.out_of
    for class_in in range(len(into.class_start) - 1):
        i = into.channel[into.class_start[class_in] : into.class_start[class_in + 1]]
        i = i[(ends[0] | (x1[i_at, i] > 0)) & (plan.slot[tap, i] >= 0)]
        for class_out in range(len(out_of.class_start) - 1):
            j = out_of.channel[out_of.class_start[class_out] : out_of.class_start[class_out + 1]]
            j = j[ends[1] | (x2[j_at, j] > 0)]
            direct = plan.length[tap][np.ix_(i, j)]
            if not np.isfinite(direct).any():
                continue
            u, cu, p = measure(into.readings, x0, e0, i_at, class_in, 0.0)
            v, cv, q = measure(out_of.readings, x3, e3, j_at, class_out, 0.0)
            group = EdgeGroup(
                p,
                q,
                plan.across.length[c_kind[np.ix_(u, v)], cu[:, None], cv[None, :]]
                if len(p) and len(q)
                else np.empty((len(p), len(q))),
                plan.to_target.length[a_kind[u][None, :], cu[None, :], j[:, None]]
                if len(p)
                else np.empty((len(j), 0)),
                plan.from_source.length[b_kind[v][None, :], i[:, None], cv[None, :]]
                if len(q)
                else np.empty((len(i), 0)),
                np.where(np.isfinite(direct), direct, np.nan),
            )
            yield i, j, group
