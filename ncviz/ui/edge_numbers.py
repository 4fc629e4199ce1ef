"""The arithmetic of one edge in numbers that add up, and its problem as tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ncviz.plots.edge_flow import ROUTE_COLOURS, ROUTE_TITLES, ROUTES, route_of
from ncviz.plots.palette import Theme
from ncviz.ui.edge_text import signed

if TYPE_CHECKING:
    from ncviz.explain import EdgeExplanation

DIGITS = 6
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
    return [_decimal(number, decimals) for number in whole], _decimal(total, decimals)


def _decimal(whole: int, decimals: int) -> str:
    sign, digits = "−" if whole < 0 else "", f"{abs(whole):0{decimals + 1}d}"
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else sign + digits


def decimals_for(value: float, digits: int = DIGITS) -> int:
    """Return how many decimals show a number with so many digits."""
    return max(0, digits - 1 - math.floor(math.log10(abs(value)))) if value else digits


def arithmetic(found: EdgeExplanation, theme: Theme) -> str:
    """Return how W comes about, as an HTML table whose columns add up."""
    routes = dict(zip(ROUTES, (found.direct_route, found.hub_route, found.detour_route), strict=True))
    masses, all_mass = shown_sum([route.mass for route in routes.values()], 5)
    works, value = shown_sum([route.work for route in routes.values()], _decimals(found))
    rows = []
    for (name, route), mass, work in zip(routes.items(), masses, works, strict=True):
        mean = f"{route.work / route.mass:.4g}" if route.mass > 0 else "–"
        chip = f'<i style="background:{ROUTE_COLOURS[theme][name]}"></i>'
        title = escape(f"{name}: {ROUTE_TITLES[name]}")
        rows.append(f"<tr><td>{chip}{title}</td><td>{mass}</td><td>{mean}</td><td>{work}</td></tr>")
    head = "<tr><th>route</th><th>mass</th><th>mean distance</th><th>work</th></tr>"
    foot = f"<tr><td>W, all of it</td><td>{all_mass}</td><td></td><td>{value}</td></tr>"
    return (
        f'{_STYLE}<table class="ncviz-sum"><thead>{head}</thead><tbody>{"".join(rows)}{foot}</tbody></table>'
    )


def _decimals(found: EdgeExplanation) -> int:
    """Return how many decimals lengths and work are shown with, so that κ can be worked out of them."""
    return decimals_for(min(found.direct, found.value or found.direct))


def formula(found: EdgeExplanation) -> list[str]:
    """Return the last steps, from W to κ, as lines of plain text."""
    if found.value is None:
        return []
    decimals = _decimals(found)
    ratio = found.value / found.direct
    lines = [
        f"W / d = {found.value:.{decimals}f} / {found.direct:.{decimals}f} = {ratio:.6f}",
        f"κ = (1 − {ratio:.6f}) / (1 − {found.alpha:g})\n  = {signed(found.curvature)}",
    ]
    if found.reduced_value is not None:
        lines.append(
            "From α = 0.5 on, α drops out:\n"
            f"κ = 1 − {found.reduced_value:.{decimals}f} / {found.direct:.{decimals}f}\n"
            f"  = {signed(1 - found.reduced_value / found.direct)}"
        )
    return lines


def neighbours(found: EdgeExplanation, names: Sequence[str], *, is_in: bool) -> pd.DataFrame:
    """Return the neighbours of one end with mass and distances, the heaviest first.

    Args:
        found: The edge.
        names: Names of the plan's rows or columns.
        is_in: Whether the in-neighbours of i are asked for, or the out-neighbours of j.
    """
    if is_in:
        table = {"unit": names[1:], "mass p": found.in_mass, "to i": found.to_source, "to j": found.to_target}
    else:
        table = {
            "unit": names[1:],
            "mass q": found.out_mass,
            "from j": found.from_target,
            "from i": found.from_source,
        }
    frame = pd.DataFrame(table)
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
