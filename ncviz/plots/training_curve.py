"""Loss and accuracy over the epochs of a training."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go


def training_curve(loss: np.ndarray, train: np.ndarray, test: np.ndarray) -> go.Figure:
    """Return loss on the left axis and both accuracies on the right one.

    Args:
        loss: float64 [epochs], mean training loss.
        train: float64 [epochs], training accuracy.
        test: float64 [epochs], test accuracy.
    """
    epochs = np.arange(1, len(loss) + 1)
    figure = go.Figure()
    figure.add_scatter(x=epochs, y=loss, name="loss", mode="lines+markers", line={"color": "#9a6a1f"})
    for values, name, colour in ((train, "training accuracy", "#7aa7d9"), (test, "test accuracy", "#2c6cbf")):
        figure.add_scatter(
            x=epochs, y=values, name=name, mode="lines+markers", yaxis="y2", line={"color": colour}
        )
    figure.update_layout(
        height=300,
        margin={"l": 50, "r": 50, "t": 30, "b": 40},
        legend={"orientation": "h", "y": 1.15},
        xaxis={"title": {"text": "epoch"}, "tickformat": "d"},
        yaxis={"title": {"text": "loss"}, "rangemode": "tozero"},
        yaxis2={"overlaying": "y", "side": "right", "tickformat": ".0%", "showgrid": False},
    )
    return figure
