"""Many problems one after the other, each begun from what the last one left."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ncviz.compiled import compiled
from ncviz.transport.many.given import balanced, set_flows
from ncviz.transport.many.one import Hub, new_basis, solve_one
from ncviz.transport.many.starts import lower

# Of masses that differ by less than this share of them the potentials are worth beginning with.
NEAR = 1.0


class Problems(NamedTuple):
    """Many transport problems; what all of them share has a first axis of 1.

    Attributes:
        cost: float64 [1 or k, m, n].
        a: float64 [1 or k, m], masses of the sources.
        b: float64 [1 or k, n], masses of the sinks.
        A: float64 [1 or k, m], to the hub.
        B: float64 [1 or k, n], from the hub.
        t: float64 [1 or k], what the hub takes off.
        has_hub: Whether there is one; if not, A, B and t are of length 0 and mean nothing.
    """

    cost: np.ndarray
    a: np.ndarray
    b: np.ndarray
    A: np.ndarray
    B: np.ndarray
    t: np.ndarray
    has_hub: bool

    def arrays(self) -> dict[str, np.ndarray]:
        """Return name → array, for those that mean something."""
        return {name: getattr(self, name) for name in self._fields[: 6 if self.has_hub else 3]}

    def number(self) -> int:
        """Return k."""
        counts = [len(each) for each in self.arrays().values()]
        return 0 if 0 in counts else max(counts)


class Found(NamedTuple):
    """Room for the solutions.

    Attributes:
        value: float64 [k], what plans cost at most.
        short: float64 [k], by how much the proofs fall short of that.
        scale: float64 [k], sums of plan times |cost|.
        f: float64 [k, m].
        g: float64 [k, n].
        pivots: int64 [k].
        plan: float64 [k, m, n], zeros; [0, m, n] where plans are not wanted.
    """

    value: np.ndarray
    short: np.ndarray
    scale: np.ndarray
    f: np.ndarray
    g: np.ndarray
    pivots: np.ndarray
    plan: np.ndarray


@compiled
def solve_range(problems, begin, end, found, stop):
    """Solve some of many problems, one after the other.

    Args:
        problems: The ``Problems``.
        begin: The first of them.
        end: The one after the last.
        found: A ``Found``; written.
        stop: bool [1], set from outside to end early.
    """
    cost, a, b, to_hub, from_hub, toll, has_hub = problems
    m, n = cost.shape[1:]
    rows, columns = np.empty(m, np.int64), np.empty(n, np.int64)
    basis = new_basis(0, 0)
    A, B, t = np.empty(0), np.empty(0), 0.0
    for k in range(begin, end):
        if stop[0]:
            return
        own = cost[min(k, len(cost) - 1)]
        own_a, own_b = a[min(k, len(a) - 1)], b[min(k, len(b) - 1)]
        is_near, is_same = False, False
        if k > begin and len(cost) == 1:
            other_a, other_b = a[min(k - 1, len(a) - 1)], b[min(k - 1, len(b) - 1)]
            apart = np.abs(own_a - other_a).sum() + np.abs(own_b - other_b).sum()
            is_same = has_hub and apart == 0.0
            is_near = apart <= NEAR * own_a.sum()
        P, Q = _support(own_a, rows), _support(own_b, columns)
        if not is_same:
            basis = new_basis(P, Q)
        for u in range(P):
            basis.f[u] = found.f[k - 1, rows[u]] if is_near else 0.0
        C = own if m == P and n == Q else _part(own, rows[:P], columns[:Q])
        p, q = own_a[rows[:P]], own_b[columns[:Q]]
        if has_hub:
            A, B = to_hub[min(k, len(to_hub) - 1)], from_hub[min(k, len(from_hub) - 1)]
            t = toll[min(k, len(toll) - 1)]
            hub = Hub(True, A[rows[:P]], B[columns[:Q]], t)
        else:
            hub = Hub(False, A, B, t)
        value, short, repaired, scale, pivots = solve_one(p, q, C, hub, basis, is_same, stop)
        found.value[k], found.short[k], found.scale[k] = value + repaired, short + repaired, scale
        found.pivots[k] = pivots
        _spread(own, has_hub, A, B, t, rows[:P], columns[:Q], basis, found.f[k], found.g[k])
        if len(found.plan) > 0:
            _write_plan(basis, p, q, has_hub, rows[:P], columns[:Q], found.plan[k])


@compiled
def _support(masses, places):
    """Write where there is mass, and return at how many places."""
    found = 0
    for k in range(len(masses)):
        if masses[k] > 0.0:
            places[found] = k
            found += 1
    return found


@compiled
def _part(cost, rows, columns):
    """Return the costs between some points."""
    out = np.empty((len(rows), len(columns)))
    for u in range(len(rows)):
        for v in range(len(columns)):
            out[u, v] = cost[rows[u], columns[v]]
    return out


@compiled
def _spread(cost, has_hub, A, B, t, rows, columns, basis, f, g):
    """Write the potentials, and the highest feasible ones of points without mass."""
    m, n = cost.shape
    f[:] = np.inf
    g[:] = np.inf
    for u in range(len(rows)):
        f[rows[u]] = basis.f[u]
    for v in range(len(columns)):
        g[columns[v]] = basis.g[v]
    if len(rows) < m:
        for u in range(m):
            if f[u] == np.inf:
                if has_hub:
                    f[u] = A[u]
                for v in range(len(columns)):
                    f[u] = min(f[u], cost[u, columns[v]] - basis.g[v])
    if len(columns) < n:
        free = np.empty(n)
        free[:] = (B - t) if has_hub else g
        for u in range(m):
            lower(cost[u], f[u], free)
        for v in range(n):
            if g[v] == np.inf:
                g[v] = free[v]


@compiled
def _write_plan(basis, p, q, has_hub, rows, columns, plan):
    """Write a tree's plan for the masses as they were given, what goes through the hub paired as it comes."""
    P, Q = len(rows), len(columns)
    masses = np.empty(1 + P + Q), np.empty(1 + P + Q)
    balanced(p, q, masses[0], masses[1])
    write_balanced_plan(basis, masses, has_hub, rows, columns, plan)


@compiled
def write_balanced_plan(basis, masses, has_hub, rows, columns, plan):
    """Write a tree's plan for masses as ``balanced`` writes them; arguments as above."""
    P, Q = len(rows), len(columns)
    parent, order = basis.parent, basis.order
    moved, moved_low, below = np.empty(1 + P + Q), np.empty(1 + P + Q), np.empty(1 + P + Q)
    set_flows(masses, basis, has_hub, moved, moved_low, below)
    ways = 0
    for y in order:
        above = parent[y]
        moved[y] = max(0.0, moved[y])
        if above == 0:
            ways += 1
            continue
        if y <= P:
            plan[rows[y - 1], columns[above - 1 - P]] = moved[y]
        else:
            plan[rows[above - 1], columns[y - 1 - P]] = moved[y]
    if ways < 2:
        return
    u, v = 0, P
    own, need = 0.0, 0.0
    while True:
        while own <= 0.0 and u < P:
            u += 1
            own = moved[u] if parent[u] == 0 else 0.0
        while need <= 0.0 and v < P + Q:
            v += 1
            need = moved[v] if parent[v] == 0 else 0.0
        if own <= 0.0 or need <= 0.0:
            return
        x = min(own, need)
        plan[rows[u - 1], columns[v - 1 - P]] += x
        own -= x
        need -= x
