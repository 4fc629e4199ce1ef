"""The transport problem of one edge, held so that its idleness and its own weight can be turned like knobs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Real
from operator import attrgetter
from typing import Any

import numpy as np

from ncviz.config import DEFAULT_ALPHA, check_alpha
from ncviz.errors import NcvizError
from ncviz.explain.arithmetic import Route, Step, arithmetic, routes
from ncviz.explain.plans import by_the_ends, is_hub, lifted, reduced
from ncviz.transport.dense import UnprovedError, proved_plan
from ncviz.transport.full import full_plan, solve_full
from ncviz.transport.problem import EdgeGroup, idle
from ncviz.values import CLOSED_FROM, DEAD


def _held(name: str) -> Any:
    """What an explanation has of its problem."""
    return property(attrgetter(f"problem.{name}"))


@dataclass(frozen=True, eq=False)
class EdgeProblem:
    """One edge i→j on one image: its neighbours, and how far they are with the edge and without it.

    The lengths of paths that avoid the edge stand beside those of paths through it, so that the problem for any other
    weight of this one edge is put together at once. Activations are held as they are, and so is every other edge,
    also those on which a convolution's kernel puts the same weight.

    Attributes:
        connection: Index of the weight layer, from 0.
        layers: The layers of i and of j.
        source: Unit i.
        target: Unit j.
        weight: What the edge carries.
        is_dead: Whether an end is a hidden unit with activation 0; κ is 1 then, and nothing is moved.
        shared_by: On how many edges this weight stands.
        in_layers: int64 [P], layer of each in-neighbour u of i that carries mass; there are several where skips or
            branches meet.
        in_units: int64 [P], the in-neighbours, growing within each layer.
        in_mass: float64 [P], masses p, summing to 1.
        in_count: In-neighbours of i, with mass or without.
        out_layers: int64 [Q], layer of each out-neighbour v of j that carries mass.
        out_units: int64 [Q], the out-neighbours.
        out_mass: float64 [Q], masses q.
        out_count: Out-neighbours of j.
        to_source: float64 [P], d(u, i).
        from_target: float64 [Q], d(j, v).
        past_direct: Length of the shortest path i→j that avoids the edge; inf if there is none, as in a chain.
        past_to_target: float64 [P], length of the shortest path u→j that avoids the edge; inf if there is none.
        past_from_source: float64 [Q], of i→v.
        past_across: float64 [P, Q], of u→v.
    """

    connection: int
    layers: tuple[int, int]
    source: int
    target: int
    weight: float
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
    to_source: np.ndarray
    from_target: np.ndarray
    past_direct: float
    past_to_target: np.ndarray
    past_from_source: np.ndarray
    past_across: np.ndarray

    @property
    def size(self) -> int:
        """Number of pairs of neighbours: what one solution takes grows a little faster."""
        return max(1, len(self.in_units)) * max(1, len(self.out_units))

    def at(self, alpha: float = DEFAULT_ALPHA, weight: float | None = None) -> EdgeExplanation:
        """Solve the problem and take it apart.

        Args:
            alpha: Idleness in [0, 1).
            weight: What the edge should carry, by default what it does; its sign does not count.

        Raises:
            NcvizError: If ``alpha`` is out of range, the weight is 0 or no finite number, or the least cost could not
                be proved.
        """
        alpha, weight = check_alpha(alpha), self._weight(weight)
        direct, to_target, from_source, across = self._distances(weight)
        found = EdgeExplanation(self, weight, alpha, direct, to_target, from_source, across)
        if self.is_dead:
            return found
        p, q = self.in_mass, self.out_mass
        takes_hub = is_hub(found.cost)
        if not len(p) or not len(q):
            return replace(found, plan=np.outer(found.source_measure, found.target_measure))
        if alpha < CLOSED_FROM:
            whole = full_plan(_alone(p, q, direct, to_target, from_source, across), alpha)
            return replace(found, plan=by_the_ends(whole, takes_hub))
        price = reduced(direct, to_target, from_source, across)
        joined = proved_plan(p, q, across, (to_target, from_source, direct), direct)
        return replace(
            found,
            plan=lifted(joined, takes_hub, alpha),
            reduced_cost=price,
            reduced_value=float((joined * price).sum()),
        )

    def curvature(self, alpha: float = DEFAULT_ALPHA, weight: float | None = None) -> float:
        """Return κ alone, a little faster than ``at``; arguments and errors are the same."""
        alpha, weight = check_alpha(alpha), self._weight(weight)
        if self.is_dead:
            return DEAD
        length, to_target, from_source, across = self._distances(weight)
        p, q = self.in_mass, self.out_mass
        if not len(p) or not len(q):
            # All the mass of one side lies on one point, so there is one plan only.
            far = p @ to_target + q @ from_source if len(p) or len(q) else length
            return float(1.0 - far / length)
        if alpha >= CLOSED_FROM:
            joined = proved_plan(p, q, across, (to_target, from_source, length), length)
            return float(1.0 - (joined * reduced(length, to_target, from_source, across)).sum() / length)
        value, lower = solve_full(_alone(p, q, length, to_target, from_source, across), alpha)
        if (lower < value).any():
            raise UnprovedError("The least cost of moving the mass could not be proved.")
        return float(1.0 - value[0, 0] / length)

    def curve(self, alphas: Sequence[float], weight: float | None = None) -> np.ndarray:
        """Return κ over idleness, float64 [len(alphas)]; from 1/2 on it is the same, and solved once."""
        plateau = [alpha for alpha in alphas if check_alpha(alpha) >= CLOSED_FROM]
        level = self.curvature(plateau[0], weight) if plateau else math.nan
        return np.array(
            [level if alpha >= CLOSED_FROM else self.curvature(alpha, weight) for alpha in alphas]
        )

    def weight_curve(self, weights: Sequence[float], alpha: float = DEFAULT_ALPHA) -> np.ndarray:
        """Return κ over the edge's own weight, float64 [len(weights)]."""
        return np.array([self.curvature(alpha, weight) for weight in weights])

    def _distances(self, weight: float) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
        """Return d(i, j), d(u, j) [P], d(i, v) [Q] and d(u, v) [P, Q] for a weight of the edge."""
        length = 1.0 / abs(weight)
        onward = length + self.from_target
        return (
            min(self.past_direct, length),
            np.minimum(self.past_to_target, self.to_source + length),
            np.minimum(self.past_from_source, onward),
            np.minimum(self.past_across, self.to_source[:, None] + onward[None, :]),
        )

    def _weight(self, weight: Any) -> float:
        if weight is None:
            return self.weight
        if (
            isinstance(weight, bool)
            or not isinstance(weight, Real)
            or not math.isfinite(weight)
            or weight == 0
        ):
            raise NcvizError(
                f"weight must be a finite number other than 0, got {weight!r}; an edge of weight 0 is no edge."
            )
        return float(weight)


