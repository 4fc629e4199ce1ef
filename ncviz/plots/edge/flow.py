"""The optimal plan of one edge as bands: from where the mass lies, on the left, to where it has to go, on the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from ncviz.plots.figure_frame import INK
from ncviz.plots.palette import Theme
from ncviz.text import shorten

# Red and blue mean curvature; slate, teal and amber differ in lightness too, for eyes without red–green vision.
ROUTES = ("direct", "hub", "detour")
ROUTE_COLOURS: dict[Theme, dict[str, str]] = {
    "light": {"direct": "#a9b0ba", "hub": "#0b6e69", "detour": "#e0a12b"},
    "dark": {"direct": "#565e6b", "hub": "#37c6bb", "detour": "#f2b84b"},
}
ROUTE_TITLES = {
    "direct": "along the edge, i → j",
    "hub": "by one end of the edge, i → v or u → j",
    "detour": "past the edge, u → v",
}
ROUTE_KEYS = {"direct": "direct i → j", "hub": "hub i → v, u → j", "detour": "detour u → v"}
_BAR = 0.035
_CURVE = 24
_GAP = 15.0  # pixels between two bars, so that their labels fit
_LEAST = 1e-12
_LETTERS = 15
_LEGEND = 34


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
        # One other takes as much room as its name.
        chosen = heaviest if len(heaviest) <= most + 1 else heaviest[:most]
        rest = heaviest[len(chosen) :]
        order = np.concatenate([[0], chosen + 1])
        mass, work = (_gathered(part, axis, order, rest + 1) for part in (mass, work))
        names.append((*(own[at] for at in order.tolist()), *([f"{len(rest):,} others"] if len(rest) else [])))
    return Bands(names[0], names[1], mass, work)


def plan_picture(drawn: Bands, theme: Theme = "light", height: int = 440) -> go.Figure:
    """Return the plan as bands from left to right, as thick as the mass that they carry.

    Where more mass goes along the edge than everywhere else together, that one band is drawn shorter, and says so.

    Args:
        drawn: The plan, see ``bands``.
        theme: Which variant of the colours.
        height: In pixels.
    """
    thick, is_short = _thickness(drawn.mass)
    rows, columns = thick.shape
    gaps = max(rows, columns) - 1
    scale = (height - 60 - _GAP * gaps) / max(thick.sum(), _LEAST)
    total = thick.sum() * scale + _GAP * gaps
    left, right = (_stacked(thick.sum(axis=axis) * scale, total) for axis in (1, 0))
    colours = ROUTE_COLOURS[theme]
    traces: list[dict[str, Any]] = []
    seen: set[str] = set()
    at_left, at_right = left.copy(), right.copy()
    for row, column in np.argwhere(drawn.mass > _LEAST).tolist():
        size, route = thick[row, column] * scale, route_of(row, column)
        band = _band(drawn, row, column, at_left[row], at_right[column], size, colours[route])
        traces.append({**band, "showlegend": route not in seen})
        seen.add(route)
        at_left[row] -= size
        at_right[column] -= size
    bars, labels = _ends(drawn.left, left, thick.sum(axis=1) * scale, drawn.mass.sum(axis=1), 0.0, theme)
    more = _ends(drawn.right, right, thick.sum(axis=0) * scale, drawn.mass.sum(axis=0), 1.0, theme)
    labels = [*labels, *more[1]]
    if is_short:
        labels.append(
            {
                "x": 0.5, "y": (left[0] + right[0]) / 2 - thick[0, 0] * scale / 2, "showarrow": False,
                "text": f"{drawn.mass[0, 0]:.3g} of the mass,<br>drawn thinner",
                "font": {"color": "#ffffff", "size": 12}, "bgcolor": "rgba(0,0,0,0.45)", "borderpad": 3,
            }
        )  # fmt: skip
    layout = {
        "height": height + _LEGEND,
        "margin": {"l": 118, "r": 118, "t": 8, "b": 8 + _LEGEND},
        "plot_bgcolor": "rgba(0,0,0,0)",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "hovermode": "closest",
        "xaxis": {"visible": False, "range": [-0.005, 1.005], "fixedrange": True},
        "yaxis": {"visible": False, "range": [-6, total + 6], "fixedrange": True},
        "legend": {
            "orientation": "h", "x": 0.5, "xanchor": "center", "y": -0.02, "yanchor": "top",
            "itemclick": False, "itemdoubleclick": False,
        },
        "shapes": [*bars, *more[0]],
        "annotations": labels,
    }  # fmt: skip
    # All at once: plotly checks everything that is there whenever something is added.
    return go.Figure({"data": traces, "layout": layout})


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


def _thickness(mass: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return how thick each band is, and whether the edge's own is drawn thinner than it is."""
    thick, rest = mass.copy(), mass.sum() - mass[0, 0]
    is_short = bool(rest > _LEAST and mass[0, 0] > rest)
    if is_short:
        thick[0, 0] = rest
    return thick, is_short


def _stacked(sizes: np.ndarray, total: float) -> np.ndarray:
    """Return the upper end of each bar, from the top down, spread over the whole height."""
    gap = (total - sizes.sum()) / max(1, len(sizes) - 1)
    return total - np.concatenate([[0.0], np.cumsum(sizes[:-1] + gap)])


def _band(
    drawn: Bands, row: int, column: int, top: float, end: float, size: float, colour: str
) -> dict[str, Any]:
    share = np.linspace(0, 1, _CURVE)
    x = _BAR + (1 - 2 * _BAR) * share
    # Level at both ends, as rivers are drawn.
    upper = top + (end - top) * share**2 * (3 - 2 * share)
    lower = upper - max(size, 0.6)
    mass, work = drawn.mass[row, column], drawn.work[row, column]
    route = route_of(row, column)
    return {
        "type": "scatter", "x": np.concatenate([x, x[::-1]]), "y": np.concatenate([upper, lower[::-1]]),
        "mode": "lines", "line": {"width": 0, "color": colour},
        "fill": "toself", "fillcolor": colour, "opacity": 0.8, "hoveron": "fills", "hoverinfo": "text",
        "text": f"{escape(drawn.left[row])} → {escape(drawn.right[column])}<br>mass ≈ {mass:.4g}, "
        f"distance ≈ {work / mass:.4g}<br>work ≈ {work:.4g}",
        "name": ROUTE_KEYS[route], "legendgroup": route,
    }  # fmt: skip


def _ends(
    names: Sequence[str], tops: np.ndarray, sizes: np.ndarray, masses: np.ndarray, x: float, theme: Theme
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the bars of one side as shapes, and what stands beside them."""
    bars, labels = [], []
    for at, (name, top, size) in enumerate(zip(names, tops.tolist(), sizes.tolist(), strict=True)):
        across = {"x0": 0.0, "x1": _BAR} if x == 0 else {"x0": x - _BAR, "x1": x}
        ends = {**across, "y0": top - max(size, 1.2), "y1": top}
        bars.append({"type": "rect", **ends, "fillcolor": INK[theme], "line": {"width": 0}})
        short = shorten(name, _LETTERS)
        words = f"<b>{escape(short)}</b>" if at == 0 else escape(short)
        beside = {"xanchor": "right", "xshift": -5} if x == 0 else {"xanchor": "left", "xshift": 5}
        place = {"x": x, "y": top - size / 2, **beside, "showarrow": False}
        labels.append(
            {"text": f"{words} {masses[at]:.2g}", **place, "font": {"size": 12, "color": INK[theme]}}
        )
    return bars, labels
