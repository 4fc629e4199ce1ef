"""How long a computation will take: a small random part of it, timed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ncviz.engine.full import groups
from ncviz.engine.layers import Layers
from ncviz.engine.local import search_part
from ncviz.engine.minima import Least
from ncviz.engine.plan import Plan
from ncviz.engine.results import Settings
from ncviz.transport.full import solve_full

if TYPE_CHECKING:
    from ncviz.engine.anytime.lower import Sides

_BLOCKS = 12
_ROWS = 4
_SECONDS = 0.3
_ROW_SHARE = 16
_TAP_SHARE = 36
_PAIR_SHARE = 50
_FULL_EDGES = 64


def estimate(
    plan: Plan, layers: Layers, ends: tuple[bool, bool], settings: Settings, stop: np.ndarray
) -> float:
    """Return about how many seconds of one core a connection will take.

    Where every edge is solved, a few blocks or edges are; otherwise the search is done for about one weight in five
    hundred.

    Args:
        plan: The connection's plan.
        layers: Activity and mass of the four layers around it, float64 [samples, positions, channels].
        ends: Whether its sources are the input, and whether its targets are the logits.
        settings: How it will be computed.
        stop: bool [1], set from outside to end early.
    """
    look = _Look(plan, layers, ends, stop, np.random.default_rng(0))
    if not len(plan.pairs.source):
        return 1e-6
    if not settings.is_closed:
        return 1e-6 + look.full_problems(settings.alpha)
    if any(ends):
        return 1e-6 + look.pairs()
    if settings.keep_edges:
        return 1e-6 + look.blocks()
    if settings.keep_samples:
        # Each sample is searched alone, so that none helps another.
        alone = _Look(plan, tuple(layer[:1] for layer in layers), ends, stop, np.random.default_rng(0))
        return 1e-6 + alone.weights() * len(layers[0])
    return 1e-6 + look.weights()


@dataclass(eq=False)
class _Look:
    """A connection, of which a little is computed."""

    plan: Plan
    layers: Layers
    ends: tuple[bool, bool]
    stop: np.ndarray
    draw: np.random.Generator

    @cached_property
    def sides(self) -> Sides | None:
        """Who has mass on either side."""
        from ncviz.engine.anytime import lower

        return lower.sides_of(self.plan, self.layers)

    def full_problems(self, alpha: float) -> float:
        """Time some edges of a few pairs of positions, neighbours, since each solution begins from the last one's."""
        samples, pairs = len(self.layers[0]), len(self.plan.pairs.source)
        spent, seen = 0.0, 0
        while seen < _BLOCKS and spent < _SECONDS and not self.stop[0]:
            sample, pair = int(self.draw.integers(samples)), int(self.draw.integers(pairs))
            own = tuple(layer[sample] for layer in self.layers)
            started = time.perf_counter()
            found = [group for _, _, group in groups(self.plan, own, self.ends, pair)]
            spent += time.perf_counter() - started
            for group in found:
                rows = max(1, _FULL_EDGES // group.direct.shape[1])
                some = replace(group, from_source=group.from_source[:rows], direct=group.direct[:rows])
                started = time.perf_counter()
                solve_full(some, alpha, self.stop)
                share = np.count_nonzero(~np.isnan(some.direct)) / np.count_nonzero(~np.isnan(group.direct))
                spent += (time.perf_counter() - started) / max(share, 1.0 / group.direct.size)
            seen += 1
        return spent / max(1, seen) * pairs * samples

    def pairs(self) -> float:
        """Time the closed forms of some pairs of positions."""
        pairs, channels = len(self.plan.pairs.source), self.plan.length.shape[1]
        some = -(-pairs // _PAIR_SHARE)
        first = int(self.draw.integers(pairs - some + 1))
        overhead = _overhead(lambda: self._search((0, 0, 0, 0)))
        return max(0.0, self._search((first, first + some, 0, channels)) - overhead) * pairs / some

    def weights(self) -> float:
        """Time the search for some weights."""
        channels, taps = self.plan.length.shape[1], int(self.plan.pairs.pixel.max()) + 1
        start = np.searchsorted(self.plan.pairs.pixel, np.arange(taps + 1))
        overhead = _overhead(lambda: self._search((0, 0, 0, 0)))
        rows = -(-channels // _ROW_SHARE)
        chosen = self.draw.choice(taps, size=-(-taps // _TAP_SHARE), replace=False)
        seconds = 0.0
        for tap in chosen:
            first = int(self.draw.integers(channels - rows + 1))
            seconds += self._search((int(start[tap]), int(start[tap + 1]), first, first + rows))
        return max(0.0, seconds - overhead * len(chosen)) * taps / len(chosen) * channels / rows

    def blocks(self) -> float:
        """Time all edges of parts of some blocks."""
        samples, pairs, channels = len(self.layers[0]), len(self.plan.pairs.source), self.plan.length.shape[1]
        overhead = _overhead(lambda: self._block(0, (0, 0, 0, 0)))
        rows = min(channels, _ROWS)
        spent, done = 0.0, 0
        while done < _BLOCKS and spent < _SECONDS and not self.stop[0]:
            sample, pair = int(self.draw.integers(samples)), int(self.draw.integers(pairs))
            first = int(self.draw.integers(channels - rows + 1))
            spent += max(0.0, self._block(sample, (pair, pair + 1, first, first + rows)) - overhead)
            done += 1
        return spent / max(1, done) * pairs * samples * channels / rows

    def _search(self, part: tuple[int, int, int, int]) -> float:
        best, low = Least.nothing(self.plan.weights), Least.nothing(self.plan.weights)
        started = time.perf_counter()
        search_part(self.plan, self.layers, self.ends, self.sides, part, (best, low), self.stop, np.zeros(1))
        return time.perf_counter() - started

    def _block(self, sample: int, part: tuple[int, int, int, int]) -> float:
        from ncviz.engine import kernels

        best, low = Least.nothing(self.plan.weights), Least.nothing(self.plan.weights)
        own = tuple(layer[sample] for layer in self.layers)
        nothing, all_pairs = np.empty((0, 0, 0)), np.zeros(0, dtype=np.bool_)
        started = time.perf_counter()
        kernels.scan(
            self.plan, own, self.ends, part, 0, kernels.ALL, best, low, all_pairs, nothing, self.stop
        )
        return time.perf_counter() - started


def _overhead(call: Callable[[], float]) -> float:
    """Return what an empty call costs, after a first one that loads compiled code."""
    call()
    return min(call() for _ in range(3))
