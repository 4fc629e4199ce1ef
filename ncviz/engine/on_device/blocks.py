"""Many blocks of edges at once in torch: who is live, who has mass, and which edges' κ needs no linear program.

Blocks of one chunk are padded to the same size. What is padded has no mass, and edges that are none have length inf.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from ncviz.engine.kernels import NEGLIGIBLE
from ncviz.engine.measures import UNIFORM_BELOW
from ncviz.engine.on_device.certificates import is_hub_best, one_point_cost
from ncviz.engine.plan import Neighbours, Plan, Ways

CLOSED, ONE_SOURCE, ONE_SINK, HUB = range(4)


class Neighbourhood(NamedTuple):
    """The neighbours on one side of the edges.

    Attributes:
        position: int64 [positions, fan], which positions adjoin each one; padded.
        tap: int64 [positions, fan], through which tap.
        is_there: bool [positions, fan, 1], false in the padding.
        mask: bool [classes, taps, channels], which channels are neighbours.
        label: int64 [channels], the class of each channel at the edges' end.
        activity: float64 [samples, positions, channels] of the neighbours.
        mass: float64 [samples, positions, channels], unnormalised.
        live: bool [samples, positions, channels], who of the edges' ends is alive.
    """

    position: Tensor
    tap: Tensor
    is_there: Tensor
    mask: Tensor
    label: Tensor
    activity: Tensor
    mass: Tensor
    live: Tensor

    @property
    def classes(self) -> int:
        """Number of classes of channels with the same neighbours."""
        return int(self.mask.shape[0])

    @property
    def width(self) -> int:
        """Most neighbours that a unit can have."""
        return int(self.position.shape[1] * self.activity.shape[2])

    def per_class(self, which: Tensor) -> Tensor:
        """Count the marked ones of the channels at the edges' end, int64 [n, classes]."""
        return (
            which.to(torch.float32)
            .matmul(one_hot(self.label, self.classes).to(torch.float32))
            .to(torch.int64)
        )

    def measure(self, sample: Tensor, at: Tensor, which: Tensor, negligible: float) -> Tensor:
        """Return the measures of some positions' classes, float64 [n, width]; rows sum to 1, or to 0 if empty."""
        near = self.position[at]
        index = (sample[:, None], near)
        on = self.mask[which[:, None], self.tap[at]] & self.is_there[at] & (self.activity[index] > 0)
        own = torch.where(on, self.mass[index], 0.0).flatten(1)
        on = on.flatten(1)
        total, active = own.sum(1, keepdim=True), on.sum(1, keepdim=True)
        is_uniform = total <= UNIFORM_BELOW
        own = torch.where(is_uniform, on.to(own.dtype), own)
        cut = torch.where(is_uniform, 0.0, negligible * total / active.clamp(min=1))
        own = torch.where(own > cut, own, 0.0)
        return own / own.sum(1, keepdim=True).clamp(min=torch.finfo(own.dtype).tiny)


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
        self.into, self.out_of = self._listed(plan.into), self._listed(plan.out_of)
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

    def _listed(self, side: Neighbours) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
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

    def gather(
        self, into: Neighbourhood, out_of: Neighbourhood, blocks: Blocks, size: Extent, kind: int
    ) -> Edges:
        """Bring together what the problems of some blocks of one kind are made of."""
        at_i, at_j, tap = self.source[blocks.pair], self.target[blocks.pair], self.tap[blocks.pair]
        alive = (
            into.live[blocks.sample, at_i] & (into.label == blocks.class_in[:, None]) & (self.slot[tap] >= 0)
        )
        i, is_source = _compact(alive, size.n)
        j, is_target = _compact(
            out_of.live[blocks.sample, at_j] & (out_of.label == blocks.class_out[:, None]), size.m
        )
        d = self.length[tap[:, None, None], i[:, :, None], j[:, None, :]]
        is_edge = is_source[:, :, None] & is_target[:, None, :] & d.isfinite()
        d = torch.where(is_edge, d, 1.0)
        p, u, cu = _support(into, blocks.sample, at_i, blocks.class_in, self.negligible, size.P)
        q, v, cv = _support(out_of, blocks.sample, at_j, blocks.class_out, self.negligible, size.Q)
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


def _compact(keep: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Return the columns kept in each row, int64 [rows, size], padded with 0, and which are no padding."""
    row, column = keep.nonzero(as_tuple=True)
    place = keep.cumsum(1)[row, column] - 1
    index = torch.zeros((len(keep), size), dtype=torch.int64, device=keep.device)
    index[row, place] = column
    return index, torch.arange(size, device=keep.device) < keep.sum(1, keepdim=True)


def _support(
    side: Neighbourhood, sample: Tensor, at: Tensor, which: Tensor, negligible: float, size: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the masses of the points that carry some, which reading they belong to, and their channel."""
    if size == 0:
        nothing = torch.zeros((len(at), 0), dtype=torch.int64, device=at.device)
        return nothing.to(torch.float64), nothing, nothing
    mass = side.measure(sample, at, which, negligible)
    column, is_point = _compact(mass > 0, size)
    channels = side.activity.shape[2]
    share = torch.where(is_point, mass.gather(1, column), 0.0)
    return share, torch.div(column, channels, rounding_mode="floor"), column % channels
