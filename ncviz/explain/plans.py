"""The whole problem's plan of an edge from the reduced one's."""

from __future__ import annotations

import numpy as np

# Two ways whose lengths differ by less are equally long: the sums were only rounded differently.
_TIE = 1e-12


def reduced(length: float, to_target: np.ndarray, from_source: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Return what a unit of mass from u to v costs once the edge's own mass is discounted, float64 [P, Q]."""
    return np.minimum(across, to_target[:, None] + from_source[None, :] - length)


def is_hub(cost: np.ndarray) -> np.ndarray:
    """For each u and v, whether u→j and i→v in place of u→v and i→j is no longer: bool [P, Q]."""
    hub = cost[1:, :1] + cost[:1, 1:] - cost[0, 0]
    return hub <= cost[1:, 1:] + _TIE * np.abs(cost[1:, 1:])


def lifted(joined: np.ndarray, takes_hub: np.ndarray, alpha: float) -> np.ndarray:
    """Return the whole problem's optimal plan from the reduced one's, for an idleness of 1/2 or more.

    What pairs u with v by the edge's ends ends at j and starts at i; so much less stays for i→j itself.
    """
    hub, past = np.where(takes_hub, joined, 0.0), np.where(takes_hub, 0.0, joined)
    plan = np.empty((joined.shape[0] + 1, joined.shape[1] + 1))
    plan[1:, 1:] = (1 - alpha) * past
    plan[1:, 0] = (1 - alpha) * hub.sum(axis=1)
    plan[0, 1:] = (1 - alpha) * hub.sum(axis=0)
    plan[0, 0] = max(0.0, alpha - (1 - alpha) * hub.sum())
    return plan


def by_the_ends(plan: np.ndarray, takes_hub: np.ndarray) -> np.ndarray:
    """Return an equally good plan that goes by the edge's ends as long as there is mass on i→j to swap with."""
    plan = plan.copy()
    for u, v in np.argwhere((plan[1:, 1:] > 0) & takes_hub) + 1:
        moved = min(plan[u, v], plan[0, 0])
        plan[u, v] -= moved
        plan[0, 0] -= moved
        plan[u, 0] += moved
        plan[0, v] += moved
    return plan
