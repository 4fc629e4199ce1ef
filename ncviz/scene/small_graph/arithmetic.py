"""The arithmetic of one edge in words and figures, with as many digits as it takes to add up as it stands."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from decimal import Decimal
from functools import cache
from itertools import product, starmap
from typing import TYPE_CHECKING, Any

from ncviz.scene.small_graph.workbench import moves, neural
from ncviz.text import number

if TYPE_CHECKING:
    from ncviz.ricci import EdgeTransport

FEWEST, MOST = 3, 8
MOST_TERMS = 8


@dataclass(frozen=True)
class Digits:
    """How many decimals are shown.

    Attributes:
        curvature: Of κ, with 1 − α and without.
        work: Of W, so that (1 − W/d) / (1 − α) is the κ that is shown, and 1 − W/d that without 1 − α.
        mass: Of a mass, so that the shown masses times their distances, in the sentence and in the table, are W.
    """

    curvature: int
    work: int
    mass: int


def enough_digits(found: EdgeTransport) -> Digits:
    """Return the fewest decimals with which someone who reckons with the shown numbers gets the shown results."""
    distance, stays = Decimal(_distance(found.distance)), Decimal(repr(round(found.alpha, MOST)))

    @cache
    def gives_curvature(work: int, curvature: int) -> bool:
        plain = 1 - _decimal(found.value, work) / distance
        return _is(plain, _decimal(found.curvature, curvature)) and _is(
            plain / (1 - stays), _decimal(neural(found), curvature)
        )

    @cache
    def adds_up(mass: int, work: int) -> bool:
        value = _decimal(found.value, work)
        terms = [_decimal(part, mass) * Decimal(cost) for cost, part in _by_distance(found)]
        return all(_is(sum(parts, Decimal(0)), value) for parts in (terms, _products(found, mass)))

    for digits in _ORDER:
        if gives_curvature(digits.work, digits.curvature) and adds_up(digits.mass, digits.work):
            return digits
    return _ORDER[-1]


def plan_table(found: EdgeTransport, digits: Digits) -> dict[str, list[Any]]:
    """Return the plan's parts, one a row, as they are shown."""
    parts = moves(found)
    return {
        "from": [str(source) for source, _, _, _ in parts],
        "to": [str(target) if source != target else f"{target} (stays)" for source, target, _, _ in parts],
        "mass": [float(_decimal(mass, digits.mass)) for _, _, mass, _ in parts],
        "distance": [float(_distance(cost)) for _, _, _, cost in parts],
        "mass × distance": [float(part) for part in _products(found, digits.mass)],
    }


def sentences(found: EdgeTransport, digits: Digits) -> str:
    """Return W, d and κ in numbers that add up."""
    terms = [f"{mass:.{digits.mass}f} × {cost}" for cost, mass in _by_distance(found)]
    total = " + ".join(terms[:MOST_TERMS]) + (" + …" if len(terms) > MOST_TERMS else "")
    value, kappa = number(found.value, digits.work), number(neural(found), digits.curvature)
    lines = [f"**W** = {total} = **{value}**" if terms else f"**W** = **{value}**: nothing moves"]
    ratio = f"1 − {value} / {_distance(found.distance)}"
    if found.alpha == 0:
        lines.append(f"**κ** = 1 − W/d = {ratio} = **{kappa}**")
    else:
        stays = repr(round(1 - found.alpha, MOST))
        plain = number(found.curvature, digits.curvature)
        lines.append(f"**κ** = (1 − W/d) / (1 − α) = ({ratio}) / {stays} = **{kappa}**")
        lines.append(f"Ollivier’s κ is not divided by 1 − α: {plain}")
    return "  \n".join(lines)


def _products(found: EdgeTransport, digits: int) -> list[Decimal]:
    """Return each part's shown mass times its shown distance."""
    unit = Decimal(1).scaleb(-digits)
    return [
        (_decimal(mass, digits) * Decimal(_distance(cost))).quantize(unit)
        for _, _, mass, cost in moves(found)
    ]


def _by_distance(found: EdgeTransport) -> list[tuple[str, float]]:
    """Return each distance over which mass moves as it is shown, and how much moves, the nearest first."""
    masses: dict[str, float] = {}
    for _, _, mass, cost in reversed(moves(found)):
        if cost > 0:
            masses[_distance(cost)] = masses.get(_distance(cost), 0.0) + mass
    return list(masses.items())


def _distance(value: float) -> str:
    # Sums of lengths that people typed: a few decimals are all there are.
    return f"{round(value, 6):.10g}"


def _decimal(value: float, digits: int) -> Decimal:
    return Decimal(f"{value:.{digits}f}")


def _is(exact: Decimal, shown: Decimal) -> bool:
    """Whether a number rounds to the shown one; where it lies half-way, either way."""
    exponent = shown.as_tuple().exponent
    assert isinstance(exponent, int)
    return abs(exact - shown) <= Decimal(5).scaleb(exponent - 1)


_ORDER = sorted(
    starmap(Digits, product(range(FEWEST, MOST + 1), repeat=3)),
    key=lambda digits: (max(astuple(digits)), sum(astuple(digits))),
)
