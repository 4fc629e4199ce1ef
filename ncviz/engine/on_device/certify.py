"""One connection on a torch device: κ by closed forms and certificates, bounds, and a kernel for what they leave.

As on the CPU, each weight's bounds come first, then the edge that has the lowest one, then all that could lie lower.
"""

from __future__ import annotations

import threading
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ncviz.devices import guard
from ncviz.engine import kernels
from ncviz.engine.kernels import ALL, BETTER, BOUND, CHOSEN
from ncviz.engine.minima import Certified
from ncviz.engine.on_device.blocks import (
    CLOSED,
    HUB,
    ONE_SINK,
    ONE_SOURCE,
    Blocks,
    Edges,
    Extent,
    Tables,
    settle,
)
from ncviz.engine.on_device.by_kernel import ByKernel
from ncviz.engine.on_device.chunks import Chunks
from ncviz.engine.on_device.lowest import Lowest
from ncviz.engine.on_device.neighbourhood import Neighbourhood
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

    Where the kernel can run, it solves what could be a weight's least κ, or every edge if all are wanted.

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
        samples, positions = layers[4].shape[:2]
        run = _Run(tables, Chunks(device, free_bytes, cancel), plan.length.shape[2], plan.slots, samples)
        shape = (samples, run.channels, positions, run.slots)
        grid = np.full(shape, DEAD) if want_grid else None

        def work(mode: int, begin: int, count: int) -> None:
            sides = tables.sides(tuple(layer[begin : begin + count] for layer in layers), is_first, is_last)
            kappa = None
            if grid is not None:
                kappa = torch.full((count, *shape[1:]), DEAD, dtype=torch.float64, device=device)
            run.samples(sides, begin, mode, kappa)
            if grid is not None and kappa is not None:
                grid[begin : begin + count] = kappa.cpu().numpy()

        size = sum(layer[0].size for layer in layers) + (np.prod(shape[1:]) if want_grid else 0)
        # A quarter of the memory: the chunks need the rest.
        for own in (ALL,) if want_grid else (BOUND, CHOSEN, BETTER):
            if run.kernel.can_run or own in (BOUND, ALL):
                run.chunks.fill(samples, lambda *_: 32 * int(size), partial(work, own))
        best, low = (each.result(tables.pairs, sample_begin) for each in (run.best, run.low))
        left = run.kernel.left.view(samples, -1).cpu().numpy() if run.kernel.can_run else None
        return Certified(best, low, grid, run.counts.cpu().numpy(), left)


