"""One edge at which the solver of a block gave up: solved by itself, in twice the precision, with a proof."""

from __future__ import annotations

import numpy as np

from ncviz.compiled import compiled
from ncviz.transport.many.one import TOLERANCE, Hub, new_basis, solve_one


@compiled
def solve_alone(p, q, C, A, B, d, stop):
    """Solve the problem of one edge, with the edge as a hub.

    Args:
        p: float64 [P], masses of the source's in-neighbours, positive.
        q: float64 [Q], of the target's out-neighbours.
        C: float64 [P, Q], from the ones to the others.
        A: float64 [P], from the in-neighbours to the target.
        B: float64 [Q], from the source to the out-neighbours.
        d: Length of the edge.
        stop: bool [1], set from outside to end early; what is returned then means nothing.

    Returns:
        What a plan costs at most, and by how much the proof falls short of it; 0 if by rounding alone.
    """
    hub = Hub(True, A, B, d)
    total, short, repaired, scale, _ = solve_one(
        p, q, np.ascontiguousarray(C), hub, new_basis(len(p), len(q)), False, stop
    )
    short += repaired
    return total + repaired, short if short > TOLERANCE * max(scale, d) else 0.0
