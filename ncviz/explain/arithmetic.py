"""From an optimal plan to κ: where the mass goes, and the arithmetic in steps that add up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Route:
    """A share of the mass, and the work of moving it: the sum of mass times distance."""

    mass: float
    work: float


@dataclass(frozen=True)
class Step:
    """One line of the arithmetic: what it is, how it comes about, and the number."""

    name: str
    formula: str
    value: float


def routes(plan: np.ndarray, cost: np.ndarray) -> tuple[Route, Route, Route]:
    """Split a plan into what goes i→j, what goes by one end of the edge, and what goes u→v."""
    work = plan * cost
    hub_mass = plan[0, 1:].sum() + plan[1:, 0].sum()
    hub_work = work[0, 1:].sum() + work[1:, 0].sum()
    return (
        Route(float(plan[0, 0]), float(work[0, 0])),
        Route(float(hub_mass), float(hub_work)),
        Route(float(plan[1:, 1:].sum()), float(work[1:, 1:].sum())),
    )


def arithmetic(parts: tuple[Route, Route, Route], length: float, alpha: float) -> tuple[Step, ...]:
    """Return the steps from the routes to κ; each number is computed from those above it."""
    direct, hub, detour = parts
    value = direct.work + hub.work + detour.work
    ratio = value / length
    return (
        Step("direct", "mass i → j, times d(i, j)", direct.work),
        Step("hub", "mass i → v and u → j, times their distances", hub.work),
        Step("detour", "mass u → v, times their distances", detour.work),
        Step("W", "direct + hub + detour", value),
        Step("W / d", "W / d(i, j)", ratio),
        Step("κ", "(1 − W / d) / (1 − α)", (1.0 - ratio) / (1.0 - alpha)),
    )
