"""The Pruning page's first tab: accuracy over sparsity of every criterion, and what that comes to in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from ncviz import tasks
from ncviz.config import ORDERS
from ncviz.plots.figure_frame import WIDTH, figure_page
from ncviz.plots.pruning.curves import Curve, accuracy_curves
from ncviz.scene.comparison import (
    ORDER_TITLES,
    Comparison,
    calibration_words,
    column_names,
    comparison_table,
    curves_csv,
    never_active_place,
    repaired_column,
    sharpness_words,
)
from ncviz.scene.return_files import file_stem
from ncviz.scene.wording import WHEN_TO_TRUST, graph_words, part_words, short_word, word_for
from ncviz.tasks.criteria import Spread, criteria, criterion_title
from ncviz.tasks.images import find_dataset
from ncviz.text import plural
from ncviz.ui.components.shared.width import column_width
from ncviz.ui.link.view_state import AXES
from ncviz.ui.pruning import comparison, files, repairs
from ncviz.ui.pruning import curves as curve_runs
from ncviz.ui.pruning.run_settings import criterion_styles
from ncviz.ui.session import session
from ncviz.ui.session.camera import draw_camera_choice
from ncviz.ui.session.tables import show_table
from ncviz.ui.session.theme import theme

AXIS_TITLES = {"linear": "Linear", "kept": "Log of what is kept", "removed": "Log of what is removed"}
AXIS_HELP = (
    "Linear: the fraction removed. Log of what is kept opens the high end, where a network breaks. Log of what is "
    "removed opens the first percent, where bottlenecks go."
)


def draw_curves(of: tasks.Network, compared: Comparison, spreads: Mapping[str, Spread]) -> None:
    """Draw the figure, the table and the downloads."""
    scale, most_lost = st.columns([3, 1.2], vertical_alignment="bottom")
    scale.segmented_control(
        "Scale",
        AXES,
        format_func=lambda name: AXIS_TITLES[name],
        required=True,
        help=AXIS_HELP,
        **session.bound("lab_axis"),
    )
    most_lost.number_input(
        f"Points of {short_word(of)} that may be lost",
        0.0,
        100.0,
        step=0.5,
        help="For the table's “removed at”: percentage points below the whole network.",
        **session.bound("lab_lost"),
    )
    with st.container(gap=None):
        figure = _make_figure(of, compared, spreads, column_width("width-lab", WIDTH))
        files.draw_chart(of, figure, "curves", key="lab-curves")
    classes = len(find_dataset(of.dataset).classes)
    lost = session.view().lab_lost
    by_repair = curve_runs.by_repair(of, compared)
    found = comparison_table(compared, spreads, lost, classes, by_repair)
    at_name = column_names(compared, lost)[1]
    lost_names = [repaired_column(compared, lost, way) for way in by_repair]
    show_table(
        _mark_best(found, [*lost_names, "mean accuracy", at_name], is_high=compared.order == ORDERS[0]),
        hide_index=True,
        column_config={
            "paper": st.column_config.LinkColumn(display_text=r"abs/(.*)"),
            **{
                name: st.column_config.NumberColumn(
                    help="The largest measured fraction up to which the accuracy never falls further, mean over the "
                    "draws. Nothing is interpolated."
                    + (
                        ""
                        if at == 0
                        else " After this repair, without training; empty where it is not measured."
                    )
                )
                for at, name in enumerate(lost_names)
            },
            "mean accuracy": st.column_config.NumberColumn(
                f"mean {short_word(of)}", help="Area under the curve by the trapezoid rule, over its width."
            ),
            at_name: st.column_config.NumberColumn(
                at_name.replace("accuracy", short_word(of)), help="Mean over the draws."
            ),
            "±": st.column_config.TextColumn(help="Sample standard deviation of that over the draws."),
        },
    )
    best = "the best of each column" if compared.order == ORDERS[0] else "what breaks the network fastest"
    st.caption(f"{figure_words(of, compared, spreads)[-1]} Bold: {best}.")
    with st.expander("When to trust curvature"):
        st.markdown(WHEN_TO_TRUST)
    # A download is made outside the session's own run.
    curves, colours, word = curve_runs.known(of, compared), theme(), short_word(of)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        files.button(
            "Curves (CSV)",
            lambda: curves_csv(of.name, curves, word),
            f"{file_stem(of)}-curves.csv",
            "text/csv",
        )
        files.button(
            "Figure (HTML)",
            lambda: figure_page(figure, f"{of.title} · pruning", colours),
            f"{file_stem(of)}-curves.html",
            "text/html",
            "One file that can be zoomed and hovered over, and needs no network. PNG and SVG: the figure's camera.",
        )
        draw_camera_choice()


def figure_words(of: tasks.Network, compared: Comparison, spreads: Mapping[str, Spread]) -> list[str]:
    """Return what the figure shows, as sentences that go into it."""
    first = next(iter(curve_runs.needed(of, compared).values()))
    record = curve_runs.curve(of, first)
    learnt = "" if session.context().has_one_split(of) else " it has not learnt from"
    images = "" if record is None else f" on {record.images:,} images{learnt}"
    way = ORDER_TITLES[compared.order].lower()
    among = "over all layers together" if compared.scope == "global" else "the same share of every layer"
    layers = plural(len(compared.protected), "layer")
    held = f"; {layers} protected" if compared.protected else ""
    budgets = plural(len(compared.budgets), "layer")
    held += f"; {budgets} with a budget" if compared.budgets else ""
    pool = calibration_words(
        compared.samples_per_class, len(find_dataset(of.dataset).classes), len(compared.seeds)
    )
    band = (
        " Band: from the worst to the best draw."
        if any(spread.draws > 1 for spread in spreads.values())
        else ""
    )
    part = part_words(first.calibration, len(comparison.shapes(of)))
    part = f" Curvature of a part alone ({part}); what has none goes last." if part else ""
    read = graph_words(of, first.calibration)
    looks = any(criteria()[name].needs_curvature for name in spreads)
    reads = any(criteria()[name].needs_graph for name in spreads)
    part += f" In the {'curvature' if looks else 'neural graph'}, {read}." if read and reads else ""
    place = never_active_place(compared.never_active)
    part += f" By curvature, {place}." if place and looks else ""
    repair = repairs.words(of, compared.config(first.criterion))
    part += f" {repair} Pale and dotted: as pruned." if repair else ""
    return [
        f"{of.title}, {word_for(of)}{images}, without training again. {way.capitalize()}, {among}{held}.{band}{part}",
        *sharpness_words(curve_runs.known(of, compared)),
        f"Criteria that look at images look at {pool}; the others at none.",
    ]


def _make_figure(of: tasks.Network, compared: Comparison, spreads: Mapping[str, Spread], width: int) -> Any:
    drawn = criterion_styles()
    curves = [
        Curve(
            criterion_title(name),
            spread.sparsity,
            spread.mean,
            spread.low,
            spread.high,
            spread.draws,
            drawn[name],
        )
        for name, spread in spreads.items()
    ]
    if compared.is_repaired:
        curves = [
            Curve(
                criterion_title(name), before.sparsity, before.mean, before.low, before.high, before.draws,
                drawn[name], is_before=True,
            )
            for name, before in curve_runs.spreads(of, compared.as_pruned).items()
        ] + curves  # fmt: skip
    lost = session.view().lab_lost
    whole = float(next(iter(spreads.values())).mean[0])
    figure = accuracy_curves(
        curves,
        theme(),
        figure_words(of, compared, spreads),
        scale=session.view().lab_axis,
        chosen=compared.sparsity,
        least=whole - lost / 100,
        least_name=f"{plural(lost, 'point')} below the whole network",
        width=width,
    )
    figure.update_yaxes(title_text=short_word(of))
    return figure


def _mark_best(found: pd.DataFrame, columns: list[str], *, is_high: bool) -> Any:
    """Mark the best of each column; of equals, all."""

    def mark(values: pd.Series) -> list[str]:
        best = values.max() if is_high else values.min()
        return ["font-weight: bold" if value == best else "" for value in values]

    return found.style.apply(mark, subset=columns).format(dict.fromkeys(columns, "{:.2%}"), na_rep="–")
