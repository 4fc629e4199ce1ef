"""The arithmetic of one edge: one account of its mass and of the work, and its problem as tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ncviz.plots.edge.flow import ROUTE_COLOURS, route_of
from ncviz.plots.palette import Theme
from ncviz.scene.edge.text import decimals_for, significant
from ncviz.text import minus, number

if TYPE_CHECKING:
    from ncviz.tasks import EdgeExplanation

# More only where a result could not be told from the numbers that it follows from.
DIGITS, MOST_DIGITS = 4, 11
SHARE_DECIMALS, MOST_SHARE_DECIMALS = 2, 6
_STYLE = (
    "<style>.ncviz-sum{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.92rem}"
    ".ncviz-sum td,.ncviz-sum th{padding:.28rem .4rem;text-align:right;font-weight:400;"
    "border-bottom:1px solid rgba(128,128,128,.25)}"
    ".ncviz-sum td:first-child,.ncviz-sum th:first-child{text-align:left}"
    ".ncviz-sum td[title]{cursor:help;white-space:nowrap}"
    ".ncviz-sum i{display:inline-block;width:.75em;height:.75em;border-radius:2px;margin-right:.45em}"
    ".ncviz-sum tr:last-child td{border-bottom:0;font-weight:600}</style>"
)


@dataclass(frozen=True)
class Way:
    """One of the ways that mass takes.

    Attributes:
        title: What it is called.
        route: Its name in ``ncviz.plots.edge.flow.ROUTES``.
        mass: Its share of all the mass.
        work: Sum of mass times distance.
    """

    title: str
    route: str
    mass: float
    work: float


def ways(found: EdgeExplanation) -> tuple[Way, ...]:
    """Return the four ways from the one heap to the other, whose masses are all of the mass, and whose works are W."""
    plan = found.plan
    assert plan is not None
    work = plan * found.cost
    parts = (
        ("along the edge, i → j", "direct", np.s_[:1, :1]),
        ("from i to j’s neighbours, i → v", "hub", np.s_[:1, 1:]),
        ("from i’s neighbours to j, u → j", "hub", np.s_[1:, :1]),
        ("past the edge, u → v", "detour", np.s_[1:, 1:]),
    )
    return tuple(
        Way(title, route, float(plan[at].sum()), float(work[at].sum())) for title, route, at in parts
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


def shown_shares(found: EdgeExplanation) -> list[str]:
    """Return each way's share of the mass in per cent, as they are shown everywhere: they add up to 100."""
    shares = [100 * way.mass for way in ways(found)]
    return shown_sum(shares, _enough(shares, SHARE_DECIMALS, MOST_SHARE_DECIMALS))[0]


def _enough(parts: Sequence[float], decimals: int, most: int) -> int:
    """Return with how many decimals none of some numbers is shown as nothing."""
    least = min((abs(part) for part in parts if abs(part) > 1e-12), default=1.0)
    return min(max(decimals, decimals_for(least, 1)), most)


def arithmetic(found: EdgeExplanation, theme: Theme) -> str:
    """Return where the mass goes and what that costs as an HTML table whose columns add up; exact values on hover."""
    assert found.value is not None
    own = ways(found)
    works = [way.work for way in own]
    decimals = decimals_for(found.value, DIGITS)
    shown_works, value = shown_sum(works, _enough(works, decimals, decimals + 3))
    rows = []
    for way, mass, work in zip(own, shown_shares(found), shown_works, strict=True):
        mean = way.work / way.mass if way.mass else 0.0
        cells = (
            _cell(f"{mass}%", 100 * way.mass),
            _cell(significant(mean), mean),
            _cell(work, way.work),
        )
        chip = f'<i style="background:{ROUTE_COLOURS[theme][way.route]}"></i>'
        rows.append(f"<tr><td>{chip}{escape(way.title)}</td>{''.join(cells)}</tr>")
    head = "<tr><th>way</th><th>of the mass</th><th>mean distance</th><th>work</th></tr>"
    foot = f"<tr><td>all of it</td><td>100%</td><td></td>{_cell(f'W = {value}', found.value)}</tr>"
    return (
        f'{_STYLE}<table class="ncviz-sum"><thead>{head}</thead><tbody>{"".join(rows)}{foot}</tbody></table>'
    )


def _cell(text: str, exact: float) -> str:
    return f'<td title="{minus(repr(exact))}">{text}</td>' if exact else "<td>–</td>"


def formula(found: EdgeExplanation) -> list[str]:
    """Return the last steps, from W to κ, as lines of plain text; each follows from the numbers as they are shown."""
    if found.value is None:
        return []
    for digits in range(DIGITS, MOST_DIGITS):
        lines, follows = _formula(found, digits)
        if follows:
            break
    return lines


def _formula(found: EdgeExplanation, digits: int) -> tuple[list[str], bool]:
    """Return the lines with so many digits, and whether κ follows from the numbers as they are shown with these."""
    assert found.value is not None
    direct, value, kappa = found.direct, found.value, number(found.curvature)
    saved, whole = direct - value, (1 - found.alpha) * direct
    shown_saved, shown_whole = (_rounded(each, digits) for each in (saved, whole))
    results = [shown_saved / shown_whole]
    lines = []
    if direct < found.length:
        lines.append(
            f"d(i, j) = {significant(direct, digits)}: a way past the edge is shorter than its own "
            f"1/|w| = {significant(found.length, digits)}"
        )
    lines += [
        f"d = {significant(direct, digits)},  W = {significant(value, digits)},  "
        f"d − W = {significant(saved, digits)}",
        f"κ = (d − W) / ((1 − α) · d)\n  = {significant(saved, digits)} / {significant(whole, digits)} = {kappa}",
    ]
    if found.reduced_value is not None:
        reduced, way = found.reduced_value, "+" if found.reduced_value < 0 else "−"
        results.append(1 - _rounded(reduced, digits) / _rounded(direct, digits))
        lines.append(
            "From α = ½ on, α drops out:\n"
            f"κ = 1 {way} {significant(abs(reduced), digits)} / {significant(direct, digits)} = {kappa}"
        )
    return lines, all(number(result) == kappa for result in results)


def _rounded(value: float, digits: int) -> float:
    return float(f"{value:.{digits - 1}e}")


def neighbours(found: EdgeExplanation, names: Sequence[str], *, is_in: bool) -> pd.DataFrame:
    """Return the neighbours of one end with their share of all the mass and distances, the heaviest first.

    The shares are those of the picture and of the account: together they are 1 − α, in per cent.

    Args:
        found: The edge.
        names: Names of the plan's rows or columns.
        is_in: Whether the in-neighbours of i are asked for, or the out-neighbours of j.
    """
    frame = pd.DataFrame(
        {
            "unit": names[1:],
            "% of the mass": 100 * found.source_measure[1:],
            "to i": found.to_source,
            "to j": found.to_target,
        }
        if is_in
        else {
            "unit": names[1:],
            "% of the mass": 100 * found.target_measure[1:],
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
