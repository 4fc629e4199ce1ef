"""How long a computation will take: a small random part of it, timed."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from ncviz.engine.layers import Layers
from ncviz.engine.local import Least, weights_of
from ncviz.engine.plan import Plan

_BLOCKS = 12
_ROWS = 4
_SECONDS = 0.3
_ROW_SHARE = 16
_TAP_SHARE = 36
_PAIR_SHARE = 50


def estimate(plan: Plan, layers: Layers, ends: tuple[bool, bool], every_edge: bool, seed: int = 0) -> float:
    """Return about how many seconds of one core a connection will take.

    Where every edge is solved, a few blocks are; otherwise the search is done for about one weight in two hundred.

    Args:
        plan: The connection's plan.
        layers: Activity and mass of the four layers around it, float64 [samples, positions, channels].
        ends: Whether its sources are the input, and whether its targets are the logits.
        every_edge: Whether every edge is to be solved.
        seed: Of the choice.
    """
    draw = np.random.default_rng(seed)
    if any(ends):
        return 1e-6 + _from_pairs(plan, layers, ends, draw)
    if every_edge:
        return 1e-6 + _from_blocks(plan, layers, ends, draw)
    return 1e-6 + _from_weights(plan, layers, ends, draw)


def _from_pairs(plan: Plan, layers: Layers, ends: tuple[bool, bool], draw: np.random.Generator) -> float:
    pairs, channels = len(plan.source), plan.length.shape[1]
    some = -(-pairs // _PAIR_SHARE)
    first = int(draw.integers(pairs - some + 1))
    overhead = _overhead(lambda: _sweep(plan, layers, ends, (0, 0, 0, 0)))
    return max(0.0, _sweep(plan, layers, ends, (first, first + some, 0, channels)) - overhead) * pairs / some


def _from_weights(plan: Plan, layers: Layers, ends: tuple[bool, bool], draw: np.random.Generator) -> float:
    overhead = _overhead(lambda: _sweep(plan, layers, ends, (0, 0, 0, 0)))
    taps, channels = plan.length.shape[:2]
    start = np.searchsorted(plan.tap, np.arange(taps + 1))
    rows = -(-channels // _ROW_SHARE)
    chosen = draw.choice(taps, size=-(-taps // _TAP_SHARE), replace=False)
    seconds = 0.0
    for tap in chosen:
        first = int(draw.integers(channels - rows + 1))
        seconds += _sweep(plan, layers, ends, (int(start[tap]), int(start[tap + 1]), first, first + rows))
    return max(0.0, seconds - overhead * len(chosen)) * taps / len(chosen) * channels / rows


def _from_blocks(plan: Plan, layers: Layers, ends: tuple[bool, bool], draw: np.random.Generator) -> float:
    overhead = _overhead(lambda: _block(plan, layers, ends, 0, (0, 0, 0, 0)))
    samples, pairs, channels = len(layers[0]), len(plan.source), plan.length.shape[1]
    rows = min(channels, _ROWS)
    spent, done = 0.0, 0
    while done < _BLOCKS and spent < _SECONDS:
        sample, pair = int(draw.integers(samples)), int(draw.integers(pairs))
        first = int(draw.integers(channels - rows + 1))
        spent += max(
            0.0, _block(plan, layers, ends, sample, (pair, pair + 1, first, first + rows)) - overhead
        )
        done += 1
    return spent / done * pairs * samples * channels / rows


def _overhead(call: Callable[[], float]) -> float:
    """Return what an empty call costs, after a first one that loads compiled code."""
    call()
    return min(call() for _ in range(3))


def _sweep(plan: Plan, layers: Layers, ends: tuple[bool, bool], part: tuple[int, int, int, int]) -> float:
    from ncviz.engine import kernels

    best, low = Least.nothing(weights_of(plan)), Least.nothing(weights_of(plan))
    started = time.perf_counter()
    kernels.sweep(
        plan, layers, *ends, *part, 0, len(layers[0]), kernels.BOUND, best.curvature, best.pair, best.sample,
        low.curvature, low.pair, low.sample, np.zeros(1, dtype=np.bool_), np.zeros(1), best.counts,
    )  # fmt: skip
    return time.perf_counter() - started


def _block(
    plan: Plan, layers: Layers, ends: tuple[bool, bool], sample: int, part: tuple[int, int, int, int]
) -> float:
    from ncviz.engine import kernels

    best, low = Least.nothing(weights_of(plan)), Least.nothing(weights_of(plan))
    own = tuple(layer[sample] for layer in layers)
    started = time.perf_counter()
    kernels.scan(
        plan, own, *ends, *part, 0, kernels.ALL, best.curvature, best.pair, best.sample, low.curvature, low.pair,
        low.sample, np.zeros(1, dtype=np.bool_), np.empty((0, 0, 0)), np.zeros(1, dtype=np.bool_), best.counts,
    )  # fmt: skip
    return time.perf_counter() - started