def _alone(
    p: np.ndarray,
    q: np.ndarray,
    direct: float,
    to_target: np.ndarray,
    from_source: np.ndarray,
    across: np.ndarray,
) -> EdgeGroup:
    """Return one edge as a group."""
    return EdgeGroup(p, q, across, to_target[None, :], from_source[None, :], np.full((1, 1), direct))


@dataclass(frozen=True, eq=False)
class EdgeExplanation:
    """The curvature of one edge i→j on one image, taken apart.

    Units are numbered within their layers. P in-neighbours of i and Q out-neighbours of j carry mass; those without
    (activation 0) are left out. Source: Tan, Sia, Bogdan, Ivanov, arXiv 2601.16366.

    Attributes:
        problem: The edge's problem; what it says of the edge and its neighbours (from ``connection`` to ``out_count``,
            ``to_source`` and ``from_target``) this has too.
        weight: What the edge carries.
        alpha: Idleness.
        length: Of the edge itself, 1/|weight|.
        direct: d(i, j): that length, or less where a shorter way leads past the edge, such as a skip.
        to_target: float64 [P], d(u, j).
        from_source: float64 [Q], d(i, v).
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

    problem: EdgeProblem
    weight: float
    alpha: float
    direct: float
    to_target: np.ndarray
    from_source: np.ndarray
    across: np.ndarray
    plan: np.ndarray | None = None
    reduced_cost: np.ndarray | None = None
    reduced_value: float | None = None

    connection, layers, source, target, is_dead, shared_by = map(
        _held, ("connection", "layers", "source", "target", "is_dead", "shared_by")
    )
    in_layers, in_units, in_mass, in_count = map(_held, ("in_layers", "in_units", "in_mass", "in_count"))
    out_layers, out_units, out_mass, out_count = map(
        _held, ("out_layers", "out_units", "out_mass", "out_count")
    )
    to_source, from_target = map(_held, ("to_source", "from_target"))

    @property
    def length(self) -> float:
        """Length of the edge itself."""
        return 1.0 / abs(self.weight)

    @property
    def source_measure(self) -> np.ndarray:
        """The measure μ."""
        return idle(self.alpha, self.in_mass)

    @property
    def target_measure(self) -> np.ndarray:
        """The measure ν."""
        return idle(self.alpha, self.out_mass)

    @cached_property
    def cost(self) -> np.ndarray:
        """Distances between the points of the measures."""
        direct, onward = np.full((1, 1), self.direct), self.from_source[None, :]
        return np.block([[direct, onward], [self.to_target[:, None], self.across]])

    @cached_property
    def _routes(self) -> tuple[Route, Route, Route]:
        nothing = Route(0.0, 0.0)
        return (nothing, nothing, nothing) if self.plan is None else routes(self.plan, self.cost)

    @property
    def direct_route(self) -> Route:
        """Mass that goes i→j."""
        return self._routes[0]

    @property
    def hub_route(self) -> Route:
        """Mass that starts or ends at the edge's other end."""
        return self._routes[1]

    @property
    def detour_route(self) -> Route:
        """Mass that goes u→v."""
        return self._routes[2]

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The arithmetic."""
        if self.plan is None:
            return (Step("κ", "1 by definition: an end of the edge is silent on this image", DEAD),)
        return arithmetic(self._routes, self.direct, self.alpha)

    @property
    def value(self) -> float | None:
        """The work W."""
        return next((step.value for step in self.steps if step.name == "W"), None)

    @property
    def curvature(self) -> float:
        """κ, the last step."""
        return self.steps[-1].value

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as plain JSON types."""
        return {name: _plain(getattr(self, name)) for name in _TOLD}


_TOLD = (
    "connection", "layers", "source", "target", "weight", "alpha", "is_dead", "shared_by", "in_layers", "in_units",
    "in_mass", "in_count", "out_layers", "out_units", "out_mass", "out_count", "length", "direct", "to_source",
    "to_target", "from_source", "from_target", "across", "source_measure", "target_measure", "cost", "plan", "value",
    "curvature", "reduced_cost", "reduced_value", "direct_route", "hub_route", "detour_route", "steps",
)  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (Route, Step)):
        return dict(vars(value))
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value
