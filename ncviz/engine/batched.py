"""One connection on a torch device: κ of all edges that need no linear program, and bounds on that of the others."""

from __future__ import annotations

import threading

import numpy as np
import torch
from torch import Tensor

from ncviz.devices import guard
from ncviz.engine import kernels
from ncviz.engine.blocks import (
    CLOSED,
    HUB,
    ONE_SINK,
    ONE_SOURCE,
    Blocks,
    Extent,
    Neighbourhood,
    Settled,
    Tables,
)
from ncviz.engine.chunks import Chunks
from ncviz.engine.minima import Certified, Least
from ncviz.engine.plan import Plan
from ncviz.values import DEAD


def certify(
    plan: Plan,
    layers: tuple[np.ndarray, ...],
    is_first: bool,
    is_last: bool,
    device: str,
    *,
    sample_begin: int = 0,
    want_grid: bool = False,
    cancel: threading.Event | None = None,
    free_bytes: int | None = None,
) -> Certified:
    """Find κ of each live edge by its closed form or by the all-hub certificate, else a lower bound of it.

    Args:
        plan: The connection's plan.
        layers: For the layers l - 1, l, l + 1, l + 2: activity and unnormalised mass, float64 [samples, positions,
            channels].
        is_first: Whether the sources are the input.
        is_last: Whether the targets are the logits.
        device: "cpu" or "cuda:N".
        sample_begin: Number of the first sample.
        want_grid: Whether to return every edge's κ.
        cancel: Set it to stop.
        free_bytes: Memory that a chunk may take; by default a part of what the device has free.

    Raises:
        CancelledError: If ``cancel`` was set.
        DeviceError: If a single block does not fit the device's memory.
    """
    with guard(device):
        tables = Tables(plan, device)
        run = _Run(tables, Chunks(device, free_bytes, cancel), plan.length.shape[2], plan.slots)
        samples, positions = layers[4].shape[:2]
        shape = (samples, run.channels, positions, run.slots)
        grid = np.full(shape, DEAD) if want_grid else None

        def work(begin: int, count: int) -> None:
            sides = tables.sides(tuple(layer[begin : begin + count] for layer in layers), is_first, is_last)
            kappa = None
            if grid is not None:
                kappa = torch.full((count, *shape[1:]), DEAD, dtype=torch.float64, device=device)
            run.samples(sides, begin, kappa)
            if grid is not None and kappa is not None:
                grid[begin : begin + count] = kappa.cpu().numpy()

        size = sum(layer[0].size for layer in layers) + (np.prod(shape[1:]) if want_grid else 0)
        # A quarter of the memory: the chunks need the rest.
        run.chunks.fill(samples, lambda *_: 32 * int(size), work)
        best, low = (each.result(tables.pairs, sample_begin) for each in (run.best, run.low))
        return Certified(best, low, grid, run.counts.cpu().numpy())


class _Lowest:
    """The least value of each weight, and on which sample and pair it is."""

    def __init__(self, weights: int, device: str) -> None:
        self.value = torch.full((weights,), torch.inf, dtype=torch.float64, device=device)
        self.code = torch.full((weights,), -1, dtype=torch.int64, device=device)

    def lower(self, which: Tensor, weight: Tensor, value: Tensor, code: Tensor) -> None:
        """Take in some values; doing so twice changes nothing."""
        which = which & (value <= self.value[weight])
        weight, value, code = weight[which], value[which], code.expand_as(which)[which]
        self.value.scatter_reduce_(0, weight, value, "amin")
        is_least = value == self.value[weight]
        # One number for sample and pair: of values that tie, both must be the same one's.
        self.code[weight[is_least]] = code[is_least]

    def result(self, pairs: int, sample_begin: int) -> Least:
        """Return least value, pair and sample; the counts are kept apart."""
        code = self.code.cpu().numpy()
        pair, sample = np.where(code < 0, -1, code % max(1, pairs)), code // max(1, pairs) + sample_begin
        return Least(
            self.value.cpu().numpy(),
            pair.astype(np.int32),
            np.where(code < 0, -1, sample).astype(np.int32),
            np.zeros(8, dtype=np.int64),
        )


