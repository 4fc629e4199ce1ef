"""Figures of the Curvature page: distributions per layer, and class by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from ncviz.plots.palette import HIGH, Theme, colors, ramp, scale_of
from ncviz.text import powers
from ncviz.values import NEVER_ACTIVE

HISTOGRAM_BINS = 48
# From here down the axis of κ is logarithmic: a few weights of a large network lie hundreds below 0.
KNEE, DECADE = -2.0, 1.5
_TICKS = (-1000.0, -100.0, -10.0, -2.0, -1.0, 0.0, 1.0, 2.0)
_FAR_TICKS = (-1e12, -1e9, -1e6, -1000.0, -10.0, 0.0, 2.0)


def histograms(
    curvature: Mapping[str, np.ndarray], names: Sequence[str], theme: Theme = "light"
) -> go.Figure:
    """Return one histogram of κ for each layer, coloured like the network's edges.

    Args:
        curvature: κ of each weight tensor, in the network's order; 2 where a weight was never active, NaN where it was
            not measured. Layers that were not measured at all are left out.
        names: A title for each.
        theme: Which variant of the colour scale.
    """
    from plotly.subplots import make_subplots

    known = [
        (name, each) for name, each in zip(names, curvature.values(), strict=True) if not np.isnan(each).all()
    ]
    parts = [values[values < NEVER_ACTIVE] for _, values in known]
    low = min((float(part.min()) for part in parts if part.size), default=KNEE)
    edges = np.linspace(float(compressed(min(low, KNEE))), HIGH, HISTOGRAM_BINS + 1)
    centres = (edges[1:] + edges[:-1]) / 2
    kappa = expanded(centres)
    colours = [f"rgb({r},{g},{b})" for r, g, b in colors(kappa, theme, scale_of(parts))]
    figure = make_subplots(
        rows=len(parts),
        cols=1,
        shared_xaxes=True,
        subplot_titles=[name for name, _ in known],
        vertical_spacing=min(0.08, 0.32 / max(1, len(parts))),
    )
    for row, part in enumerate(parts, start=1):
        # In single precision the lowest value may lie a hair below the first edge.
        count, _ = np.histogram(np.maximum(compressed(part), edges[0]), bins=edges)
        share = count / max(1, count.sum())
        figure.add_bar(
            x=centres, y=share, marker={"color": colours, "line": {"width": 0}}, showlegend=False, row=row, col=1,
            customdata=np.stack([count, kappa], axis=-1),
            hovertemplate="κ ≈ %{customdata[1]:.2f}<br>%{customdata[0]:,} weights (%{y:.1%})<extra></extra>",
        )  # fmt: skip
        figure.update_yaxes(tickformat=".0%", nticks=3, row=row, col=1)
    figure.add_vline(x=0, line={"width": 1, "dash": "dot", "color": "#888888"})
    figure.update_xaxes(title_text="neural curvature κ, logarithmic below −2", row=len(parts), col=1)
    figure.update_xaxes(**kappa_ticks(_TICKS if low > 10 * _TICKS[0] else _FAR_TICKS))
    figure.update_layout(
        bargap=0.05, height=130 * len(parts) + 80, margin={"l": 50, "r": 20, "t": 30, "b": 45}
    )
    figure.update_annotations(font_size=13, xanchor="left", x=0)
    return figure


def compressed(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return places on the axis of κ: κ itself down to the knee, below it a decade takes 1.5."""
    kappa = np.asarray(values, dtype=np.float64)
    return np.where(kappa < KNEE, KNEE - DECADE * np.log10(np.minimum(kappa, KNEE) / KNEE), kappa)


def expanded(places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the κ at these places, the reverse of ``compressed``."""
    return np.where(places < KNEE, KNEE * 10 ** ((KNEE - np.minimum(places, KNEE)) / DECADE), places)


def kappa_ticks(kappa: Sequence[float]) -> dict[str, Any]:
    """Return ticks at these κ on its axis."""
    return {"tickvals": compressed(kappa), "ticktext": [powers(each) for each in kappa]}


def class_shares(
    samples: Mapping[str, np.ndarray],
    labels: np.ndarray,
    classes: Sequence[str],
    names: Sequence[str],
    theme: Theme,
) -> go.Figure:
    """Return, class by class and layer by layer, which share of the active weights are bottlenecks.

    Args:
        samples: For each weight tensor κ on each sample [n, …], NaN where it is not active.
        labels: int64 [n], class of each sample.
        classes: Class names.
        names: A title for each weight tensor.
        theme: Which variant of the colour scale.
    """
    grid = np.full((len(samples), len(classes)), np.nan)
    for row, values in enumerate(samples.values()):
        flat = values.reshape(len(labels), -1)
        for label in range(len(classes)):
            own = flat[labels == label]
            active = own[~np.isnan(own)]
            if active.size:
                grid[row, label] = (active < 0).mean()
    palette = ramp(theme)
    middle = len(palette) // 2
    scale = [
        [step / middle, f"rgb({r},{g},{b})"] for step, (r, g, b) in enumerate(palette[middle::-1])
    ]  # grey where nothing is a bottleneck, the scale's red where everything is
    figure = go.Figure(
        go.Heatmap(
            z=grid, x=list(classes), y=list(names), xgap=2, ygap=2, texttemplate="%{z:.0%}",
            colorscale=scale, zmin=0, zmax=1, colorbar={"tickformat": ".0%", "title": {"text": "κ < 0"}},
            hovertemplate="class %{x}<br>%{y}<br>%{z:.1%} of the active weights are bottlenecks<extra></extra>",
        )
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(title_text="class of the image", type="category")
    figure.update_layout(height=70 + 52 * len(samples) + 40, margin={"l": 10, "r": 10, "t": 10, "b": 45})
    return figure
