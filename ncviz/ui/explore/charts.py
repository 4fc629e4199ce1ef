"""The network in other ways than layer by layer: as matrices, as distributions, and in a layout of its own."""

from __future__ import annotations

from typing import Any

# Plotly takes pandas from among what is loaded, half loaded if another thread is at it.
import pandas  # noqa: F401
import streamlit as st

from ncviz.plots.figure_frame import WIDTH
from ncviz.plots.network.free_layout import MAX_OUTLINES
from ncviz.plots.palette import Theme
from ncviz.scene.free_figure import HEIGHT, FreeFigure
from ncviz.scene.return_files import file_stem
from ncviz.ui.components.shared.width import column_width
from ncviz.ui.explore.chart_figures import FREE_CAPS, distribution_figure, free_layout_figure, matrix_figure
from ncviz.ui.session.camera import camera_config
from ncviz.ui.session.subject import Subject
from ncviz.ui.session.tables import show_table
from ncviz.ui.session.theme import theme

# Drawn by plotly, whose camera saves a picture.
CHARTS = ("matrix", "distribution")
# Half of what is between two pictures beside each other.
GAP = 20
FREE_CHOICES = ("All kept edges", "Bottlenecks only")


def draw_matrix(subject: Subject) -> None:
    """Draw each connection as a heatmap of channels or units."""
    with st.container(gap=None):
        _draw_chart(subject, matrix_figure(subject, theme(), width=_width(subject)), "matrix")


def draw_distribution(subject: Subject) -> None:
    """Draw the histogram of κ of each connection."""
    is_logarithmic = st.toggle(
        "Logarithmic counts",
        key=f"distribution-log-{subject.side.name}",
        help="Shows the few strong bottlenecks beside the many weak ones.",
        persist_state="session",
    )
    with st.container(gap=None):
        width = _width(subject)
        figure = distribution_figure(subject, theme(), is_logarithmic=is_logarithmic, width=width)
        _draw_chart(subject, figure, "distribution")


def draw_free_layout(subject: Subject) -> None:
    """Draw the strongest edges that are kept, laid out by springs.

    While the slider is dragged, the browser hides edges in the picture that is there: a new one would fly apart and
    settle anew at every step.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        only: str | None = st.segmented_control(
            "Which edges",
            FREE_CHOICES,
            default=FREE_CHOICES[0],
            required=True,
            key=f"free-edges-{subject.side.name}",
            persist_state="session",
        )
        most: int | None = st.segmented_control(
            "Strongest, at most",
            FREE_CAPS,
            default=FREE_CAPS[1],
            required=True,
            key=f"free-most-{subject.side.name}",
            persist_state="session",
            help="Half of them bottlenecks, half redundant, as far as there are any.",
        )
    view = subject.view
    found = _free_figure(
        (
            subject.record.key,
            view.flow,
            subject.flow is None,
            view.scope,
            view.never,
            view.detail,
            view.layer,
            view.hand,
            view.hand_name,
            subject.scale,
        ),
        (view.selected, subject.order, subject.removed, most or FREE_CAPS[1]),
        theme(),
        only == FREE_CHOICES[1],
        subject.side.name,
        subject,
    )
    if not found.edges:
        st.info(
            "No bottleneck is left among the strongest edges. Remove less, or show all kept edges."
            if only == FREE_CHOICES[1]
            else "No edge is left to draw. Remove less, or choose another layer."
        )
        return
    # On a stage the numbers are beside the picture.
    is_narrow = view.present and not view.compare
    beside, table = (st.container(), st.container()) if is_narrow else st.columns([2.3, 1])
    with beside:
        st.iframe(found.page, height=HEIGHT, alt="; ".join(part.description for part in found.components[:5]))
    with table:
        _draw_components(found, has_middles=subject.drawn.intervals is not None)
        st.caption(
            "Layers stand from left to right, each part in rows of its own. Drag the units about, scroll to zoom. "
            "Names show where there is room, and under the pointer."
        )


@st.cache_resource(max_entries=8)
def _free_figure(
    of: tuple[Any, ...],
    step: tuple[str, str, int, int],
    colours: Theme,
    is_bottlenecks_only: bool,
    channel: str,
    _subject: Subject,
) -> FreeFigure:
    return free_layout_figure(
        _subject, colours, is_bottlenecks_only=is_bottlenecks_only, most=step[-1], channel=channel
    )


def _draw_components(found: FreeFigure, *, has_middles: bool) -> None:
    if not found.components:
        what = "has a negative middle" if has_middles else "is a bottleneck"
        st.caption(f"None of these edges {what}.")
        return
    more, lowest = len(found.components) - MAX_OUTLINES, "lowest middle" if has_middles else "lowest κ"
    outlined = f", the first {MAX_OUTLINES} outlined" if more > 0 else ""
    st.markdown(f"**Held together by bottlenecks**: {len(found.components)}{outlined}")
    if has_middles:
        st.caption("Negative are the middles of the intervals around κ.")
    show_table(
        {
            # What a narrow column cuts off is the longest words, not κ.
            "part": [part.name for part in found.components],
            lowest: [part.lowest for part in found.components],
            found.components[0].noun: [len(part.nodes) for part in found.components],
            "narrowest at": [part.narrowest or "two layers" for part in found.components],
        },
        hide_index=True,
        # Together as wide as the column is on a laptop.
        column_config={
            "part": st.column_config.TextColumn(width=40),
            "narrowest at": st.column_config.TextColumn(width=124),
            found.components[0].noun: st.column_config.NumberColumn(width=50),
            lowest: st.column_config.NumberColumn(format="%.2f", width=64),
        },
        height="content" if len(found.components) <= MAX_OUTLINES else 330,
    )


def _width(subject: Subject) -> int:
    usual = WIDTH // 2 - GAP if subject.view.compare else WIDTH
    return column_width(f"width-{subject.side.name}", usual)


def _draw_chart(subject: Subject, figure: Any, name: str) -> None:
    config = camera_config(f"{file_stem(subject.network)}-{name}")
    st.plotly_chart(
        figure, theme=None, config=config, key=f"{name}-{subject.side.name}", alt=figure.layout.meta
    )
