"""Negative edges beside robustness: a point for each image."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go

from ncviz.plots.figure_frame import INK, LINE, PAPER, framed
from ncviz.plots.palette import Theme, hex_ramp

GREY_LEVELS = 255
HEIGHT = 440
_SIZE = 8


def negative_edges_figure(
    share: np.ndarray,
    radius: np.ndarray,
    is_fooled: np.ndarray,
    names: Sequence[str],
    title: str,
    theme: Theme = "light",
) -> go.Figure:
    """Return the smallest radius that fools a network over the share of negative edges, a point for each image.

    Images that no radius fooled are hollow, at the largest that was tried.

    Args:
        share: float64 [n], of each image's live edges.
        radius: float64 [n], on the scale of pixels in [0, 1].
        is_fooled: bool [n].
        names: What each image is called.
        title: A line over the axes, such as the correlation.
        theme: Which variant of the colours.
    """
    colour = hex_ramp(theme, 41)[9]
    figure = go.Figure()
    for own, name, symbol in (
        (is_fooled, "fooled", "circle"),
        (~is_fooled, "never fooled", "triangle-up-open"),
    ):
        if not own.any():
            continue
        outline = (
            {"width": 1, "color": PAPER[theme]} if symbol == "circle" else {"width": 1.5, "color": colour}
        )
        figure.add_scatter(
            x=share[own], y=GREY_LEVELS * radius[own], mode="markers", name=name,
            marker={"color": colour, "symbol": symbol, "size": _SIZE, "opacity": 0.8, "line": outline},
            text=[escape(label) for label, is_own in zip(names, own, strict=True) if is_own],
            hovertemplate=f"%{{text}}<br>%{{x:.1%}} of its live edges are negative<br>{name} "
            f"{'at' if symbol == 'circle' else 'up to'} ε = %{{y:.1f}}/255<extra></extra>",
        )  # fmt: skip
    figure.update_layout(
        **framed(theme, HEIGHT),
        title={
            "text": escape(title),
            "x": 0.01,
            "xref": "container",
            "font": {"size": 13, "color": INK[theme]},
        },
        showlegend=bool((~is_fooled).any()),
    )
    figure.update_layout(margin={"t": 64 if (~is_fooled).any() else 40})
    figure.update_xaxes(title_text="negative edges, share of the image's live edges", tickformat=".0%")
    figure.update_yaxes(
        title_text="smallest ε that fools the network, in 255ths", rangemode="tozero", gridcolor=LINE[theme]
    )
    return figure
