"""How much each layer alone can lose: a table of points of accuracy lost, with a line where a budget ends."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from ncviz.plots.figure_frame import FONT, INK, MUTED, WIDTH, axis, paper
from ncviz.plots.palette import Theme
from ncviz.plots.pruning.styles import amounts
from ncviz.text import minus, percent

Floats = npt.NDArray[np.float64]

# Pixels of a row: of a few layers, and of many.
_ROW, _LOW_ROW, _FEW = 30, 18, 16
_ABOVE, _BELOW, _LETTER, _NARROW = 30, 46, 6.6, 620
# Points lost at which the colour is full: what comes after is as bad.
_FULL = 20.0


def sensitivity_heatmap(
    lost: Floats,
    fractions: Floats,
    budget: Floats,
    layers: Sequence[str],
    theme: Theme = "light",
    *,
    width: int = WIDTH,
) -> go.Figure:
    """Draw what it costs when one layer alone loses a fraction of its weights.

    Args:
        lost: float64 [layers, m], points of accuracy.
        fractions: float64 [m], of the layer's own weights, growing.
        budget: float64 [layers], the largest of them that each may lose; 0 for none.
        layers: Their names.
        theme: Which variant of the colours.
        width: Pixels that the figure has.
    """
    names = [layer.split(" ")[0] if width < _NARROW else layer for layer in layers]
    rows = np.arange(len(layers))
    told = [
        [
            f"{escape(layer)}<br>{percent(fraction)} of its weights removed: {minus(f'{value:.1f}')} points lost"
            for fraction, value in zip(fractions, line, strict=True)
        ]
        for layer, line in zip(layers, lost, strict=True)
    ]
    heat = go.Heatmap(z=lost, x=np.arange(len(fractions)), y=rows)
    heat.update(xgap=1, ygap=1, colorscale=amounts(theme), zmin=0.0, zmax=_FULL, showscale=False)
    heat.update(
        text=[[_short(value) for value in line] for line in lost],
        texttemplate="%{text}",
        textfont={"size": 12 if len(layers) <= _FEW else 10},
        customdata=np.array(told, dtype=object),
        hovertemplate="%{customdata}<extra></extra>",
    )
    height = len(layers) * (_ROW if len(layers) <= _FEW else _LOW_ROW)
    figure = go.Figure([heat, _ends(budget, fractions, theme)])
    figure.update_layout(
        height=_ABOVE + height + _BELOW,
        margin={"l": 16 + _LETTER * max(map(len, names), default=0), "r": 6, "t": _ABOVE, "b": _BELOW},
        **paper(theme),
        font={"family": FONT, "size": 12, "color": MUTED[theme]},
        xaxis=axis(
            theme, tickvals=list(range(len(fractions))), ticktext=[percent(value) for value in fractions],
            tickfont={"color": INK[theme]}, showline=False, ticks="", fixedrange=True, tickangle=0,
            range=[-0.5, len(fractions) - 0.5], title={"text": "of the layer’s own weights removed", "standoff": 4},
        ),
        yaxis=axis(
            theme, tickvals=rows.tolist(), ticktext=[escape(name) for name in names],
            tickfont={"color": INK[theme]}, showline=False, ticks="", fixedrange=True,
            range=[len(layers) - 0.5, -0.5],
        ),
        showlegend=False,
        dragmode=False,
        meta=_words(lost, fractions, budget, layers),
    )  # fmt: skip
    return figure


def _ends(budget: Floats, fractions: Floats, theme: Theme) -> go.Scatter:
    """Return the line right of each layer's last cell within its budget."""
    at = np.searchsorted(fractions, budget, side="right") - 0.5
    x, y = np.repeat(at, 2), np.repeat(np.arange(len(at)), 2) + np.tile([-0.5, 0.5], len(at))
    return go.Scatter(x=x, y=y, mode="lines", line={"color": INK[theme], "width": 2.5}, hoverinfo="skip")


def _words(lost: Floats, fractions: Floats, budget: Floats, layers: Sequence[str]) -> str:
    """Say for whoever cannot see it what each layer may lose."""
    parts = [
        f"{layer} may lose {percent(own)} and loses {minus(f'{line[-1]:.1f}')} points at {percent(fractions[-1])}"
        for layer, own, line in zip(layers, budget, lost, strict=True)
    ]
    return f"Points of accuracy lost, layer by layer: {'; '.join(parts)}."


def _short(value: float) -> str:
    return minus(f"{value:.0f}" if abs(value) >= 10 else f"{value:.1f}").replace("−0.0", "0.0")
