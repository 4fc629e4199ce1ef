"""Idleness of 1/2 or more: the mass on i and j drops out, and what is left is transport with a hub.

With more than half of the mass on i and on j some always moves directly, so complementary slackness fixes the
potentials of both, and the problem becomes OT(a, b; C) with C_uv = min(cost_uv, d(u,j) + d(i,v) − d(i,j)):
mass from u to v either takes the shared cost, or goes through the edge itself, the hub. It no longer depends on
the idleness (the Lin–Lu–Yau curvature).
"""

from __future__ import annotations

import threading

import numpy as np

from ncviz.errors import CancelledError
from ncviz.transport.exact import optimal_value
from ncviz.transport.problem import EdgeGroup

_CHUNK_ELEMENTS = 2**23


def solve_hub(group: EdgeGroup, cancel: threading.Event | None = None) -> np.ndarray:
    """Solve every edge of a group: closed forms, the all-hub certificate, and the simplex for the rest.

    Args:
        group: The edges.
        cancel: Checked before each edge that needs the simplex.

    Returns:
        float64 [n, m], OT(a, b; C), so that the curvature is 1 − value/d; NaN where there is no edge.

    Raises:
        CancelledError: If ``cancel`` was set.
    """
    direct = group.direct
    if not len(group.a) and not len(group.b):
        return direct.copy()
    # Mass that stays on i (or on j) starts (or ends) there: with one measure a point, no choice is left.
    if not len(group.a):
        return np.where(np.isnan(direct), np.nan, (group.from_source @ group.b)[:, None])
    if not len(group.b):
        return np.where(np.isnan(direct), np.nan, (group.to_target @ group.a)[None, :])
    through_hub = (group.to_target @ group.a)[None, :] + (group.from_source @ group.b)[:, None] - direct
    if len(group.a) == 1 or len(group.b) == 1:
        return _one_point(group)
    value = np.where(hub_excess(group) <= 0, through_hub, np.nan)
    for i, j in np.argwhere(~np.isnan(direct) & np.isnan(value)):
        if cancel is not None and cancel.is_set():
            raise CancelledError
        tolls = group.to_target[j][:, None] + (group.from_source[i] - direct[i, j])[None, :]
        value[i, j] = optimal_value(group.a, group.b, np.minimum(group.cost, tolls))
    return value


def hub_excess(group: EdgeGroup) -> np.ndarray:
    """Return how much dearer the hub is than the shared cost, at worst over all pairs (u, v).

    Where it is not positive, the hub is the cheapest way for every pair, and the value needs no solver.

    Returns:
        float64 [n, m], max over u, v of d(u,j) + d(i,v) − d(i,j) − cost_uv; NaN where there is no edge.
    """
    n, m = group.direct.shape
    excess = np.empty((n, m))
    step = max(1, _CHUNK_ELEMENTS // (group.cost.size + m * len(group.a)))
    for begin in range(0, n, step):
        part = slice(begin, begin + step)
        detour = (group.from_source[part, None, :] - group.cost[None]).max(axis=2)  # [part, P]
        excess[part] = (detour[:, None, :] + group.to_target[None]).max(axis=2)  # [part, m]
    return excess - group.direct


def _one_point(group: EdgeGroup) -> np.ndarray:
    """Value of each edge where one of the measures is a single point: a dot product."""
    value = np.full(group.direct.shape, np.nan)
    for j in range(group.direct.shape[1]):
        tolls = (
            group.to_target[j][None, :, None] + group.from_source[:, None, :] - group.direct[:, j, None, None]
        )
        value[:, j] = np.einsum("p,npq,q->n", group.a, np.minimum(group.cost[None], tolls), group.b)
    return value
