"""The optimal plan of one edge as bands: from where the mass lies, on the left, to where it has to go, on the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ncviz.plots.palette import Theme

# Red and blue mean curvature; slate, teal and amber differ in lightness too, for eyes without red–green vision.
ROUTES = ("direct", "hub", "detour")
ROUTE_COLOURS: dict[Theme, dict[str, str]] = {
    "light": {"direct": "#a9b0ba", "hub": "#0b6e69", "detour": "#e0a12b"},
    "dark": {"direct": "#565e6b", "hub": "#37c6bb", "detour": "#f2b84b"},
}
ROUTE_KEYS = {"direct": "along the edge", "hub": "by one of its ends", "detour": "past the edge"}

# A neighbour with less of the mass is no line of its own.
LEAST_SEEN = 1e-5


@dataclass(frozen=True, eq=False)
class Bands:
    """A plan with its small neighbours put together.

    Attributes:
        left: Name of each point on the left: the edge's source, the heaviest in-neighbours, "n others".
        right: Likewise on the right.
        mass: float64 [left, right], mass from point to point; [0, 0] is the edge itself.
        work: float64 [left, right], mass times distance.
    """

    left: tuple[str, ...]
    right: tuple[str, ...]
    mass: np.ndarray
    work: np.ndarray


def bands(
    plan: np.ndarray, cost: np.ndarray, left: Sequence[str], right: Sequence[str], most: int = 6
) -> Bands:
    """Return a plan for drawing: the heaviest neighbours by themselves, and all others as one.

    Args:
        plan: float64 [P + 1, Q + 1]; the first row and column are the edge's ends.
        cost: float64 [P + 1, Q + 1], distances.
        left: P + 1 names.
        right: Q + 1 names.
        most: Neighbours of either side that are drawn by themselves.
    """
    work = plan * cost
    names, mass = [], plan
    for axis, own in ((0, left), (1, right)):
        weights = mass.sum(axis=1 - axis)[1:]
        heaviest = np.argsort(-weights, kind="stable")
        seen = heaviest[: int((weights > LEAST_SEEN).sum())]
        # One other takes as much room as its name.
        chosen = heaviest[: most if len(seen) > most + 1 else max(len(seen), 1)]
        if len(heaviest) == len(chosen) + 1:
            chosen = heaviest
        rest = heaviest[len(chosen) :]
        order = np.concatenate([[0], chosen + 1])
        mass, work = (_gathered(part, axis, order, rest + 1) for part in (mass, work))
        names.append((*(own[at] for at in order.tolist()), *([f"{len(rest):,} others"] if len(rest) else [])))
    return Bands(names[0], names[1], mass, work)


def route_of(row: int, column: int) -> str:
    """Return which route a cell of the plan belongs to; 0 is an end of the edge."""
    if row == column == 0:
        return "direct"
    return "hub" if row == 0 or column == 0 else "detour"


def _gathered(part: np.ndarray, axis: int, order: np.ndarray, rest: np.ndarray) -> np.ndarray:
    chosen = np.take(part, order, axis=axis)
    if not len(rest):
        return chosen
    return np.concatenate([chosen, np.take(part, rest, axis=axis).sum(axis=axis, keepdims=True)], axis=axis)
