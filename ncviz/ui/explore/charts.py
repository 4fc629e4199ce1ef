"""The network in other ways than layer by layer: as matrices, as distributions, and in a layout of its own."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ncviz.plots.figure_frame import WIDTH
from ncviz.plots.network.free_layout import MAX_OUTLINES
from ncviz.plots.network.lines import NetworkView
from ncviz.plots.palette import Theme
from ncviz.scene.free_figure import (
    HEIGHT,
    FreeFigure,
    flat_curvature,
    free_figure,
    selected_nodes,
    strongest_graph,
)
from ncviz.scene.return_files import file_stem
from ncviz.ui.components.shared.width import column_width
from ncviz.ui.explore import canvas
from ncviz.ui.explore.chart_figures import Kappa, described, distribution_figure, matrix_figure
from ncviz.ui.link.view_state import ALL_LAYERS, ViewState
from ncviz.ui.server import resources
from ncviz.ui.session.camera import camera_config
from ncviz.ui.session.subject import Shown
from ncviz.ui.session.theme import theme

# Drawn by plotly, whose camera saves a picture.
CHARTS = ("matrix", "distribution")
# Half of what is between two pictures beside each other.
GAP = 20
FREE_CHOICES = ("All kept edges", "Bottlenecks only")
FREE_CAPS = (100, 300, 1000)


def matrix(shown: Shown, kappa: Kappa, order: str, removed: int) -> None:
    """Draw each connection as a heatmap of channels or units.

    Args:
        shown: The network with its results.
        kappa: κ of each weight by parameter name, of that parameter's shape; NaN or 2 where it is never active.
        order: Criterion and order, such as "curvature/redundant".
        removed: How many weights are removed.
    """
    with st.container(gap=None):
        figure = matrix_figure(shown, shown.view, kappa, order, removed, theme(), width=_width(shown))
        _chart(shown, figure, "matrix")


def distribution(shown: Shown, kappa: Kappa, order: str, removed: int) -> None:
    """Draw the histogram of κ of each connection; arguments as in ``matrix``."""
    is_logarithmic = st.toggle(
        "Logarithmic counts",
        key=f"distribution-log-{shown.side.name}",
        help="Shows the few strong bottlenecks beside the many weak ones.",
        persist_state="session",
    )
    with st.container(gap=None):
        figure = distribution_figure(
            shown,
            shown.view,
            kappa,
            order,
            removed,
            theme(),
            is_logarithmic=is_logarithmic,
            width=_width(shown),
        )
        _chart(shown, figure, "distribution")


def free(shown: Shown, kappa: Kappa, order: str, removed: int) -> None:
    """Draw the strongest edges that are kept, laid out by springs; arguments as in ``matrix``.

    While the slider is dragged, the browser hides edges in the picture that is there: a new one would fly apart and
    settle anew at every step.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        only: str | None = st.segmented_control(
            "Which edges",
            FREE_CHOICES,
            default=FREE_CHOICES[0],
            required=True,
            key=f"free-edges-{shown.side.name}",
            persist_state="session",
        )
        most: int | None = st.segmented_control(
            "Strongest, at most",
            FREE_CAPS,
            default=FREE_CAPS[1],
            required=True,
            key=f"free-most-{shown.side.name}",
            persist_state="session",
            help="Half of them bottlenecks, half redundant, as far as there are any.",
        )
    view = shown.view
    found = _free_picture(
        (
            shown.record.meta["key"],
            view.flow,
            kappa is shown.record.weights,
            view.scope,
            view.detail,
            view.layer,
        ),
        (view.selected, f"{view.criterion}/{view.order}", shown.removed, most or FREE_CAPS[1]),
        theme(),
        only == FREE_CHOICES[1],
        shown.side.name,
        shown,
        view,
        kappa,
    )
    if not found.edges:
        st.info(
            "No bottleneck is left among the strongest edges. Remove less, or show all kept edges."
            if only == FREE_CHOICES[1]
            else "No edge is left to draw. Remove less, or choose another layer."
        )
        return
    beside, table = st.columns([2.3, 1])
    with beside:
        st.iframe(found.page, height=HEIGHT, alt="; ".join(part.description for part in found.components[:5]))
    with table:
        _component_table(found)
        st.caption("Drag the units about, scroll to zoom. A unit's name shows when the pointer is on it.")


