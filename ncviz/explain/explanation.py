"""What there is to say of one edge: the measures, the distances, the optimal plan, and κ in steps that add up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True, eq=False)
class EdgeExplanation:
    """The curvature of one edge i→j on one image, taken apart.

    Units are numbered within their layers. P in-neighbours of i and Q out-neighbours of j carry mass; those without
    (activation 0) are left out. Source: Tan, Sia, Bogdan, Ivanov, arXiv 2601.16366.

    Attributes:
        connection: Index of the weight layer, from 0.
        layers: The layers of i and of j.
        source: Unit i.
        target: Unit j.
        weight: What the edge carries, a batch normalisation that follows folded in.
        alpha: Idleness.
        is_dead: Whether an end is a hidden unit with activation 0; κ is 1 then, and nothing is moved.
        shared_by: On how many edges this weight stands.
        in_layers: int64 [P], layer of each in-neighbour u of i; there are several where skips or branches meet.
        in_units: int64 [P], the in-neighbours, as units of their layers.
        in_mass: float64 [P], their masses p, summing to 1.
        in_count: How many in-neighbours i has, those without mass counted.
        out_layers: int64 [Q], layer of each out-neighbour v of j.
        out_units: int64 [Q], the out-neighbours.
        out_mass: float64 [Q], their masses q.
        out_count: How many out-neighbours j has.
        length: Of the edge itself, 1/|weight|.
        direct: d(i, j): that length, or less where a shorter way leads past the edge, such as a skip.
        to_source: float64 [P], d(u, i).
        to_target: float64 [P], d(u, j).
        from_source: float64 [Q], d(i, v).
        from_target: float64 [Q], d(j, v).
        across: float64 [P, Q], d(u, v).
        source_measure: float64 [P + 1], μ: alpha on i, then the in-neighbours; only i, with 1, if there are none.
        target_measure: float64 [Q + 1], ν: alpha on j, then the out-neighbours.
        cost: float64 [P + 1, Q + 1], distance between their points: i then u, by j then v.
        plan: float64 [P + 1, Q + 1], an optimal plan; None for a dead edge. Where going by the edge's ends and going
            past them is equally long, it goes by the ends.
        value: W, the work of that plan; None for a dead edge.
        curvature: κ.
        reduced_cost: float64 [P, Q], what a unit of mass from u to v costs once the edge's own mass is discounted,
            min(d(u, v), d(u, j) + d(i, v) − d(i, j)); None for alpha below 1/2, a dead edge, or an end without
            neighbours that carry mass.
        reduced_value: The least cost of moving p to q at that price, (1 − κ)·d(i, j); None likewise.
        direct_route: Mass that goes i→j.
        hub_route: Mass that starts or ends at the edge's other end: i→v and u→j.
        detour_route: Mass that goes u→v, past the edge where a shorter way is to be had.
        steps: The arithmetic, from the three routes to κ.
    """

    connection: int
    layers: tuple[int, int]
    source: int
    target: int
    weight: float
    alpha: float
    is_dead: bool
    shared_by: int
    in_layers: np.ndarray
    in_units: np.ndarray
    in_mass: np.ndarray
    in_count: int
    out_layers: np.ndarray
    out_units: np.ndarray
    out_mass: np.ndarray
    out_count: int
    length: float
    direct: float
    to_source: np.ndarray
    to_target: np.ndarray
    from_source: np.ndarray
    from_target: np.ndarray
    across: np.ndarray
    source_measure: np.ndarray
    target_measure: np.ndarray
    cost: np.ndarray
    plan: np.ndarray | None
    value: float | None
    curvature: float
    reduced_cost: np.ndarray | None
    reduced_value: float | None
    direct_route: Route
    hub_route: Route
    detour_route: Route
    steps: tuple[Step, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as plain JSON types."""
        return {name: _plain(value) for name, value in vars(self).items()}


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


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (Route, Step)):
        return dict(vars(value))
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value
