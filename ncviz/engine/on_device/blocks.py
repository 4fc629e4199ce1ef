"""Many blocks of edges at once in torch: who is live, who has mass, and which edges' κ needs no linear program.

Blocks of one chunk are padded to the same size. What is padded has no mass, and edges that are none have length inf.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ncviz.engine.kernels import NEGLIGIBLE
from ncviz.engine.on_device.certificates import is_hub_best, one_point_cost
from ncviz.engine.on_device.neighbourhood import Neighbourhood, compact
from ncviz.engine.plan import Neighbours, Plan, Ways

CLOSED, ONE_SOURCE, ONE_SINK, HUB = range(4)


class Blocks(NamedTuple):
    """Some blocks, int64 [n] each: on which sample, of which pair of positions and which classes of channels."""

    sample: Tensor
    pair: Tensor
    class_in: Tensor
    class_out: Tensor

    def take(self, which: Tensor) -> Blocks:
        """Return some of the blocks."""
        return Blocks(*(part[which] for part in self))


class Extent(NamedTuple):
    """The size that a chunk's blocks are padded to: sources n, targets m, in-neighbours P, out-neighbours Q."""

    n: int
    m: int
    P: int
    Q: int


class Edges(NamedTuple):
    """The edges of some blocks, and what their transport problems are made of.

    Attributes:
        i: int64 [b, n], source channels.
        j: int64 [b, m], target channels.
        is_edge: bool [b, n, m], which are live edges.
        d: float64 [b, n, m], their lengths, 1 where there is none.
        p: float64 [b, P], masses of the in-neighbours, those that have any first.
        q: float64 [b, Q], of the out-neighbours.
        A: float64 [b, m, P], from in-neighbours to targets.
        B: float64 [b, n, Q], from sources to out-neighbours.
        C: float64 [b, P, Q], from in-neighbours to out-neighbours; empty if one side has none.
    """

    i: Tensor
    j: Tensor
    is_edge: Tensor
    d: Tensor
    p: Tensor
    q: Tensor
    A: Tensor
    B: Tensor
    C: Tensor

    def bound(self) -> Tensor:
        """Return a lower bound of each edge's κ, float64 [b, n, m]: as if all mass moved through the edge."""
        return 2.0 - self.through() / self.d

    def through(self) -> Tensor:
        """Return what all mass pays to and from the edge, float64 [b, n, m]."""
        return (self.A @ self.p[:, :, None]).mT + self.B @ self.q[:, :, None]


def settle(edges: Edges, kind: int) -> tuple[Tensor, Tensor]:
    """Find κ of each edge of some blocks of one kind, or a lower bound of it.

    Returns:
        float64 [b, n, m], κ or a bound below it; bool [b, n, m], for which live edges it is κ.
    """
    _, _, is_edge, d, p, q, A, B, C = edges
    if kind == CLOSED:
        has_mass = p.any(1) | q.any(1)
        return torch.where(has_mass[:, None, None], 1.0 - edges.through() / d, 0.0), is_edge
    if kind == HUB:
        return edges.bound(), is_edge & is_hub_best(A, B, C, d, p > 0, q > 0)
    if kind == ONE_SINK:
        return 1.0 - one_point_cost(C.mT, A, p, B.mT - d.mT).mT / d, is_edge
    return 1.0 - one_point_cost(C, B, q, A.mT - d) / d, is_edge


