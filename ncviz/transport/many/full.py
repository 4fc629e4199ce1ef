"""The definition's problem of edges that share their measures, with what stays on both ends; compiled by numba."""

from __future__ import annotations

import numpy as np

from ncviz.compiled import compiled
from ncviz.transport.many.batch import write_balanced_plan
from ncviz.transport.many.given import balanced
from ncviz.transport.many.one import TOLERANCE, Hub, new_basis, solve_balanced
from ncviz.transport.tree import QUANTUM, quantise


@compiled
def solve_full_group(a, b, cost, ends, direct, stays, value, short, plan, stop):
    """Solve the full problem of some edges, each from the tree that the one before it left.

    Args:
        a: float64 [P], positive masses of the sources' in-neighbours, summing to 1; P at least 1.
        b: float64 [Q], of the targets' out-neighbours, likewise.
        cost: float64 [P, Q], from the ones to the others.
        ends: float64 [m, P] from the in-neighbours to each target, and [n, Q] from each source to the out-neighbours.
        direct: float64 [n, m], the edges' lengths, NaN where there is none.
        stays: Mass that lies on both ends of an edge, beside 1 on their neighbours; at least 0.
        value: float64 [n, m], written where there is an edge: what a plan costs at most, less ``stays`` times d.
        short: float64 [n, m], written likewise: by how much the proof falls short of that; 0 if by rounding alone.
        plan: float64 [1 + P, 1 + Q], zeros, written: the last edge's plan, its ends first; [0, 0] where none is wanted.
        stop: bool [1], set from outside to end early.
    """
    to_target, from_source = ends
    P, Q = cost.shape
    first = 1 if stays > 0.0 else 0
    rows, columns = first + P, first + Q
    # The same mass lies on both ends, also when it is rounded: else some of it would have to go any way there is.
    supply, demand = np.full(rows, _in_quanta(stays)), np.full(columns, _in_quanta(stays))
    supply[first:], demand[first:] = quantise(a), quantise(b)
    high, low = np.empty(1 + P + Q), np.empty(1 + P + Q)
    balanced(a, b, high, low)
    masses = np.zeros(1 + rows + columns), np.zeros(1 + rows + columns)
    masses[0][1] = masses[0][1 + rows] = stays
    masses[0][1 + first : 1 + rows], masses[1][1 + first : 1 + rows] = high[1 : 1 + P], low[1 : 1 + P]
    masses[0][1 + rows + first :], masses[1][1 + rows + first :] = high[1 + P :], low[1 + P :]
    C = np.empty((rows, columns))
    C[first:, first:] = cost
    basis, hub = new_basis(rows, columns), Hub(False, np.empty(0), np.empty(0), 0.0)
    total, gap, repaired, scale, is_warm = 0.0, 0.0, 0.0, 0.0, False
    for i in range(len(from_source)):
        for j in range(len(to_target)):
            d = direct[i, j]
            if np.isnan(d):
                continue
            if stop[0]:
                return
            if first:
                C[0, 0] = d
                C[0, 1:] = from_source[i]
                C[1:, 0] = to_target[j]
            if first or not is_warm:
                total, gap, repaired, scale, _ = solve_balanced(
                    supply, demand, masses, C, hub, basis, is_warm, stop
                )
                is_warm = True
            value[i, j] = total + repaired - stays * d
            short[i, j] = gap + repaired
            if short[i, j] <= TOLERANCE * max(scale, d):
                short[i, j] = 0.0
    if len(plan) > 0:
        rows_at, columns_at = np.arange(1 - first, 1 + P), np.arange(1 - first, 1 + Q)
        write_balanced_plan(basis, masses, False, rows_at, columns_at, plan)


@compiled
def _in_quanta(mass):
    """Return the whole multiple of a quantum nearest to some mass, at least one."""
    return max(1.0, np.round(mass / QUANTUM)) * QUANTUM