class _Run:
    """One connection's computation: the blocks of some samples are listed, sorted by size, and solved in chunks."""

    def __init__(self, tables: Tables, chunks: Chunks, channels: int, slots: int, samples: int) -> None:
        self.tables, self.chunks, self.channels, self.slots = tables, chunks, channels, slots
        self.best, self.low = (Lowest(channels * slots, chunks.device) for _ in range(2))
        self.counts = torch.zeros(8, dtype=torch.int64, device=chunks.device)
        self.kernel = ByKernel(self.best, self.low, chunks.device, samples * tables.pairs)

    def samples(
        self,
        sides: tuple[Neighbourhood, Neighbourhood],
        sample_begin: int,
        mode: int,
        grid: Tensor | None,
    ) -> None:
        """Solve some samples.

        Args:
            sides: The neighbours on both sides.
            sample_begin: Number of the first one.
            mode: BOUND settles what needs no simplex and bounds the rest; ALL solves that too; CHOSEN solves the edge
                with each weight's lowest bound, BETTER those that could lie below the weight's least.
            grid: float64 [samples, channels after, positions after, slots], where to write each edge's κ.
        """
        supports = self._supports(sides[0]), self._supports(sides[1])
        width = sum(side.live.shape[2] + side.classes for side in sides) + sides[0].classes * sides[1].classes

        def span(begin: int, count: int) -> None:
            blocks, sizes = self.tables.listed(sides, supports, begin, count)
            kind = np.where(
                (sizes[:, 2:] == 0).any(1), CLOSED,
                np.where(sizes[:, 2] == 1, ONE_SOURCE, np.where(sizes[:, 3] == 1, ONE_SINK, HUB)),
            )  # fmt: skip
            cost = _doubles(sizes, False)
            for own in np.unique(kind):
                # The largest first, so that what does not fit comes to light at once.
                if mode in (CHOSEN, BETTER) and own != HUB:
                    continue
                members = np.flatnonzero(kind == own)
                members = members[np.argsort(-cost[members])]
                self._solve(sides, blocks, sizes[members], members, (int(own), mode), sample_begin, grid)

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

    def _solve(
        self,
        sides: tuple[Neighbourhood, Neighbourhood],
        blocks: Blocks,
        sizes: np.ndarray,
        members: np.ndarray,
        how: tuple[int, int],
        sample_begin: int,
        grid: Tensor | None,
    ) -> None:
        """Do with the blocks of one kind what a mode asks for."""
        kind, mode = how
        width = sides[0].width + sides[1].width

        def need(begin: int, count: int) -> int:
            extent = sizes[begin : begin + count].max(0)
            kernel = self.kernel.bytes_of(extent) if self._is_for_kernel(kind, mode) else 0
            return 8 * (6 * width + int(_doubles(extent, kind in (ONE_SOURCE, ONE_SINK)))) + kernel

        def work(begin: int, count: int) -> None:
            which = torch.from_numpy(members[begin : begin + count]).to(self.chunks.device)
            own = blocks.take(which)
            extent = Extent(*sizes[begin : begin + count].max(0).tolist())
            edges = self.tables.gather(*sides, own, extent, kind)
            at = self._places(own, edges, sample_begin)
            counts = torch.zeros_like(self.counts)
            is_exact = solved = None
            if mode in (BOUND, ALL):
                value, is_exact = settle(edges, kind)
                self._collect(edges, value, is_exact, at, kind)
                if grid is not None:
                    self._fill(grid, own, edges, torch.where(is_exact, value, torch.nan), edges.is_edge)
                counts[kernels.CERTIFIED if kind == HUB else kernels.CLOSED] = is_exact.sum()
                counts[kernels.LIVE] = edges.is_edge.sum()
            if self._is_for_kernel(kind, mode):
                solved = self.kernel.solve(edges, at, mode, is_exact)
                if grid is not None and solved is not None:
                    self._fill(grid, own, edges, solved.kappa, solved.is_solved)
            # Last, because all before is done once more where memory ran out.
            if solved is not None:
                self.kernel.take(solved, at)
                counts += solved.counts
            self.counts += counts

        self.chunks.fill(len(members), need, work)

    def _is_for_kernel(self, kind: int, mode: int) -> bool:
        """Whether the kernel has a part in what a mode asks for."""
        return self.kernel.can_run and kind == HUB and mode != BOUND

    def _places(self, blocks: Blocks, edges: Edges, sample_begin: int) -> tuple[Tensor, Tensor]:
        """Return each edge's weight, int64 [b, n, m], and a number for each block's sample and pair, int64 [b]."""
        slot = self.tables.slot[self.tables.tap[blocks.pair][:, None], edges.i][:, :, None]
        weight = edges.j[:, None, :] * self.slots + slot
        return weight, (blocks.sample + sample_begin) * self.tables.pairs + blocks.pair

    def _collect(
        self, edges: Edges, value: Tensor, is_exact: Tensor, at: tuple[Tensor, Tensor], kind: int
    ) -> None:
        """Take in what a chunk gave."""
        weight, code = at
        self.best.lower(is_exact, weight, value, code[:, None, None])
        if kind == HUB:
            self.low.lower(edges.is_edge & ~is_exact, weight, value, code[:, None, None])

    def _fill(self, grid: Tensor, blocks: Blocks, edges: Edges, kappa: Tensor, which: Tensor) -> None:
        """Write κ of some edges where it belongs."""
        slot = self.tables.slot[self.tables.tap[blocks.pair][:, None], edges.i][:, :, None]
        row = (blocks.sample * self.channels)[:, None, None] + edges.j[:, None, :]
        at = (row * grid.shape[2] + self.tables.target[blocks.pair][:, None, None]) * self.slots + slot
        grid.view(-1)[at[which]] = kappa[which]


def _doubles(sizes: np.ndarray, is_sorted: bool) -> np.ndarray:
    """Estimate how many numbers a block needs at its peak, for sizes [..., 4]."""
    n, m, P, Q = np.moveaxis(sizes, -1, 0)
    return np.asarray((12 if is_sorted else 4) * (P * m + Q * n) + 6 * P * Q + 16 * n * m)
