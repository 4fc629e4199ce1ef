"""Two sliders, and everything about the edge that follows them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.config import SCALES
from ncviz.plots.edge.figures import alpha_curve, cost_matrix, plan_matrix, weight_curve
from ncviz.plots.edge.flow import bands
from ncviz.scene.edge.numbers import arithmetic, formula, neighbours, pairs
from ncviz.scene.edge.text import (
    STEPS,
    STEPS_PER_DOUBLING,
    account_words,
    alpha_words,
    decimals_for,
    matrix_words,
    meaning,
    plan_names,
    significant,
    weight_title,
    weight_words,
)
from ncviz.scene.return_files import file_stem
from ncviz.spreadsheet import table_csv
from ncviz.text import number
from ncviz.ui.components.transport.component import transport_picture
from ncviz.ui.edge.choice import ChosenEdge
from ncviz.ui.session import session
from ncviz.ui.session.tables import show_table
from ncviz.ui.session.theme import theme
from ncviz.values import CLOSED_FROM

if TYPE_CHECKING:
    from ncviz.tasks import EdgeExplanation

STATIC = {"displayModeBar": False}
DOWNLOADABLE = {"displaylogo": False}
MATRIX_NEIGHBOURS = 30
ALPHA_MOST = 0.95


def draw_sliders(edge: ChosenEdge) -> None:
    """Draw what changes with the two sliders; only this part runs when they move."""
    st.fragment(_draw)(edge)


def _draw(edge: ChosenEdge) -> None:
    problem, mode = edge.problem, theme()
    # Fresh names put both sliders back, which is how the button resets them.
    turn = st.session_state.setdefault("edge-turn", 0)
    alpha_key, weight_key = f"edge-alpha-{turn}", f"edge-weight-{session.view().edge}-{turn}"
    own_alpha = min(ALPHA_MOST, session.view().alpha)
    alpha, step = float(st.session_state.get(alpha_key, own_alpha)), int(st.session_state.get(weight_key, 0))
    weight = problem.weight * 2 ** (step / STEPS_PER_DOUBLING)
    context = session.context()
    found = context.run(tasks.EdgeCurvature(edge.task, alpha, weight)).result

    def reset() -> None:
        st.session_state["edge-turn"] = turn + 1

    says, by_alpha, by_weight = st.columns([1.1, 1.2, 1.2], gap="medium")
    with says:
        st.metric("κ of this edge on this image", number(found.curvature), border=True)
        st.markdown(meaning(found, len(edge.record.layer_shapes)))
        is_changed = step != 0 or alpha != own_alpha
        st.button("Reset both sliders", key="edge-reset", on_click=reset, disabled=not is_changed)
    with by_alpha:
        alphas = np.append(np.linspace(0, CLOSED_FROM, 21), 0.99)
        kappa = context.run(tasks.EdgeCurve(edge.task, tuple(alphas.tolist()), (weight,))).result
        st.plotly_chart(
            alpha_curve(alphas, kappa, alpha, found.curvature, mode), config=STATIC, key="edge-alpha-curve"
        )
        st.slider(
            "Idleness α",
            0.0,
            ALPHA_MOST,
            own_alpha,
            step=0.05,
            key=alpha_key,
            help="Share of the mass that stays on i and j.",
        )
        st.caption(alpha_words(kappa, alphas, found))
    with by_weight:
        weights = problem.weight * 2.0 ** (np.arange(-STEPS, STEPS + 1) / STEPS_PER_DOUBLING)
        curve = tasks.EdgeCurve(edge.task, (min(alpha, CLOSED_FROM),), tuple(weights.tolist()))
        over = context.run(curve).result
        st.plotly_chart(
            weight_curve(weights, over, weight, found.curvature, problem.weight, mode),
            config=STATIC,
            key="edge-weights",
        )
        st.select_slider(
            "Weight of this edge" if edge.record.scale == SCALES[0] else "Weight of this edge in the graph",
            range(-STEPS, STEPS + 1),
            value=0,
            format_func=lambda at: weight_title(problem.weight, at),
            key=weight_key,
            help="Only this edge's own length changes; activations and all other edges stay as they are.",
        )
        st.caption(weight_words(problem, weights, over))
    if found.plan is not None:
        _draw_plan(edge, found)
    _draw_more(edge, found)


def _draw_plan(edge: ChosenEdge, found: EdgeExplanation) -> None:
    assert found.plan is not None
    assert found.value is not None
    left, right = plan_names(edge.record, found, edge.classes)
    st.subheader("The mass and its way")
    st.markdown(account_words(found))
    picture, numbers = st.columns([1.35, 1], gap="large")
    with picture:
        transport_picture(
            bands(found.plan, found.cost, ["i", *left[1:]], ["j", *right[1:]]),
            key="edge-plan",
            subject=f"{edge.network.name} {edge.task.edge} {edge.sample}",
            total=significant(found.value),
            decimals=decimals_for(found.value, 4),
            words=f"{edge.network.title}: the mass around {edge.name(is_source=True)} → {edge.name(is_source=False)}, "
            f"α = {found.alpha:g}.",
            file_name=_stem(edge, found),
        )
    with numbers:
        st.html(arithmetic(found, theme()))
        st.caption("Rounded so that each column adds up; hover a number for its exact value.")
        st.code("\n".join(formula(found)), language=None, wrap_lines=True)


def _draw_more(edge: ChosenEdge, found: EdgeExplanation) -> None:
    left, right = plan_names(edge.record, found, edge.classes)
    tabs = st.tabs(
        ["Neighbours", "Plan as a matrix", "Distances", "Download"], key="edge-tabs", on_change="rerun"
    )
    if tabs[0].open:
        with tabs[0]:
            _draw_neighbours(found, left, right)
    for tab, draw in ((tabs[1], plan_matrix), (tabs[2], cost_matrix)):
        if not tab.open:
            continue
        with tab:
            values = found.plan if draw is plan_matrix else found.cost
            if values is None:
                st.caption("A silent edge moves no mass.")
                continue
            rows, columns = (_heaviest(mass) for mass in (found.source_measure, found.target_measure))
            st.caption(matrix_words(found, rows, columns, is_plan=draw is plan_matrix))
            figure = draw(
                values[np.ix_(rows, columns)],
                [left[at] for at in rows],
                [right[at] for at in columns],
                theme(),
            )
            st.plotly_chart(figure, config=DOWNLOADABLE, key=f"edge-{draw.__name__}")
    if tabs[3].open:
        with tabs[3]:
            _draw_downloads(edge, found, left, right)


def _draw_neighbours(found: EdgeExplanation, left: list[str], right: list[str]) -> None:
    for column, names, is_in in zip(st.columns(2), (left, right), (True, False), strict=True):
        count, all_of = (
            (len(found.in_units), found.in_count) if is_in else (len(found.out_units), found.out_count)
        )
        who = "In-neighbours u of i" if is_in else "Out-neighbours v of j"
        column.caption(
            f"{who}: {count:,} of {all_of:,} are active and carry mass." if all_of else f"{who}: none."
        )
        if count:
            table = neighbours(found, names, is_in=is_in)
            with column:
                show_table(
                    table.style.format(dict.fromkeys(table.columns[1:], significant)),
                    hide_index=True,
                    height=300,
                )


def _draw_downloads(edge: ChosenEdge, found: EdgeExplanation, left: list[str], right: list[str]) -> None:
    stem = _stem(edge, found)
    columns = st.columns([1, 1, 2], vertical_alignment="center")
    columns[0].download_button(
        "The problem (JSON)",
        lambda: json.dumps({**found.as_dict(), "rows": left, "columns": right}, indent=1),
        f"{stem}.json", "application/json", key="edge-json", on_click="ignore", width="stretch",
    )  # fmt: skip
    columns[1].download_button(
        "Every pair (CSV)", lambda: table_csv(pairs(found, left, right)), f"{stem}.csv", "text/csv", key="edge-csv",
        on_click="ignore", width="stretch",
    )  # fmt: skip
    columns[2].caption("Measures, distances, plan and arithmetic as they stand under the sliders.")


def _stem(edge: ChosenEdge, found: EdgeExplanation) -> str:
    return f"{file_stem(edge.network)}-edge-{found.connection}-{found.source}-{found.target}"


def _heaviest(mass: np.ndarray) -> list[int]:
    return [0, *(np.argsort(-mass[1:], kind="stable")[:MATRIX_NEIGHBOURS] + 1).tolist()]
