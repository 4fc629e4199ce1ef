"""Accuracy over sparsity for several criteria, each with the spread over its draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from ncviz.plots.figure_frame import (
    FONT,
    INK,
    LETTER,
    LINE,
    MUTED,
    PHONE,
    WIDTH,
    axis,
    buttons,
    note,
    paper,
    wrapped,
)
from ncviz.plots.palette import Theme
from ncviz.plots.pruning.styles import Style, pale

Floats = npt.NDArray[np.float64]

HEIGHT = 320
_LEFT, _RIGHT, _ABOVE, _BELOW, _LINE_ROOM = 52, 36, 26, 48, 16
# A name in the legend takes so many pixels beside its letters.
_LEGEND_ROOM, _LEGEND_LINE = 56, 20
_TITLES = {
    "linear": "weights removed",
    "kept": "weights kept, logarithmic: the right end is nearly everything removed",
    "removed": "weights removed, logarithmic",
}
_SHORT_TITLES = {"linear": "removed", "kept": "kept, logarithmic", "removed": "removed, logarithmic"}
_TICKS = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)


@dataclass(frozen=True, eq=False)
class Curve:
    """One criterion's curve.

    Attributes:
        title: What it is called.
        sparsity: float64 [m], growing.
        mean: float64 [m], accuracy.
        low: float64 [m], the worst draw.
        high: float64 [m], the best draw.
        draws: Number of draws; a single one has no band.
        style: How it is drawn.
        is_before: Whether this is how it was before a repair: pale and dotted, without a mark, a band or a name of its
            own in the legend.
    """

    title: str
    sparsity: Floats
    mean: Floats
    low: Floats
    high: Floats
    draws: int
    style: Style
    is_before: bool = False


def accuracy_curves(
    curves: Sequence[Curve],
    theme: Theme = "light",
    words: Sequence[str] = (),
    *,
    scale: str = "linear",
    chosen: float | None = None,
    least: float | None = None,
    least_name: str = "",
    width: int = WIDTH,
) -> go.Figure:
    """Draw accuracy over sparsity.

    Args:
        curves: The criteria.
        theme: Which variant of the colours.
        words: Sentences under the figure, part of every export.
        scale: "linear": the fraction removed. "kept": the fraction that is kept, logarithmic and falling to the right,
            which opens the high end; everything removed has no place there. "removed": the fraction removed,
            logarithmic, which opens the first percent; nothing removed has no place there.
        chosen: Sparsity at which a line stands.
        least: Accuracy at which a level stands.
        least_name: What that level is called.
        width: Pixels that the figure has.
    """
    traces: list[Any] = []
    for curve in curves:
        traces += _lines(curve, scale)
    names = sum(_LEGEND_ROOM + 7 * len(curve.title) for curve in curves if not curve.is_before)
    rows = max(1, math.ceil(names / max(width - _LEFT - _RIGHT, 1)))
    above = _ABOVE + _LEGEND_LINE * rows
    text = wrapped(" ".join(words), int((width - 12) / LETTER))
    below = _BELOW + (_LINE_ROOM * len(text) + 6 if words else 0)
    layout: dict[str, Any] = {
        "meta": " ".join(words),
        "height": above + HEIGHT + below,
        "margin": {"l": _LEFT, "r": _RIGHT, "t": above, "b": below},
        **paper(theme),
        "font": {"family": FONT, "size": 12, "color": MUTED[theme]},
        "hovermode": "x unified",
        "legend": {
            "orientation": "h", "x": 0, "y": 1 + 18 / HEIGHT, "yanchor": "bottom", "itemwidth": 36,
            "font": {"color": INK[theme], "size": 12},
        },
        "xaxis": _sparsity_axis(theme, scale, width),
        "yaxis": axis(
            theme, showgrid=True, tickformat=".0%", rangemode="tozero", range=[0, 1.02],
            title={"text": "accuracy", "standoff": 4},
        ),
        "shapes": [],
        "annotations": [],
        "modebar": buttons(theme),
        "dragmode": "zoom" if width >= PHONE else False,
    }  # fmt: skip
    if words:
        found = note("<br>".join(map(escape, text)), 0, 0, -_BELOW, top=True, shift=6 - _LEFT, size=12)
        layout["annotations"].append(found)
    if least is not None:
        layout["shapes"].append(_level(least, MUTED[theme]))
        if width >= PHONE:
            layout["annotations"].append(_level_name(least, least_name, theme))
    place = None if chosen is None else _place(chosen, scale)
    if chosen is not None and place is not None:
        layout["shapes"].append(_upright(place, INK[theme]))
        layout["annotations"].append(_upright_name(place, chosen, scale, theme))
    return go.Figure(traces, layout)


def _lines(curve: Curve, scale: str) -> list[go.Scatter]:
    x, drawn = _abscissa(curve.sparsity, scale)
    mean, low, high = curve.mean[drawn], curve.low[drawn], curve.high[drawn]
    style, group = curve.style, {"legendgroup": curve.title}
    facts = np.stack([curve.sparsity[drawn], low, high], axis=-1)
    many = curve.draws > 1
    if curve.is_before:
        return [
            go.Scatter(
                x=x, y=mean, name=escape(curve.title), mode="lines", showlegend=False, **group,
                line={"color": pale(style.colour, 0.6), "width": 1.5, "dash": "dot"},
                hovertemplate=f"%{{y:.2%}} as pruned<extra>{escape(curve.title)}</extra>",
            )
        ]  # fmt: skip
    told = "%{y:.2%}" + (" (%{customdata[1]:.2%} – %{customdata[2]:.2%})" if many else "")
    line = go.Scatter(
        x=x, y=mean, name=escape(curve.title), mode="lines+markers", customdata=facts, **group,
        line={"color": style.colour, "width": style.width, "dash": style.dash},
        marker={"symbol": style.symbol, "size": 6, "color": style.colour},
        hovertemplate=told + f"<extra>{escape(curve.title)}</extra>",
    )  # fmt: skip
    if not many:
        return [line]
    band = go.Scatter(
        x=np.concatenate([x, x[::-1]]), y=np.concatenate([high, low[::-1]]), mode="lines", line={"width": 0},
        fill="toself", fillcolor=pale(style.colour, 0.16), hoverinfo="skip", showlegend=False, **group,
    )  # fmt: skip
    return [band, line]


def _abscissa(sparsity: Floats, scale: str) -> tuple[Floats, npt.NDArray[np.bool_]]:
    values = 1 - sparsity if scale == "kept" else sparsity
    drawn = np.ones(len(values), dtype=bool) if scale == "linear" else values > 1e-12
    return values[drawn], drawn


def _place(sparsity: float, scale: str) -> float | None:
    """Return where a sparsity stands on the axis as shapes want it, None where it has no place."""
    value = 1 - sparsity if scale == "kept" else sparsity
    return value if scale == "linear" or value > 1e-12 else None


def _sparsity_axis(theme: Theme, scale: str, width: int) -> dict[str, Any]:
    title = (_TITLES if width >= PHONE else _SHORT_TITLES)[scale]
    found = axis(
        theme, showgrid=True, title={"text": title, "standoff": 6}, ticks="outside", tickcolor=LINE[theme]
    )
    if scale == "linear":
        return found | {"tickformat": ".3~%", "range": [-0.01, 1.01], "hoverformat": ".1%"}
    least = 0.0085
    ends = (
        [math.log10(1.04), math.log10(least)] if scale == "kept" else [math.log10(0.00085), math.log10(1.04)]
    )
    return found | {
        "type": "log",
        "range": ends,
        "tickvals": _TICKS,
        "ticktext": [f"{100 * tick:g}%" for tick in _TICKS],
        "hoverformat": ".1%",
    }


def _level(at: float, colour: str) -> dict[str, Any]:
    line = {"color": colour, "width": 1, "dash": "dot"}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": at, "y1": at, "line": line}


def _level_name(at: float, text: str, theme: Theme) -> dict[str, Any]:
    found = note(escape(text), 1.0, at, 0, top=True, color=MUTED[theme], size=11)
    return found | {"yref": "y", "xanchor": "right"}


def _upright(at: float, colour: str) -> dict[str, Any]:
    line = {"color": colour, "width": 1.5}
    return {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": at, "x1": at, "line": line}


def _upright_name(at: float, sparsity: float, scale: str, theme: Theme) -> dict[str, Any]:
    # Annotations on a logarithmic axis stand at the exponent, shapes at the value.
    place = at if scale == "linear" else math.log10(at)
    is_right = sparsity > 0.6 if scale != "removed" else sparsity > 0.05
    found = note(f"{100 * sparsity:.4g}% removed", place, 1.0, 1, color=INK[theme], size=12)
    return found | {"xref": "x", "xanchor": "right" if is_right else "left"}
