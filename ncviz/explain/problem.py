"""The transport problem of one edge, held so that its idleness and its own weight can be turned like knobs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np

from ncviz.config import DEFAULT_ALPHA, check_alpha
from ncviz.errors import NcvizError
from ncviz.explain.explanation import EdgeExplanation, Route, Step, arithmetic, routes
from ncviz.transport.exact import optimal_plan, optimal_value
from ncviz.values import CLOSED_FROM, DEAD

# Two ways whose lengths differ by less are equally long: the sums were only rounded differently.
_TIE = 1e-12


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
        is_dead: Whether an end is a hidden unit with activation 0.
        shared_by: On how many edges this weight stands.
        in_layers: int64 [P], layer of each in-neighbour u of i that carries mass.
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
            NcvizError: If ``alpha`` is out of range, or the weight is 0 or no finite number.
        """
        alpha, weight = check_alpha(alpha), self._weight(weight)
        direct, to_target, from_source, across = self._distances(weight)
        cost = np.block([[np.full((1, 1), direct), from_source[None, :]], [to_target[:, None], across]])
        nothing = Route(0.0, 0.0)
        found = EdgeExplanation(
            connection=self.connection,
            layers=self.layers,
            source=self.source,
            target=self.target,
            weight=weight,
            alpha=alpha,
            is_dead=self.is_dead,
            shared_by=self.shared_by,
            in_layers=self.in_layers,
            in_units=self.in_units,
            in_mass=self.in_mass,
            in_count=self.in_count,
            out_layers=self.out_layers,
            out_units=self.out_units,
            out_mass=self.out_mass,
            out_count=self.out_count,
            length=1.0 / abs(weight),
            direct=direct,
            to_source=self.to_source,
            to_target=to_target,
            from_source=from_source,
            from_target=self.from_target,
            across=across,
            source_measure=_idle(alpha, self.in_mass),
            target_measure=_idle(alpha, self.out_mass),
            cost=cost,
            plan=None,
            value=None,
            curvature=DEAD,
            reduced_cost=None,
            reduced_value=None,
            direct_route=nothing,
            hub_route=nothing,
            detour_route=nothing,
            steps=(Step("κ", "1 by definition: an end of the edge is silent on this image", DEAD),),
        )
        return found if self.is_dead else _solved(found)

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
            price = _reduced(length, to_target, from_source, across)
            return 1.0 - optimal_value(p, q, price) / length
        cost = np.block([[np.full((1, 1), length), from_source[None, :]], [to_target[:, None], across]])
        value = optimal_value(_idle(alpha, p), _idle(alpha, q), cost)
        return (1.0 - value / length) / (1.0 - alpha)

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


def _idle(alpha: float, mass: np.ndarray) -> np.ndarray:
    """Return alpha on the edge's end, then what its neighbours get; all of it on the end if there are none."""
    return np.concatenate([[alpha], (1 - alpha) * mass]) if len(mass) else np.ones(1)


def _reduced(length: float, to_target: np.ndarray, from_source: np.ndarray, across: np.ndarray) -> np.ndarray:
    return np.minimum(across, to_target[:, None] + from_source[None, :] - length)


def _solved(asked: EdgeExplanation) -> EdgeExplanation:
    alpha, length, cost = asked.alpha, asked.direct, asked.cost
    p, q = asked.in_mass, asked.out_mass
    reduced_cost = reduced_value = None
    if alpha >= CLOSED_FROM and len(p) and len(q):
        reduced_cost = _reduced(length, asked.to_target, asked.from_source, asked.across)
        joined = optimal_plan(p, q, reduced_cost)
        reduced_value = float((joined * reduced_cost).sum())
        plan = _lifted(joined, _is_hub(cost), alpha)
    else:
        plan = _by_the_ends(optimal_plan(asked.source_measure, asked.target_measure, cost), _is_hub(cost))
    parts = routes(plan, cost)
    steps = arithmetic(parts, length, alpha)
    numbers = {step.name: step.value for step in steps}
    return replace(
        asked, plan=plan, value=numbers["W"], curvature=numbers["κ"], reduced_cost=reduced_cost,
        reduced_value=reduced_value, direct_route=parts[0], hub_route=parts[1], detour_route=parts[2], steps=steps,
    )  # fmt: skip


def _is_hub(cost: np.ndarray) -> np.ndarray:
    """For each u and v, whether u→j and i→v in place of u→v and i→j is no longer: bool [P, Q]."""
    by_the_ends = cost[1:, :1] + cost[:1, 1:] - cost[0, 0]
    return by_the_ends <= cost[1:, 1:] + _TIE * np.abs(cost[1:, 1:])


def _lifted(joined: np.ndarray, is_hub: np.ndarray, alpha: float) -> np.ndarray:
    """Return the whole problem's optimal plan from the reduced one's, for an idleness of 1/2 or more.

    What pairs u with v by the edge's ends ends at j and starts at i; so much less stays for i→j itself.
    """
    hub, past = np.where(is_hub, joined, 0.0), np.where(is_hub, 0.0, joined)
    plan = np.empty((joined.shape[0] + 1, joined.shape[1] + 1))
    plan[1:, 1:] = (1 - alpha) * past
    plan[1:, 0] = (1 - alpha) * hub.sum(axis=1)
    plan[0, 1:] = (1 - alpha) * hub.sum(axis=0)
    plan[0, 0] = max(0.0, alpha - (1 - alpha) * hub.sum())
    return plan


def _by_the_ends(plan: np.ndarray, is_hub: np.ndarray) -> np.ndarray:
    """Return an equally good plan that goes by the edge's ends as long as there is mass on i→j to swap with."""
    plan = plan.copy()
    for u, v in np.argwhere((plan[1:, 1:] > 0) & is_hub) + 1:
        moved = min(plan[u, v], plan[0, 0])
        plan[u, v] -= moved
        plan[0, 0] -= moved
        plan[u, 0] += moved
        plan[0, v] += moved
    return plan
