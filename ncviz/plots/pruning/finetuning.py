"""Loss step by step and accuracy epoch by epoch of pruned networks that are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go

from ncviz.plots.figure_frame import MUTED, framed
from ncviz.plots.palette import Theme
from ncviz.plots.pruning.styles import Style

MOST_POINTS = 150


@dataclass(frozen=True, eq=False)
class TunedCurve:
    """One criterion's fine-tuning, as far as it has come.

    Attributes:
        title: Of the criterion.
        style: How the criterion is drawn.
        loss: float64 [steps so far].
        accuracy: float64 [epochs so far + 1], the first of the pruned network before it is trained on.
    """

    title: str
    style: Style
    loss: np.ndarray
    accuracy: np.ndarray


def loss_curves(curves: Sequence[TunedCurve], steps: int, theme: Theme = "light") -> go.Figure:
    """Return the loss over the steps; where there are many, each point is the mean of some.

    Args:
        curves: One for each criterion.
        steps: How many steps there will be in all.
        theme: Which variant of the colours.
    """
    each = max(1, -(-steps // MOST_POINTS))
    figure = go.Figure()
    for curve in curves:
        ends, means = binned(curve.loss, each)
        figure.add_scatter(
            x=ends,
            y=means,
            mode="lines",
            name=escape(curve.title),
            line={"color": curve.style.colour, "dash": curve.style.dash, "width": curve.style.width},
            hovertemplate=f"{escape(curve.title)}, step %{{x}}: %{{y:.3f}}<extra></extra>",
        )
    figure.update_layout(**framed(theme, 300), showlegend=True)
    figure.update_xaxes(title_text="step", range=[0, steps], tickformat="d")
    title = "loss" if each == 1 else f"loss, mean of {each} steps"
    figure.update_yaxes(title_text=title, rangemode="tozero")
    return figure


def accuracy_curves(
    curves: Sequence[TunedCurve], epochs: int, whole: float | None, theme: Theme = "light"
) -> go.Figure:
    """Return the accuracy after each epoch, from the pruned network on, and that of the whole network as a line.

    Args:
        curves: One for each criterion.
        epochs: How many epochs there will be.
        whole: Accuracy before pruning, if it is known.
        theme: Which variant of the colours.
    """
    figure = go.Figure()
    for curve in curves:
        figure.add_scatter(
            x=np.arange(len(curve.accuracy)),
            y=curve.accuracy,
            mode="lines+markers",
            name=escape(curve.title),
            line={"color": curve.style.colour, "dash": curve.style.dash, "width": curve.style.width},
            marker={"symbol": curve.style.symbol, "size": 8},
            hovertemplate=f"{escape(curve.title)}, epoch %{{x}}: %{{y:.2%}}<extra></extra>",
        )
    if whole is not None:
        figure.add_scatter(
            x=[0, epochs],
            y=[whole, whole],
            mode="lines",
            name="whole network",
            line={"color": MUTED[theme], "dash": "dot", "width": 1.5},
            hovertemplate="whole network: %{y:.2%}<extra></extra>",
        )
    figure.update_layout(**framed(theme, 300), showlegend=True)
    figure.update_xaxes(
        title_text="epochs of fine-tuning",
        range=[-0.1, epochs + 0.1],
        tickformat="d",
        nticks=min(10, epochs + 1),
    )
    lowest = min((float(curve.accuracy.min()) for curve in curves if len(curve.accuracy)), default=0.0)
    # What comes back is often a point or two, which an axis from nothing would hide.
    floor = max(0.0, np.floor(20 * lowest - 0.5) / 20)
    figure.update_yaxes(title_text="accuracy", range=[floor, 1.0 + 0.02 * (1 - floor)], tickformat=".0%")
    return figure


def binned(values: np.ndarray, each: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the last step's number and the mean of every ``each`` values, the last group perhaps shorter."""
    starts = np.arange(0, len(values), each)
    if not len(starts):
        return np.empty(0, np.int64), np.empty(0)
    ends = np.minimum(starts + each, len(values))
    return ends, np.add.reduceat(values, starts) / (ends - starts)
