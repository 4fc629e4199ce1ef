"""Weights on which curvature and magnitude disagree: κ with error bars, and what removing each alone costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go

from ncviz.plots.figure_frame import LINE, PAPER, framed
from ncviz.plots.palette import Theme, hex_ramp
from ncviz.plots.pruning.styles import line_colours
from ncviz.text import minus

HEIGHT = 470
_SIZE = 9


@dataclass(frozen=True, eq=False)
class OpposedWeights:
    """Weights that one criterion alone holds important.

    Attributes:
        title: Of the criterion.
        mean: float64 [k], κ over the draws.
        low: float64 [k], the least over the draws.
        high: float64 [k], the largest.
        change: float64 [k], change of the loss when each is removed alone.
        names: What each is called.
    """

    title: str
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    change: np.ndarray
    names: Sequence[str]


def spread_figure(groups: Sequence[OpposedWeights], words: str, theme: Theme = "light") -> go.Figure:
    """Return the change of the loss over κ, a point with an error bar for each weight.

    Args:
        groups: Those that curvature alone holds important, and those that magnitude alone does.
        words: The figure in words, for whoever cannot see it.
        theme: Which variant of the colours.
    """
    figure = go.Figure()
    colours = (hex_ramp(theme, 41)[4], line_colours(theme)["magnitude"])
    for own, colour, symbol in zip(groups, colours, ("circle", "square"), strict=True):
        bar = {"color": colour, "thickness": 1.2, "width": 3}
        told = [
            f"{escape(name)}<br>κ = {minus(f'{mean:.3f}')}, from {minus(f'{low:.3f}')} to {minus(f'{high:.3f}')}"
            for name, mean, low, high in zip(own.names, own.mean, own.low, own.high, strict=True)
        ]
        figure.add_scatter(
            x=own.mean, y=own.change, mode="markers", name=f"important by {own.title} alone", text=told,
            marker={"color": colour, "symbol": symbol, "size": _SIZE, "line": {"width": 1, "color": PAPER[theme]}},
            error_x={"type": "data", "array": own.high - own.mean, "arrayminus": own.mean - own.low, **bar},
            hovertemplate="%{text}<br>removed alone, the loss changes by %{y:.2e}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(**framed(theme, HEIGHT), meta=words)
    # The legend takes two lines on a phone, and the toolbar one above it.
    figure.update_layout(margin={"t": 80, "l": 72})
    figure.update_xaxes(title_text="κ: mean and range over the draws")
    figure.update_yaxes(
        title_text="change of the loss without it",
        exponentformat="e",
        zeroline=True,
        zerolinecolor=LINE[theme],
    )
    return figure
