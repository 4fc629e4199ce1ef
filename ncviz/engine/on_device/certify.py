"""One connection on a torch device: κ by closed forms and certificates, bounds, and a kernel for what they leave.

As on the CPU, each weight's bounds come first, then the edge that has the lowest one, then all that could lie lower.
"""

from __future__ import annotations

import threading
import warnings
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
    Neighbourhood,
    Tables,
    settle,
)
from ncviz.engine.on_device.chunks import Chunks
from ncviz.engine.on_device.lowest import Lowest
from ncviz.engine.plan import Plan
from ncviz.transport.cuda.solve import KernelError, Problems, bytes_of, can_solve, least_streams, solve_edges
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
            if run.has_kernel or own in (BOUND, ALL):
                run.chunks.fill(samples, lambda *_: 32 * int(size), partial(work, own))
        best, low = (each.result(tables.pairs, sample_begin) for each in (run.best, run.low))
        left = run.left.view(samples, -1).cpu().numpy() if run.has_kernel else None
        return Certified(best, low, grid, run.counts.cpu().numpy(), left)


class _Run:
    """One connection's computation: the blocks of some samples are listed, sorted by size, and solved in chunks."""

    def __init__(self, tables: Tables, chunks: Chunks, channels: int, slots: int, samples: int) -> None:
        self.tables, self.chunks, self.channels, self.slots = tables, chunks, channels, slots
        self.best, self.low = (Lowest(channels * slots, chunks.device) for _ in range(2))
        self.counts = torch.zeros(8, dtype=torch.int64, device=chunks.device)
        self.has_kernel = can_solve(chunks.device)
        # On which samples and pairs of positions edges are left to the CPU.
        self.left = torch.zeros(samples * tables.pairs, dtype=torch.bool, device=chunks.device)

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
            blocks, sizes = self._listed(sides, supports, begin, count)
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
        how: tuple[int, int],
        sample_begin: int,
        grid: Tensor | None,
    ) -> None:
        """Do with the blocks of one kind what a mode asks for."""
        kind, mode = how
        width = sides[0].width + sides[1].width

        def need(begin: int, count: int) -> int:
            extent = sizes[begin : begin + count].max(0)
            n, m, P, Q = extent.tolist()
            with_kernel = self.has_kernel and kind == HUB and mode != BOUND
            kernel = 64 * n * m + bytes_of(P, Q, least_streams(n * m)) if with_kernel else 0
            return 8 * (6 * width + int(_doubles(extent, kind in (ONE_SOURCE, ONE_SINK)))) + kernel

        def work(begin: int, count: int) -> None:
            which = torch.from_numpy(members[begin : begin + count]).to(self.chunks.device)
            own = blocks.take(which)
            extent = Extent(*sizes[begin : begin + count].max(0).tolist())
            edges = self.tables.gather(*sides, own, extent, kind)
            at = self._places(own, edges, sample_begin)
            is_exact = None
            if mode in (BOUND, ALL):
                value, is_exact = settle(edges, kind)
                self._collect(edges, value, is_exact, at, kind)
                if grid is not None:
                    self._fill(grid, own, edges, torch.where(is_exact, value, torch.nan), edges.is_edge)
            if self.has_kernel and kind == HUB and mode != BOUND:
                wanted, floor = self._wanted(edges, at, mode, is_exact)
                kappa, is_solved = self._by_kernel(edges, wanted, floor, at)
                if grid is not None:
                    self._fill(grid, own, edges, kappa, is_solved)
            # Last, because all before is done once more where memory ran out.
            if is_exact is not None:
                self.counts[kernels.CERTIFIED if kind == HUB else kernels.CLOSED] += is_exact.sum()
                self.counts[kernels.LIVE] += edges.is_edge.sum()

        self.chunks.fill(len(members), need, work)

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

    def _wanted(
        self, edges: Edges, at: tuple[Tensor, Tensor], mode: int, is_exact: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return which edges a mode wants solved, bool [b, n, m], and the cost from which on they matter no more."""
        weight, code = at
        code = code[:, None, None]
        never = torch.full_like(edges.d, -torch.inf)
        if is_exact is not None:
            return edges.is_edge & ~is_exact, never
        best = self.best.value[weight]
        if mode == CHOSEN:
            is_named = (self.low.code[weight] == code) & (self.low.value[weight] < best)
            return edges.is_edge & is_named, never
        is_known = self.best.code[weight] == code
        could = (edges.bound() < best) & ~is_known
        return edges.is_edge & could, (1.0 - best) * edges.d

    def _by_kernel(
        self, edges: Edges, wanted: Tensor, floor: Tensor, at: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Solve some edges; return κ, float64 [b, n, m], and for which it is known."""
        which = wanted.nonzero()
        kappa, is_solved = torch.full_like(edges.d, torch.nan), torch.zeros_like(wanted)
        if not len(which):
            return kappa, is_solved
        problems = Problems(edges.p, edges.q, edges.C, edges.A, edges.B, edges.d)
        try:
            found = solve_edges(problems, which, floor[wanted])
        except KernelError as error:
            # The CPU can do all that the kernel can; a GPU that cannot run it shall not keep anybody from a result.
            warnings.warn(f"{error} The CPU solves what is left.", RuntimeWarning, stacklevel=2)
            self.has_kernel = False
            return kappa, is_solved
        kappa[wanted] = 1.0 - found.value / edges.d[wanted]
        is_solved[wanted] = found.is_solved
        is_left = torch.zeros_like(wanted)
        is_left[wanted] = ~(found.is_solved | found.is_skipped)
        self.best.lower(is_solved, at[0], kappa, at[1][:, None, None])
        self.left[at[1][is_left.any(2).any(1)]] = True
        self.counts[kernels.SOLVED] += found.is_solved.sum()
        self.counts[kernels.SKIPPED] += found.is_skipped.sum()
        self.counts[kernels.FAILED] += is_left.sum()
        self.counts[kernels.PIVOTS] += found.pivots
        return kappa, is_solved


def _doubles(sizes: np.ndarray, is_sorted: bool) -> np.ndarray:
    """Estimate how many numbers a block needs at its peak, for sizes [..., 4]."""
    n, m, P, Q = np.moveaxis(sizes, -1, 0)
    return np.asarray((12 if is_sorted else 4) * (P * m + Q * n) + 6 * P * Q + 16 * n * m)
