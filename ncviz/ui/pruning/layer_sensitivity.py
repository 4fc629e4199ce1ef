"""How sensitive each layer is, on the tab about layers: the figure, the budgets, and what to protect by them."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ncviz import tasks
from ncviz.plots.figure_frame import WIDTH
from ncviz.plots.pruning.sensitivity import sensitivity_heatmap
from ncviz.scene.comparison import Comparison, layer_titles
from ncviz.scene.pruning_tables import budget_table
from ncviz.scene.wording import private_title, word_for
from ncviz.spreadsheet import table_csv
from ncviz.tasks.accuracy import same_images_words
from ncviz.tasks.criteria import criterion_title
from ncviz.tasks.sensitivity import SENSITIVITY_IMAGES, Sensitivity
from ncviz.text import listed, percent, plural
from ncviz.ui.components.shared.width import column_width
from ncviz.ui.pruning import comparison, files, layer_budgets
from ncviz.ui.session import jobs, session
from ncviz.ui.session.following import follow_task
from ncviz.ui.session.theme import theme


def draw_sensitivity(of: tasks.Network, compared: Comparison) -> None:
    """Draw the part: one criterion, how many points a layer may cost, and which layers to protect by that."""
    st.subheader("How sensitive each layer is")
    st.markdown(
        "Each layer alone loses a share of its weights, the others stay whole. What that costs is measured on "
        f"training images (up to {SENSITIVITY_IMAGES:,}): "
        + (
            same_images_words(of, session.context())
            or "a budget chosen by it owes nothing to the test images."
        )
    )
    columns = st.columns([1.2, 1.2, 2.6], vertical_alignment="bottom")
    names, view = list(compared.criteria), session.view()
    criterion = view.lab_look if view.lab_look in names else names[0]
    columns[0].selectbox(
        "By criterion",
        names,
        format_func=criterion_title,
        **session.shows("lab_look sensitivity", criterion, lambda name: session.change(lab_look=name)),
    )
    points: float = columns[1].number_input(
        "Points that a layer may cost",
        0.0,
        100.0,
        step=0.5,
        help="Each layer's budget is the largest share that it alone can lose at this cost: the line in the figure.",
        **session.shows(
            "lab_lost sensitivity", view.lab_lost, lambda value: session.change(lab_lost=float(value))
        ),
    )
    task, context = Sensitivity(of, compared.config(criterion)), session.context()
    if follow_task(task):
        return
    found = context.look_up(task)
    if found is None:
        count = len(comparison.shapes(of))
        if st.button(f"Measure {plural(count, 'layer')}", type="primary", key="lab-measure-sensitivity"):
            jobs.start(tasks.Series([task]), f"Sensitivity of {private_title(of)}")
            st.rerun()
        return
    titles, budget = layer_titles(comparison.shapes(of)), found.budget(points)
    figure = sensitivity_heatmap(
        found.lost, found.fractions, budget, titles, theme(), width=column_width("width-sensitivity", WIDTH)
    )
    files.draw_chart(of, figure, "sensitivity", key="lab-sensitivity")
    st.caption(
        f"Points of {word_for(of)} lost on {found.images:,} training images ({found.baseline:.1%} whole), "
        f"least important weights by {criterion_title(criterion)} first. Up to the line a layer costs at most "
        f"{plural(float(points), 'point')}."
    )
    share = float((budget * found.sizes).sum() / found.sizes.sum())
    short = (
        "" if share >= compared.sparsity else f", less than the {percent(compared.sparsity)} that are to go"
    )
    st.markdown(
        f"All budgets together come to **{percent(round(share, 3))}** of the network's weights{short}."
    )
    _draw_suggestion(of, compared, found.suggest_protected(points, compared.sparsity), titles)
    layer_budgets.draw_offer(
        of,
        compared,
        found.suggest_budgets(points, compared.sparsity, compared.protected),
        points,
        key="layers",
    )
    table = budget_table(found, titles, points)
    files.button(
        "Budgets (CSV)", partial(table_csv, table), f"{files.file_stem(of)}-layer-budgets.csv", "text/csv"
    )


def _draw_suggestion(
    of: tasks.Network, compared: Comparison, suggested: tuple[str, ...], titles: list[str]
) -> None:
    """Say which layers to protect, and take that over when asked."""
    names = list(comparison.shapes(of))
    if not suggested:
        st.markdown(
            "They single out no layer to protect: none falls short that the others could make up for."
        )
        return
    numbers = [at for at, name in enumerate(names) if name in suggested]
    st.markdown(
        f"**To protect at {percent(compared.sparsity)} removed: {listed([titles[at] for at in numbers])}.** The "
        "budgets of these end below it, and the others take over what these would have lost."
    )
    if set(suggested) == set(compared.protected):
        st.caption("Protected already.")
        return
    st.button(
        f"Protect {'this layer' if len(numbers) == 1 else f'these {len(numbers)} layers'}",
        key="lab-protect-suggested",
        on_click=lambda: comparison.change(lab_protect=",".join(map(str, numbers))),
        help="In place of what is protected now; Undo takes it back.",
    )
