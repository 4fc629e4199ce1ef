"""The network in other ways than layer by layer: as matrices, as distributions, and in a layout of its own."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ncviz.ui.shown import Shown
from ncviz.ui.theme import theme
from ncviz.ui.view_figures import Kappa, distribution_figure, matrix_figure

PICTURES = ("PNG", "SVG")
PICTURE_SCALE = 3


def matrix(shown: Shown, kappa: Kappa, order: str, removed: int) -> None:
    """Draw each connection as a heatmap of channels or units.

    Args:
        shown: The network with its results.
        kappa: κ of each weight by parameter name, of that parameter's shape; NaN or 2 where it is never active.
        order: Criterion and order, such as "curvature/redundant".
        removed: How many weights are removed.
    """
    kind = _picture(shown, "matrix")
    figure = matrix_figure(shown, shown.view, kappa, order, removed, theme())
    _chart(shown, figure, "matrix", kind)


def distribution(shown: Shown, kappa: Kappa, order: str, removed: int) -> None:
    """Draw the histogram of κ of each connection; arguments as in ``matrix``."""
    with st.container(horizontal=True, vertical_alignment="center"):
        is_logarithmic = st.toggle(
            "Logarithmic counts",
            key=f"distribution-log-{shown.side.name}",
            help="Shows the few strong bottlenecks beside the many weak ones.",
            persist_state="session",
        )
        kind = _picture(shown, "distribution")
    view = shown.view
    figure = distribution_figure(shown, view, kappa, order, removed, theme(), is_logarithmic=is_logarithmic)
    _chart(shown, figure, "distribution", kind)


def _picture(shown: Shown, name: str) -> str:
    """Let the reader choose what the chart's camera saves; plotly has one button for one kind."""
    chosen: str | None = st.segmented_control(
        "The camera saves",
        PICTURES,
        format_func=lambda kind: f"Camera saves {kind}",
        default=PICTURES[0],
        required=True,
        key=f"{name}-picture-{shown.side.name}",
        label_visibility="collapsed",
        persist_state="session",
    )
    return (chosen or PICTURES[0]).lower()


def _chart(shown: Shown, figure: Any, name: str, kind: str) -> None:
    stem = f"{shown.network.architecture}-{name}"
    config = {
        "displaylogo": False,
        "displayModeBar": True,
        "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
        "toImageButtonOptions": {"format": kind, "filename": stem, "scale": PICTURE_SCALE},
    }
    st.plotly_chart(
        figure, theme=None, config=config, key=f"{name}-{shown.side.name}", alt=figure.layout.meta
    )
