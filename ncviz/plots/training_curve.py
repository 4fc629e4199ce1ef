"""Loss and accuracy over the epochs of a training."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

# Both axes begin at 0 and have as many steps, so that one grid serves both, up to an accuracy of 1.
_STEPS = 4
_ROUND = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
_AIR = 1.04  # above the highest step, so that no point is cut


def training_curve(loss: np.ndarray, train: np.ndarray, test: np.ndarray) -> go.Figure:
    """Return loss on the left axis and both accuracies on the right one.

    Args:
        loss: float64 [epochs], mean training loss.
        train: float64 [epochs], training accuracy.
        test: float64 [epochs], test accuracy.
    """
    epochs, step = np.arange(1, len(loss) + 1), _round_up(float(np.nanmax(loss, initial=0.0)) / _STEPS)
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
        yaxis={
            "title": {"text": "loss"},
            "range": [0, _STEPS * step * _AIR],
            "tickmode": "linear",
            "dtick": step,
        },
        yaxis2={
            "overlaying": "y",
            "side": "right",
            "range": [0, _AIR],
            "tickmode": "linear",
            "dtick": 1 / _STEPS,
            "tickformat": ".0%",
            "showgrid": False,
        },
    )
    return figure


def _round_up(value: float) -> float:
    """Return the least round number that is no less, such as 0.6 for 0.575; 1 for nothing."""
    if value <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(power * each for each in _ROUND if power * each >= value * (1 - 1e-9)))
