"""How long a computation will take, from a few of its blocks: counts times measured costs."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from ncviz.engine.layers import Layers
from ncviz.engine.local import Least, weights_of
from ncviz.engine.plan import Plan

_BLOCKS = 12
_ROWS = 4
_SECONDS = 0.3
# Edges whose simplex is stopped half-way add this much to those that are solved.
_STOPPED = 1.3


def estimate(plan: Plan, layers: Layers, ends: tuple[bool, bool], every_edge: bool, seed: int = 0) -> float:
    """Return about how many seconds of one core a connection will take.

    A few random blocks are bounded and solved and timed. What is solved in the end is counted: with all edges those
    that are live and not certified, otherwise about one edge for each weight with a live edge.

    Args:
        plan: The connection's plan.
        layers: Activity and mass of the four layers around it, float64 [samples, positions, channels].
        ends: Whether its sources are the input, and whether its targets are the logits.
        every_edge: Whether every edge is to be solved.
        seed: Of the choice of blocks.
    """
    from ncviz.engine import kernels

    draw = np.random.default_rng(seed)
    samples, pairs, channels = len(layers[0]), len(plan.source), plan.length.shape[1]
    bounding, solving, solved, live = [], 0.0, 0, []
    # The first call loads compiled code; what a call costs besides its block is taken off the others.
    _timed(plan, tuple(layer[0] for layer in layers), ends, 0, (0, 0), kernels.BOUND)
    overhead = min(
        _timed(plan, tuple(layer[0] for layer in layers), ends, 0, (0, 0), kernels.BOUND)[1] for _ in range(3)
    )
    started = time.perf_counter()
    for _ in range(_BLOCKS):
        sample, pair = int(draw.integers(samples)), int(draw.integers(pairs))
        one = tuple(layer[sample] for layer in layers)
        counts, seconds = _timed(plan, one, ends, pair, (0, channels), kernels.BOUND)
        bounding.append(max(0.0, seconds - overhead))
        live.append(int(counts[kernels.LIVE]))
        if not any(ends):
            row = int(draw.integers(max(1, channels - _ROWS + 1)))
            counts, seconds = _timed(plan, one, ends, pair, (row, min(channels, row + _ROWS)), kernels.ALL)
            solving += max(0.0, seconds - overhead)
            solved += max(1, int(counts[kernels.LIVE]))
        if time.perf_counter() - started > _SECONDS:
            break
    blocks = pairs * samples
    cost = 1e-6 + float(np.mean(bounding)) * blocks * (1 if any(ends) or every_edge else 2)
    if solved:
        edges = float(np.mean(live)) * blocks
        weights = weights_of(plan)
        # Each of so many edges falls on some weight: this many weights have one at least.
        touched = weights * (1.0 - np.exp(-edges / weights))
        cost += solving / solved * (edges if every_edge else _STOPPED * touched)
    return cost


def _timed(
    plan: Plan,
    layers: Sequence[np.ndarray],
    ends: tuple[bool, bool],
    pair: int,
    rows: tuple[int, int],
    mode: int,
) -> tuple[np.ndarray, float]:
    from ncviz.engine import kernels

    best, low = Least.nothing(weights_of(plan)), Least.nothing(weights_of(plan))
    counts = np.zeros(8, dtype=np.int64)
    started = time.perf_counter()
    kernels.scan(
        plan, tuple(layers), *ends, pair, pair + 1, *rows, 0, mode, best.curvature, best.pair, best.sample,
        low.curvature, low.pair, low.sample, np.zeros(1, dtype=np.bool_), np.empty((0, 0, 0)),
        np.zeros(1, dtype=np.bool_), counts,
    )  # fmt: skip
    return counts, time.perf_counter() - started
