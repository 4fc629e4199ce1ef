"""Accuracy over sparsity on disturbed images and on the images as they are; classes before and after a repair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go

from ncviz.plots.figure_frame import MUTED, framed
from ncviz.plots.palette import Theme
from ncviz.plots.pruning.styles import Style

_BEFORE: dict[Theme, str] = {"light": "#c3c8d1", "dark": "#565d69"}
_CHOSEN: dict[Theme, str] = {"light": "#b8620a", "dark": "#f0a04b"}
_OTHER: dict[Theme, str] = {"light": "#00806a", "dark": "#3fc7a8"}


@dataclass(frozen=True, eq=False)
class RobustnessCurve:
    """One criterion's curve; points that are NaN are left out.

    Attributes:
        title: Of the criterion.
        style: How the criterion is drawn; its dash gives way to what the images are.
        sparsity: float64 [m], fraction of the weights removed.
        clean: float64 [m], accuracy on the images as they are.
        under: float64 [m], accuracy on the disturbed ones.
    """

    title: str
    style: Style
    sparsity: np.ndarray
    clean: np.ndarray
    under: np.ndarray


def robustness_curves(
    curves: Sequence[RobustnessCurve],
    under: str,
    theme: Theme = "light",
    *,
    marked: float | None = None,
    is_log: bool = False,
    word: str = "accuracy",
) -> go.Figure:
    """Return accuracy over sparsity: solid on disturbed images, dotted on the same images as they are.

    Args:
        curves: One for each criterion.
        under: What is done to the images, in a word or two, for the legend.
        theme: Which variant of the colours.
        marked: Fraction removed at which a vertical line stands.
        is_log: Whether the axis is logarithmic; nothing removed has no place on it then.
        word: What the share of right answers is called.
    """
    figure = go.Figure()
    for curve in curves:
        kept = ~np.isnan(curve.under) & ((curve.sparsity > 0) | (not is_log))
        title = escape(curve.title)
        for values, dash, what in ((curve.clean, "dot", "as they are"), (curve.under, "solid", under)):
            is_under = dash == "solid"
            width = curve.style.width if is_under else 1.3
            figure.add_scatter(
                x=curve.sparsity[kept], y=values[kept], mode="lines+markers" if is_under else "lines",
                name=title, legendgroup=title, showlegend=is_under,
                line={"color": curve.style.colour, "dash": dash, "width": width},
                marker={"symbol": curve.style.symbol, "size": 7},
                hovertemplate=f"{title}, {what}: %{{y:.1%}} at %{{x:.3~%}} removed<extra></extra>",
            )  # fmt: skip
    for dash, what in (("solid", under), ("dot", "as they are")):
        line = {"color": MUTED[theme], "dash": dash}
        figure.add_scatter(x=[None], y=[None], mode="lines", name=what, line=line, hoverinfo="skip")
    if marked is not None and (marked > 0 or not is_log):
        figure.add_vline(marked, line={"color": MUTED[theme], "width": 1, "dash": "dash"})
    figure.update_layout(**framed(theme, 380))
    figure.update_xaxes(
        title_text="fraction of the weights removed" + (" (logarithmic)" if is_log else ""),
        tickformat=".3~%",
        type="log" if is_log else "linear",
    )
    figure.update_yaxes(title_text=word, range=[0, 1.02], tickformat=".0%")
    return figure


def class_bars(
    before: np.ndarray,
    after: np.ndarray,
    classes: Sequence[str],
    chosen: int,
    theme: Theme = "light",
    *,
    word: str = "accuracy",
) -> go.Figure:
    """Return two bars for each class, before and after; the chosen class has a colour of its own.

    Args:
        before: float64 [classes], accuracy on each class's images.
        after: float64 [classes].
        classes: Their names.
        chosen: The class that was repaired.
        theme: Which variant of the colours.
        word: What the share of right answers is called.
    """
    own = np.arange(len(classes)) == chosen
    parts = (
        (before, "before", _BEFORE[theme], "before"),
        (np.where(own, after, np.nan), f"after, class {escape(classes[chosen])}", _CHOSEN[theme], "after"),
        (np.where(own, np.nan, after), "after, other classes", _OTHER[theme], "after"),
    )
    figure = go.Figure()
    for values, name, fill, place in parts:
        figure.add_bar(
            x=[escape(title) for title in classes],
            y=values,
            name=name,
            offsetgroup=place,
            marker={"color": fill},
            hovertemplate=f"class %{{x}}, {place}: %{{y:.1%}}<extra></extra>",
        )
    figure.update_layout(**framed(theme, 300), bargap=0.3, bargroupgap=0.05)
    figure.update_xaxes(type="category", title_text="class", showgrid=False)
    figure.update_yaxes(title_text=word, range=[0, 1.05], tickformat=".0%")
    return figure