class Tables:
    """A connection's plan on a device."""

    def __init__(self, plan: Plan, device: str) -> None:
        self.device = device
        self.pairs = len(plan.pairs.source)
        self.negligible = NEGLIGIBLE / plan.spread
        self.source, self.target, self.tap = (self.move(part) for part in plan.pairs[:3])
        self.slot, self.length = self.move(plan.slot), self.move(plan.length)
        self.to_target, self.from_source, self.across = (
            self._ways(ways) for ways in (plan.to_target, plan.from_source, plan.across)
        )
        self.into, self.out_of = self._side(plan.into), self._side(plan.out_of)
        joined = np.isfinite(plan.length) & (plan.slot >= 0)[:, :, None]
        joined = np.logical_or.reduceat(joined[:, plan.into.channel], plan.into.class_start[:-1], axis=1)
        joined = np.logical_or.reduceat(
            joined[:, :, plan.out_of.channel], plan.out_of.class_start[:-1], axis=2
        )
        self.joined = self.move(joined)  # [taps, classes in, classes out]

    def move(self, part: np.ndarray) -> Tensor:
        """Return a copy on the device, indices as int64."""
        return torch.tensor(part, dtype=torch.int64 if part.dtype == np.int32 else None, device=self.device)

    def _ways(self, ways: Ways) -> tuple[Tensor, Tensor, Tensor]:
        """Return where each pair's kinds of path begin, the kinds, and their lengths."""
        # Where an edge exists there are paths from each neighbour to each; an infinity elsewhere would turn into NaN.
        return self.move(ways.start), self.move(ways.kind), self.move(ways.length).nan_to_num_(posinf=0.0)

    def _side(self, side: Neighbours) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Return the first five parts of a neighbourhood: lists of different lengths become tables [positions, fan]."""
        fan = np.diff(side.readings.start)
        is_there = np.arange(fan.max(initial=0)) < fan[:, None]
        tables = np.zeros((2, *is_there.shape), dtype=np.int64)
        tables[:, is_there] = side.readings.position, side.readings.tap
        label = np.empty(len(side.channel), dtype=np.int64)
        label[side.channel] = np.repeat(np.arange(len(side.class_start) - 1), np.diff(side.class_start))
        parts = (*tables, is_there[:, :, None], side.readings.mask, label)
        position, tap, there, mask, labels = (self.move(part) for part in parts)
        return position, tap, there, mask, labels

    def sides(
        self, layers: tuple[np.ndarray, ...], is_first: bool, is_last: bool
    ) -> tuple[Neighbourhood, Neighbourhood]:
        """Return both sides of the edges, on some samples."""
        x0, e0, x1, _, x2, _, x3, e3 = (self.move(part) for part in layers)
        return (
            Neighbourhood(*self.into, x0, e0, torch.ones_like(x1, dtype=torch.bool) if is_first else x1 > 0),
            Neighbourhood(*self.out_of, x3, e3, torch.ones_like(x2, dtype=torch.bool) if is_last else x2 > 0),
        )

    def listed(
        self,
        sides: tuple[Neighbourhood, Neighbourhood],
        supports: tuple[Tensor, Tensor],
        begin: int,
        count: int,
    ) -> tuple[Blocks, np.ndarray]:
        """List the blocks with a live edge among some samples' pairs, and their sizes n, m, P and Q."""
        spot = torch.arange(begin, begin + count, device=self.device)
        sample, pair = spot // self.pairs, spot % self.pairs
        at_i, at_j, tap = self.source[pair], self.target[pair], self.tap[pair]
        n = sides[0].per_class(sides[0].live[sample, at_i] & (self.slot[tap] >= 0))
        m = sides[1].per_class(sides[1].live[sample, at_j])
        spot, a, b = ((n[:, :, None] > 0) & (m[:, None, :] > 0) & self.joined[tap]).nonzero(as_tuple=True)
        blocks = Blocks(sample[spot], pair[spot], a, b)
        at_i, at_j = at_i[spot], at_j[spot]
        sizes = (
            n[spot, a],
            m[spot, b],
            supports[0][blocks.sample, at_i, a],
            supports[1][blocks.sample, at_j, b],
        )
        return blocks, torch.stack(sizes, 1).cpu().numpy()

    def gather(
        self, into: Neighbourhood, out_of: Neighbourhood, blocks: Blocks, size: Extent, kind: int
    ) -> Edges:
        """Bring together what the problems of some blocks of one kind are made of."""
        at_i, at_j, tap = self.source[blocks.pair], self.target[blocks.pair], self.tap[blocks.pair]
        alive = (
            into.live[blocks.sample, at_i] & (into.label == blocks.class_in[:, None]) & (self.slot[tap] >= 0)
        )
        i, is_source = compact(alive, size.n)
        j, is_target = compact(
            out_of.live[blocks.sample, at_j] & (out_of.label == blocks.class_out[:, None]), size.m
        )
        d = self.length[tap[:, None, None], i[:, :, None], j[:, None, :]]
        is_edge = is_source[:, :, None] & is_target[:, None, :] & d.isfinite()
        d = torch.where(is_edge, d, 1.0)
        p, u, cu = into.points(blocks.sample, at_i, blocks.class_in, self.negligible, size.P)
        q, v, cv = out_of.points(blocks.sample, at_j, blocks.class_out, self.negligible, size.Q)
        start_a, kind_a, length_a = self.to_target
        start_b, kind_b, length_b = self.from_source
        a, b = kind_a[start_a[blocks.pair][:, None] + u], kind_b[start_b[blocks.pair][:, None] + v]
        A = length_a[a[:, None, :], cu[:, None, :], j[:, :, None]]  # [b, m, P]
        B = length_b[b[:, None, :], i[:, :, None], cv[:, None, :]]  # [b, n, Q]
        if kind == CLOSED:
            return Edges(i, j, is_edge, d, p, q, A, B, A.new_empty((len(A), 0, 0)))
        start_c, kind_c, length_c = self.across
        fan = start_b[blocks.pair + 1] - start_b[blocks.pair]
        row = start_c[blocks.pair][:, None] + u * fan[:, None]
        c = kind_c[row[:, :, None] + v[:, None, :]]
        C = length_c[c, cu[:, :, None], cv[:, None, :]]  # [b, P, Q]
        return Edges(i, j, is_edge, d, p, q, A, B, C)