class _Run:
    """One connection's computation: the blocks of some samples are listed, sorted by size, and solved in chunks."""

    def __init__(self, tables: Tables, chunks: Chunks, channels: int, slots: int) -> None:
        self.tables, self.chunks, self.channels, self.slots = tables, chunks, channels, slots
        self.best, self.low = (_Lowest(channels * slots, chunks.device) for _ in range(2))
        self.counts = torch.zeros(8, dtype=torch.int64, device=chunks.device)

    def samples(
        self, sides: tuple[Neighbourhood, Neighbourhood], sample_begin: int, grid: Tensor | None
    ) -> None:
        """Solve some samples.

        Args:
            sides: The neighbours on both sides.
            sample_begin: Number of the first one.
            grid: float64 [samples, channels after, positions after, slots], where to write each edge's κ.
        """
        supports = self._supports(sides[0]), self._supports(sides[1])
        width = sum(side.live.shape[2] + side.classes for side in sides) + sides[0].classes * sides[1].classes

        def span(begin: int, count: int) -> None:
            blocks, sizes = self._listed(sides, supports, begin, count)
            kind = np.where(
                (sizes[:, 2:] == 0).any(1), CLOSED,
                np.where(sizes[:, 2] == 1, ONE_SOURCE, np.where(sizes[:, 3] == 1, ONE_SINK, HUB)),
            )  # fmt: skip
            cost = _doubles(sizes, False)
            for own in np.unique(kind):
                # The largest first, so that what does not fit comes to light at once.
                members = np.flatnonzero(kind == own)
                members = members[np.argsort(-cost[members])]
                self._solve(sides, blocks, sizes[members], members, int(own), sample_begin, grid)

        self.chunks.fill(len(sides[0].live) * self.tables.pairs, lambda *_: 64 * width, span)

    def _supports(self, side: Neighbourhood) -> Tensor:
        """Return how many points carry mass, int64 [samples, positions, classes]."""
        found = torch.zeros(
            (len(side.activity), len(side.position), side.classes),
            dtype=torch.int64,
            device=self.chunks.device,
        )

        def work(begin: int, count: int) -> None:
            site = torch.arange(begin, begin + count, device=self.chunks.device)
            spot, which = site // side.classes, site % side.classes
            sample, at = spot // len(side.position), spot % len(side.position)
            found.view(-1)[site] = (side.measure(sample, at, which, self.tables.negligible) > 0).sum(1)

        if side.width:
            self.chunks.fill(found.numel(), lambda *_: 48 * side.width, work)
        return found

    def _listed(
        self,
        sides: tuple[Neighbourhood, Neighbourhood],
        supports: tuple[Tensor, Tensor],
        begin: int,
        count: int,
    ) -> tuple[Blocks, np.ndarray]:
        """List the blocks with a live edge among some samples' pairs, and their sizes n, m, P and Q."""
        tables = self.tables
        spot = torch.arange(begin, begin + count, device=self.chunks.device)
        sample, pair = spot // tables.pairs, spot % tables.pairs
        at_i, at_j, tap = tables.source[pair], tables.target[pair], tables.tap[pair]
        n = sides[0].per_class(sides[0].live[sample, at_i] & (tables.slot[tap] >= 0))
        m = sides[1].per_class(sides[1].live[sample, at_j])
        spot, a, b = ((n[:, :, None] > 0) & (m[:, None, :] > 0) & tables.joined[tap]).nonzero(as_tuple=True)
        blocks = Blocks(sample[spot], pair[spot], a, b)
        at_i, at_j = at_i[spot], at_j[spot]
        sizes = (
            n[spot, a],
            m[spot, b],
            supports[0][blocks.sample, at_i, a],
            supports[1][blocks.sample, at_j, b],
        )
        return blocks, torch.stack(sizes, 1).cpu().numpy()

    def _solve(
        self,
        sides: tuple[Neighbourhood, Neighbourhood],
        blocks: Blocks,
        sizes: np.ndarray,
        members: np.ndarray,
        kind: int,
        sample_begin: int,
        grid: Tensor | None,
    ) -> None:
        """Solve the blocks of one kind."""
        width = sides[0].width + sides[1].width

        def need(begin: int, count: int) -> int:
            extent = sizes[begin : begin + count].max(0)
            return 8 * (6 * width + int(_doubles(extent, kind in (ONE_SOURCE, ONE_SINK))))

        def work(begin: int, count: int) -> None:
            which = torch.from_numpy(members[begin : begin + count]).to(self.chunks.device)
            own = blocks.take(which)
            extent = Extent(*sizes[begin : begin + count].max(0).tolist())
            self._collect(own, self.tables.settle(*sides, own, extent, kind), kind, sample_begin, grid)

        self.chunks.fill(len(members), need, work)

    def _collect(
        self, blocks: Blocks, settled: Settled, kind: int, sample_begin: int, grid: Tensor | None
    ) -> None:
        """Take in what a chunk gave."""
        i, j, is_edge, value, is_exact = settled
        slot = self.tables.slot[self.tables.tap[blocks.pair][:, None], i][:, :, None]
        weight = j[:, None, :] * self.slots + slot
        code = ((blocks.sample + sample_begin) * self.tables.pairs + blocks.pair)[:, None, None]
        self.best.lower(is_exact, weight, value, code)
        if kind == HUB:
            self.low.lower(is_edge & ~is_exact, weight, value, code)
        if grid is not None:
            row = (blocks.sample * self.channels)[:, None, None] + j[:, None, :]
            at = (row * grid.shape[2] + self.tables.target[blocks.pair][:, None, None]) * self.slots + slot
            grid.view(-1)[at[is_edge]] = torch.where(is_exact, value, torch.nan)[is_edge]
        self.counts[kernels.CERTIFIED if kind == HUB else kernels.CLOSED] += is_exact.sum()
        self.counts[kernels.LIVE] += is_edge.sum()


def _doubles(sizes: np.ndarray, is_sorted: bool) -> np.ndarray:
    """Estimate how many numbers a block needs at its peak, for sizes [..., 4]."""
    n, m, P, Q = np.moveaxis(sizes, -1, 0)
    return np.asarray((12 if is_sorted else 4) * (P * m + Q * n) + 6 * P * Q + 16 * n * m)
