"""Accuracy of each class as bars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from ncviz.plots.palette import Theme, ramp


def class_accuracy(share: np.ndarray, classes: Sequence[str], theme: Theme = "light") -> go.Figure:
    """Return a bar for each class.

    Args:
        share: float64 [classes], fraction of each class's images that is classified correctly.
        classes: Their names.
        theme: Which variant of the colour scale.
    """
    palette = ramp(theme)
    red, green, blue = palette[int(0.8 * (len(palette) - 1))]
    figure = go.Figure(
        go.Bar(
            x=list(classes),
            y=share,
            marker={"color": f"rgb({red},{green},{blue})"},
            hovertemplate="class %{x}: %{y:.2%}<extra></extra>",
        )
    )
    figure.update_yaxes(range=[0, 1.05], tickformat=".0%")
    figure.update_xaxes(type="category", title_text="class")
    figure.update_layout(height=260, margin={"l": 40, "r": 10, "t": 10, "b": 40}, bargap=0.25)
    return figure
