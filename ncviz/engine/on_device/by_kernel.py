"""What the kernel does for one connection: which edges it is given, and what becomes of them."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ncviz.engine import kernels
from ncviz.engine.kernels import CHOSEN
from ncviz.engine.on_device.blocks import Edges
from ncviz.engine.on_device.lowest import Lowest
from ncviz.transport.cuda.solve import KernelError, Problems, bytes_of, can_solve, least_streams, solve_edges


class Solved(NamedTuple):
    """What the kernel found for some blocks.

    Attributes:
        kappa: float64 [b, n, m], κ where it is solved, else NaN.
        is_solved: bool [b, n, m].
        is_left: bool [b], in which blocks edges are left to the CPU.
        counts: int64 [8], how many edges were solved, skipped and left, and the pivots.
    """

    kappa: Tensor
    is_solved: Tensor
    is_left: Tensor
    counts: Tensor


class ByKernel:
    """The kernel's part of one connection.

    Args:
        best: The least κ known of each weight.
        low: The least lower bound of each weight, of the edges whose κ is not known without the kernel.
        device: "cpu" or "cuda:N".
        places: Number of samples times pairs of positions.

    Attributes:
        can_run: Whether there is a kernel that runs.
        left: bool [places], on which samples and pairs edges are left to the CPU.
    """

    def __init__(self, best: Lowest, low: Lowest, device: str, places: int) -> None:
        self.best, self.low = best, low
        self.can_run = can_solve(device)
        self.left = torch.zeros(places, dtype=torch.bool, device=device)

    def bytes_of(self, extent: np.ndarray) -> int:
        """Return how much memory a block of a size n, m, P, Q takes."""
        n, m, P, Q = extent.tolist()
        return 64 * n * m + bytes_of(P, Q, least_streams(n * m))

    def solve(
        self, edges: Edges, at: tuple[Tensor, Tensor], mode: int, is_exact: Tensor | None
    ) -> Solved | None:
        """Solve what a mode wants of some blocks; nothing is kept of it before ``take``.

        Args:
            edges: The blocks' edges.
            at: Each edge's weight, int64 [b, n, m], and a number for each block's sample and pair, int64 [b].
            mode: ALL, CHOSEN or BETTER.
            is_exact: bool [b, n, m], whose κ is known, if all others are wanted.

        Returns:
            What was found; None if nothing was wanted or the kernel cannot run.
        """
        wanted, floor = self._wanted(edges, at, mode, is_exact)
        which = wanted.nonzero()
        if not len(which):
            return None
        problems = Problems(edges.p, edges.q, edges.C, edges.A, edges.B, edges.d)
        try:
            found = solve_edges(problems, which, floor[wanted])
        except KernelError as error:
            # The CPU can do all that the kernel can; a GPU that cannot run it shall not keep anybody from a result.
            warnings.warn(f"{error} The CPU solves what is left.", RuntimeWarning, stacklevel=2)
            self.can_run = False
            return None
        kappa = torch.full_like(edges.d, torch.nan)
        is_solved, is_left = torch.zeros_like(wanted), torch.zeros_like(wanted)
        kappa[wanted] = 1.0 - found.value / edges.d[wanted]
        is_solved[wanted] = found.is_solved
        is_left[wanted] = ~(found.is_solved | found.is_skipped)
        counts = torch.zeros(8, dtype=torch.int64, device=kappa.device)
        counts[kernels.SOLVED], counts[kernels.SKIPPED] = found.is_solved.sum(), found.is_skipped.sum()
        counts[kernels.FAILED], counts[kernels.PIVOTS] = is_left.sum(), found.pivots
        return Solved(kappa, is_solved, is_left.any(2).any(1), counts)

    def take(self, solved: Solved, at: tuple[Tensor, Tensor]) -> None:
        """Take in what was found."""
        weight, code = at
        self.left[code[solved.is_left]] = True
        # Last: a chunk that is done once more must want the same edges again.
        self.best.lower(solved.is_solved, weight, solved.kappa, code[:, None, None])

    def _wanted(
        self, edges: Edges, at: tuple[Tensor, Tensor], mode: int, is_exact: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return which edges a mode wants solved, bool [b, n, m], and the cost from which on they matter no more."""
        weight, code = at[0], at[1][:, None, None]
        never = torch.full_like(edges.d, -torch.inf)
        if is_exact is not None:
            return edges.is_edge & ~is_exact, never
        best, is_named = self.best.value[weight], self.low.code[weight] == code
        if mode == CHOSEN:
            return edges.is_edge & is_named & (self.low.value[weight] < best), never
        # What was named has had its turn, whether it is solved or left.
        is_done = is_named | (self.best.code[weight] == code)
        return edges.is_edge & (edges.bound() < best) & ~is_done, (1.0 - best) * edges.d
