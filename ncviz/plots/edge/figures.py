"""Figures of one edge under the lens: κ over the idleness and over its weight, plan and cost as matrices."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go

from ncviz.plots.curvature_figures import compressed, kappa_ticks
from ncviz.plots.edge.flow import ROUTE_COLOURS, route_of
from ncviz.plots.palette import USUAL, Theme, colors
from ncviz.text import minus
from ncviz.values import CLOSED_FROM

# Below this, a weight is written as a power of ten.
SHORTEST = 0.001
_LINE: dict[Theme, str] = {"light": "#4a4e57", "dark": "#c5cad3"}
_SHADE: dict[Theme, str] = {"light": "rgba(107,79,187,0.12)", "dark": "rgba(167,139,250,0.18)"}
_PAGE: dict[Theme, str] = {"light": "#ffffff", "dark": "#0e1117"}
_HEIGHT = 250
_MARGIN = {"l": 48, "r": 12, "t": 28, "b": 42}
_CELL = 16


def alpha_curve(alphas: np.ndarray, kappa: np.ndarray, alpha: float, own: float, theme: Theme) -> go.Figure:
    """Return κ over the idleness, its plateau shaded, and where the slider stands.

    Args:
        alphas: float64 [m], growing.
        kappa: float64 [m].
        alpha: The slider's idleness.
        own: κ there.
        theme: Which variant of the colours.
    """
    figure = _curve(alphas, kappa, alpha, own, theme)
    figure.add_vrect(
        x0=CLOSED_FROM, x1=1, fillcolor=_SHADE[theme], line_width=0, layer="below",
        annotation_text="plateau", annotation_position="top left",
    )  # fmt: skip
    figure.update_xaxes(range=[-0.02, 1.0], title_text="idleness α", tickvals=[0, 0.25, 0.5, 0.75, 1])
    return figure


def weight_curve(
    weights: np.ndarray, kappa: np.ndarray, weight: float, own: float, trained: float, theme: Theme
) -> go.Figure:
    """Return κ over the edge's own weight on a logarithmic axis, its trained weight marked.

    Args:
        weights: float64 [m], all of one sign.
        kappa: float64 [m].
        weight: The slider's weight.
        own: κ there.
        trained: The weight that the network has.
        theme: Which variant of the colours.
    """
    figure = _curve(np.abs(weights), compressed(kappa), abs(weight), float(compressed(own)), theme, own)
    figure.update_traces(hovertemplate="%{x:.3g}: κ = %{customdata:.3f}<extra></extra>")
    figure.data[0].customdata, figure.data[1].customdata = kappa, [own]
    figure.update_yaxes(
        title_text="κ, logarithmic below −2", **kappa_ticks([-1000.0, -100.0, -10.0, -2.0, 0.0, 2.0])
    )
    figure.add_vline(x=abs(trained), line={"width": 1, "dash": "dash", "color": _LINE[theme]})
    # A label of the line itself would stand at the wrong place of a logarithmic axis.
    figure.add_annotation(
        x=np.log10(abs(trained)), y=1, yref="paper", yanchor="bottom", text="as trained", showarrow=False
    )
    sign = "−" if trained < 0 else ""
    stops = _ticks(np.abs(weights))
    are_powers = min(stops, default=1) < SHORTEST and all(np.isclose(np.log10(stops) % 1, 0))
    figure.update_xaxes(
        type="log",
        title_text="weight of this edge",
        tickvals=stops,
        ticktext=[
            minus(f"{sign}10<sup>{round(np.log10(stop))}</sup>") if are_powers else f"{sign}{stop:g}"
            for stop in stops
        ],
        tickangle=0,
    )
    return figure


def plan_matrix(plan: np.ndarray, left: Sequence[str], right: Sequence[str], theme: Theme) -> go.Figure:
    """Return the plan as a matrix coloured by route, darker where more mass goes; empty cells carry none.

    Args:
        plan: float64 [A, B], the edge's ends first.
        left: A names.
        right: B names.
        theme: Which variant of the colours.
    """
    # The root, because a few cells carry most of the mass; the edge's own cell has a scale to itself.
    rest = plan.copy()
    rest[0, 0] = 0
    shade = np.sqrt(plan / max(rest.max(), 1e-300))
    route = np.array(
        [[route_of(row, column) for column in range(plan.shape[1])] for row in range(plan.shape[0])]
    )
    figure = go.Figure()
    for name, colour in ROUTE_COLOURS[theme].items():
        z = np.where((route == name) & (plan > 1e-12), np.clip(shade, 0.12, 1), np.nan)
        figure.add_heatmap(
            z=z, x=_axis(right), y=_axis(left), zmin=0, zmax=1, colorscale=[[0, _PAGE[theme]], [1, colour]],
            showscale=False, xgap=1, ygap=1, customdata=plan, hoverongaps=False,
            hovertemplate="%{y} → %{x}<br>mass %{customdata:.4g}" + f"<br>{name}<extra></extra>",
        )  # fmt: skip
    return _matrix(figure, left, right)


def cost_matrix(cost: np.ndarray, left: Sequence[str], right: Sequence[str], theme: Theme) -> go.Figure:
    """Return the distances as a matrix, in lengths of the edge; arguments as for ``plan_matrix``."""
    ratio = cost / cost[0, 0]
    ink = "#16213a" if theme == "light" else "#f2f4f8"
    figure = go.Figure(
        go.Heatmap(
            z=ratio, x=_axis(right), y=_axis(left), colorscale=[[0, _PAGE[theme]], [1, ink]], zmin=0, xgap=1, ygap=1,
            customdata=cost, colorbar={"title": {"text": "× d(i, j)"}, "thickness": 10, "len": 0.9},
            hovertemplate="%{y} → %{x}<br>distance %{customdata:.4g}<br>%{z:.3g} × d(i, j)<extra></extra>",
        )
    )  # fmt: skip
    return _matrix(figure, left, right)


def _curve(
    x: np.ndarray, kappa: np.ndarray, at: float, own: float, theme: Theme, shade: float | None = None
) -> go.Figure:
    figure = go.Figure()
    common = {"showlegend": False, "hovertemplate": "%{x:.3g}: κ = %{y:.3f}<extra></extra>"}
    line = {"width": 2, "color": _LINE[theme]}
    figure.add_scatter(x=x, y=kappa, mode="lines", line=line, **common)
    red, green, blue = colors([own if shade is None else shade], theme, USUAL)[0].tolist()
    marker = {"size": 13, "color": f"rgb({red},{green},{blue})", "line": line}
    figure.add_scatter(x=[at], y=[own], mode="markers", marker=marker, **common)
    figure.add_hline(y=0, line={"width": 1, "dash": "dot", "color": "#888888"})
    low, high = float(min(kappa.min(), own, 0)), float(max(kappa.max(), own, 0))
    room = max(0.12 * (high - low), 0.1)
    figure.update_yaxes(title_text="κ", range=[low - room, high + 1.6 * room])
    figure.update_layout(height=_HEIGHT, margin=_MARGIN)
    return figure


def _ticks(values: np.ndarray) -> list[float]:
    """Return one, two and five times the powers of ten within a range, but no more than fit a phone."""
    low, high = float(values.min()), float(values.max())
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for digits in ((1, 2, 5), (1, 3), (1,)):
        ticks = [digit * 10.0**power for power in powers for digit in digits]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= 4:
            break
    return ticks


def _axis(names: Sequence[str]) -> list[str]:
    return [escape(name) for name in names]


def _matrix(figure: go.Figure, left: Sequence[str], right: Sequence[str]) -> go.Figure:
    figure.update_yaxes(
        autorange="reversed", type="category", automargin=True, title_text="from", showgrid=False
    )
    figure.update_xaxes(
        type="category", tickangle=-60, automargin=True, side="top", title_text="to", showgrid=False
    )
    figure.update_layout(height=150 + max(6, len(left)) * _CELL, margin={"l": 10, "r": 10, "t": 10, "b": 10})
    return figure