@st.cache_resource(max_entries=8)
def _free_picture(
    of: tuple[Any, ...],
    step: tuple[str, str, int, int],
    colours: Theme,
    is_bottlenecks_only: bool,
    channel: str,
    _shown: Shown,
    _view: ViewState,
    _kappa: Kappa,
) -> FreeFigure:
    _, order, removed, most = step
    return free_picture(
        _shown,
        _view,
        _kappa,
        order,
        removed,
        colours,
        is_bottlenecks_only=is_bottlenecks_only,
        most=most,
        channel=channel,
    )


def free_picture(
    shown: Shown,
    view: ViewState,
    kappa: Kappa,
    order: str,
    removed: int,
    colours: Theme,
    *,
    is_bottlenecks_only: bool = False,
    most: int = FREE_CAPS[1],
    channel: str | None = None,
) -> FreeFigure:
    """Return the picture of ``free``; needs no session."""
    drawn = drawn_network(shown, view)
    criterion, way = order.split("/")
    graph, kept = strongest_graph(
        drawn,
        flat_curvature({name: kappa[name] for name in shown.record.weights}),
        resources.ranks(shown.network, shown.record, criterion, view.scope, way),
        removed,
        None if view.layer == ALL_LAYERS else view.layer,
        most,
    )
    return free_figure(
        drawn,
        graph,
        kept,
        colours,
        name=described(shown, view, kappa, order, removed),
        selected=selected_nodes(shown.record, drawn, view.selected),
        is_bottlenecks_only=is_bottlenecks_only,
        follows=None if channel is None else (channel, order),
    )


def drawn_network(shown: Shown, view: ViewState) -> NetworkView:
    """Return the network as nodes and edges, feature maps as nodes if the view has them so."""
    # Every position of a weight would be the same edge many times over.
    detail = "channels" if view.detail == "channels" else "units"
    return canvas.view_of(shown.record.meta["key"], detail, shown, shown.record)


def _component_table(found: FreeFigure) -> None:
    if not found.components:
        st.caption("None of these edges is a bottleneck.")
        return
    more = len(found.components) - MAX_OUTLINES
    outlined = f", the first {MAX_OUTLINES} outlined" if more > 0 else ""
    st.markdown(f"**Held together by bottlenecks**: {len(found.components)}{outlined}")
    st.dataframe(
        {
            "part": [part.name for part in found.components],
            "narrowest at": [part.narrowest or "two layers" for part in found.components],
            found.components[0].noun: [len(part.nodes) for part in found.components],
            "lowest κ": [part.lowest for part in found.components],
        },
        hide_index=True,
        # Together as wide as the column is on a laptop.
        column_config={
            "part": st.column_config.TextColumn(width=40),
            "narrowest at": st.column_config.TextColumn(width=124),
            found.components[0].noun: st.column_config.NumberColumn(width=50),
            "lowest κ": st.column_config.NumberColumn(format="%.2f", width=64),
        },
        height="content" if len(found.components) <= MAX_OUTLINES else 330,
    )


def _width(shown: Shown) -> int:
    return column_width(f"width-{shown.side.name}", WIDTH // 2 - GAP if shown.view.compare else WIDTH)


def _chart(shown: Shown, figure: Any, name: str) -> None:
    config = camera_config(f"{file_stem(shown.network)}-{name}")
    st.plotly_chart(
        figure, theme=None, config=config, key=f"{name}-{shown.side.name}", alt=figure.layout.meta
    )
