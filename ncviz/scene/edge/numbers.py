"""The arithmetic of one edge in numbers that add up, and its problem as tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ncviz.plots.edge.flow import ROUTE_COLOURS, ROUTE_TITLES, ROUTES, route_of
from ncviz.plots.palette import Theme
from ncviz.scene.edge.text import decimals_for
from ncviz.text import number

if TYPE_CHECKING:
    from ncviz.explain import Route
    from ncviz.tasks import EdgeExplanation

DIGITS, MOST_DIGITS = 6, 11
MASS_DECIMALS, RATIO_DECIMALS = 6, 6
_STYLE = (
    "<style>.ncviz-sum{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.92rem}"
    ".ncviz-sum td,.ncviz-sum th{padding:.28rem .4rem;text-align:right;font-weight:400;"
    "border-bottom:1px solid rgba(128,128,128,.25)}"
    ".ncviz-sum td:first-child,.ncviz-sum th:first-child{text-align:left}"
    ".ncviz-sum i{display:inline-block;width:.75em;height:.75em;border-radius:2px;margin-right:.45em}"
    ".ncviz-sum tr:last-child td{border-bottom:0;font-weight:600}</style>"
)


def shown_sum(parts: Sequence[float], decimals: int) -> tuple[list[str], str]:
    """Return numbers and their sum, rounded so that what is shown adds up; the largest takes the rounding."""
    unit = 10**decimals
    whole = [round(part * unit) for part in parts]
    total = round(math.fsum(parts) * unit)
    largest = max(range(len(parts)), key=lambda at: abs(parts[at]))
    whole[largest] += total - sum(whole)
    return [_decimal(each, decimals) for each in whole], _decimal(total, decimals)


def _decimal(whole: int, decimals: int) -> str:
    sign, digits = "−" if whole < 0 else "", f"{abs(whole):0{decimals + 1}d}"
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else sign + digits


def arithmetic(found: EdgeExplanation, theme: Theme) -> str:
    """Return how W comes about, as an HTML table whose columns add up and whose factors give their product."""
    routes = dict(zip(ROUTES, _routes(found), strict=True))
    masses, all_mass = shown_sum([route.mass for route in routes.values()], _mass_decimals(found))
    decimals = _decimals(found)
    works, value = shown_sum([route.work for route in routes.values()], decimals)
    rows = []
    for (name, route), mass, work in zip(routes.items(), masses, works, strict=True):
        mean = _factor(float(mass), float(work), decimals, route.work / route.mass) if float(mass) else "–"
        if name == "direct" and _shown(float(mass) * _shown(found.direct, decimals), decimals) == float(work):
            mean = f"{found.direct:.{decimals}f}" if float(mass) else "–"
        chip = f'<i style="background:{ROUTE_COLOURS[theme][name]}"></i>'
        title = escape(f"{name}: {ROUTE_TITLES[name]}")
        rows.append(f"<tr><td>{chip}{title}</td><td>{mass}</td><td>{mean}</td><td>{work}</td></tr>")
    head = "<tr><th>route</th><th>mass</th><th>mean distance</th><th>work</th></tr>"
    foot = f"<tr><td>W, all of it</td><td>{all_mass}</td><td></td><td>{value}</td></tr>"
    return (
        f'{_STYLE}<table class="ncviz-sum"><thead>{head}</thead><tbody>{"".join(rows)}{foot}</tbody></table>'
    )


def _factor(mass: float, work: float, decimals: int, true: float) -> str:
    """Return the mean distance with as few digits, but at least four, as give the work that is shown."""
    half = 0.49 * 10.0**-decimals
    low, high = (work - half) / mass, (work + half) / mass
    nearest = min(max(true, low), high)
    start = decimals_for(nearest, 4)
    texts = (f"{nearest:.{places}f}" for places in range(start, start + MOST_DIGITS))
    return next((text for text in texts if low <= float(text) <= high), f"{nearest:.{decimals}f}")


def _decimals(found: EdgeExplanation) -> int:
    """Return how many decimals lengths and work are shown with: so many that κ comes out of them as it is shown."""
    if found.value is None:
        return 0
    least = min(found.direct, found.value or found.direct)
    works = [route.work for route in _routes(found)]
    for digits in range(DIGITS, MOST_DIGITS):
        decimals = decimals_for(least, digits)
        value, direct = (_shown(length, decimals) for length in (found.value, found.direct))
        kappas = [(1 - _shown(value / direct, RATIO_DECIMALS)) / (1 - found.alpha)]
        if found.reduced_value is not None:
            kappas.append(1 - _shown(found.reduced_value, decimals) / direct)
        is_product = _shown(found.direct_route.mass * direct, decimals) == _shown(works[0], decimals)
        if (
            is_product
            and _adds_up(works, decimals)
            and all(number(kappa) == number(found.curvature) for kappa in kappas)
        ):
            break
    return decimals


def _mass_decimals(found: EdgeExplanation) -> int:
    """Return how many decimals masses are shown with: so many that the direct one times d is its work as shown."""
    decimals = _decimals(found)
    direct, work = _shown(found.direct, decimals), _shown(found.direct_route.work, decimals)
    masses = [route.mass for route in _routes(found)]
    for places in range(MASS_DECIMALS, MOST_DIGITS):
        is_product = _shown(_shown(masses[0], places) * direct, decimals) == work
        if is_product and _adds_up(masses, places):
            return places
    return MASS_DECIMALS


def _routes(found: EdgeExplanation) -> tuple[Route, Route, Route]:
    return found.direct_route, found.hub_route, found.detour_route


def _adds_up(parts: Sequence[float], decimals: int) -> bool:
    """Whether numbers add up as they are shown without one of them taking the rounding."""
    unit = 10**decimals
    return sum(round(part * unit) for part in parts) == round(math.fsum(parts) * unit)


def _shown(value: float, decimals: int) -> float:
    return float(f"{value:.{decimals}f}")


def formula(found: EdgeExplanation) -> list[str]:
    """Return the last steps, from W to κ, as lines of plain text; each follows from the numbers as they are shown."""
    if found.value is None:
        return []
    decimals = _decimals(found)
    value, direct = f"{found.value:.{decimals}f}", f"{found.direct:.{decimals}f}"
    ratio = f"{float(value) / float(direct):.{RATIO_DECIMALS}f}"
    shorter = []
    if found.direct < found.length:
        whole = f"{found.length:.{decimals_for(found.length, DIGITS)}f}"
        shorter = [f"d(i, j) = {direct}: a way past the edge is shorter than its own 1/|w| = {whole}"]
    lines = [
        *shorter,
        f"W / d = {value} / {direct} = {ratio}",
        f"κ = (1 − {ratio}) / (1 − {found.alpha:g})\n  = {number(found.curvature)}",
    ]
    if found.reduced_value is not None:
        way = "+" if found.reduced_value < 0 else "−"
        lines.append(
            "From α = 0.5 on, α drops out:\n"
            f"κ = 1 {way} {abs(found.reduced_value):.{decimals}f} / {direct}\n"
            f"  = {number(1 - found.reduced_value / found.direct)}"
        )
    return lines


def neighbours(found: EdgeExplanation, names: Sequence[str], *, is_in: bool) -> pd.DataFrame:
    """Return the neighbours of one end with mass and distances, the heaviest first.

    Args:
        found: The edge.
        names: Names of the plan's rows or columns.
        is_in: Whether the in-neighbours of i are asked for, or the out-neighbours of j.
    """
    frame = pd.DataFrame(
        {"unit": names[1:], "mass p": found.in_mass, "to i": found.to_source, "to j": found.to_target}
        if is_in
        else {
            "unit": names[1:],
            "mass q": found.out_mass,
            "from j": found.from_target,
            "from i": found.from_source,
        }
    )
    return frame.sort_values(frame.columns[1], ascending=False, kind="stable", ignore_index=True)


def pairs(found: EdgeExplanation, left: Sequence[str], right: Sequence[str]) -> pd.DataFrame:
    """Return every pair of the problem as a row: where from, where to, distance, mass that goes, and by which route."""
    rows, columns = found.cost.shape
    at, to = (part.reshape(-1) for part in np.indices((rows, columns)))
    plan = found.plan if found.plan is not None else np.zeros(found.cost.shape)
    return pd.DataFrame(
        {
            "from": np.asarray(left, dtype=object)[at],
            "mass at start": found.source_measure[at],
            "to": np.asarray(right, dtype=object)[to],
            "mass at end": found.target_measure[to],
            "distance": found.cost.reshape(-1),
            "mass moved": plan.reshape(-1),
            "route": [route_of(row, column) for row, column in zip(at.tolist(), to.tolist(), strict=True)],
        }
    )
