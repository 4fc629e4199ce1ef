"""Accuracy of each class as bars: of one network, and before and after pruning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from ncviz.plots.figure_frame import FONT, INK, MUTED, RIGHT, axis, buttons, paper
from ncviz.plots.palette import Theme, ramp
from ncviz.plots.pruning.styles import Style

Floats = npt.NDArray[np.float64]
HEIGHT = 280


@dataclass(frozen=True, eq=False)
class ClassRow:
    """One criterion's accuracy of each class, float64 [classes], NaN where there are no images."""

    title: str
    accuracy: Floats
    style: Style


def class_change(
    whole: Floats, rows: Sequence[ClassRow], classes: Sequence[str], theme: Theme = "light"
) -> go.Figure:
    """Draw a bar for what is left of each class's accuracy, a line at what the whole network has.

    Args:
        whole: float64 [classes], accuracy of the whole network.
        rows: One or more criteria.
        classes: Their names.
        theme: Which variant of the colours.
    """
    figure = go.Figure()
    at, every = np.arange(len(classes)), max(1, len(classes) // 25)
    for row in rows:
        figure.add_bar(
            x=at,
            y=row.accuracy,
            name=escape(row.title),
            marker={"color": row.style.colour, "opacity": 0.65},
            customdata=100 * (row.accuracy - whole),
            hovertemplate="%{y:.1%} (%{customdata:+.1f} points)<extra>" + escape(row.title) + "</extra>",
        )
    figure.add_scatter(
        x=at,
        y=whole,
        name="whole network",
        mode="markers",
        marker={"symbol": "line-ew", "size": 26, "line": {"width": 2, "color": INK[theme]}},
        hovertemplate="%{y:.1%}<extra>whole network</extra>",
    )
    layout: dict[str, Any] = {
        "height": HEIGHT,
        "margin": {"l": 44, "r": RIGHT, "t": 30, "b": 44},
        **paper(theme),
        "font": {"family": FONT, "size": 12, "color": MUTED[theme]},
        "hovermode": "x unified",
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"color": INK[theme]}},
        "xaxis": axis(
            theme,
            tickvals=at[::every],
            ticktext=[escape(name) for name in classes[::every]],
            title={"text": "class", "standoff": 4},
        ),
        "yaxis": axis(theme, showgrid=True, tickformat=".0%", range=[0, 1.05]),
        "bargap": 0.3,
        "modebar": buttons(theme),
        "dragmode": False,
    }
    figure.update_layout(layout)
    return figure


def class_accuracy(share: Floats, classes: Sequence[str], theme: Theme = "light") -> go.Figure:
    """Return a bar for each class.

    Args:
        share: float64 [classes], fraction of each class's images that is classified correctly.
        classes: Their names.
        theme: Which variant of the colour scale.
    """
    palette = ramp(theme)
    red, green, blue = palette[int(0.8 * (len(palette) - 1))]
    hover = "class %{x}: %{y:.2%}<extra></extra>"
    colour = {"color": f"rgb({red},{green},{blue})"}
    figure = go.Figure(go.Bar(x=list(classes), y=share, marker=colour, hovertemplate=hover))
    figure.update_yaxes(range=[0, 1.05], tickformat=".0%")
    figure.update_xaxes(type="category", title_text="class")
    figure.update_layout(height=260, margin={"l": 40, "r": 10, "t": 10, "b": 40}, bargap=0.25)
    return figure
