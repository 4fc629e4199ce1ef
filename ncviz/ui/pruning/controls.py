"""The Pruning page's controls: what is compared, on which images, and how the weights compete."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import streamlit as st

from ncviz import tasks
from ncviz.config import MAX_SAMPLES_PER_CLASS, ORDERS, SCOPES
from ncviz.text import percent, plain
from ncviz.ui.explore.page import SCOPE_TITLES
from ncviz.ui.link.view_state import MAX_SEEDS, ViewState
from ncviz.ui.pruning import comparison
from ncviz.ui.pruning.comparison import Lab
from ncviz.ui.session import session

ORDER_TITLES = {"redundant": "Least important first", "bottlenecks": "Most important first"}


def show(network: tasks.Network) -> None:
    """Draw the controls over the tabs."""
    from ncviz.pruning.scores import SCORES

    _leave_out_unknown(tuple(SCORES))
    lab = comparison.current()
    first, steps = st.columns([7, 1.3], vertical_alignment="bottom")
    first.multiselect(
        "Criteria",
        list(SCORES),
        format_func=lambda name: SCORES[name].title,
        placeholder="Choose what to compare",
        **_shows("lab_criteria", list(lab.criteria), ",".join),
    )
    with steps, st.container(horizontal=True, gap="small"):
        st.button(
            "↶", key="lab-undo", help="Undo", disabled=not comparison.can_undo(), on_click=comparison.undo
        )
        st.button(
            "↷", key="lab-redo", help="Redo", disabled=not comparison.can_redo(), on_click=comparison.redo
        )
    columns = st.columns([2.6, 2.2, 1.9])
    columns[0].select_slider(
        "Fraction removed where you look closer",
        comparison.within(comparison.shapes(network), lab.protected),
        format_func=percent,
        help="The table, and every other tab, look at this sparsity. It is one of those that are measured.",
        **session.shows(
            f"lab_sparsity {lab.protected}",
            lab.sparsity,
            lambda value: session.change(lab_sparsity=float(value)),
        ),
    )
    columns[1].segmented_control(
        "Order",
        ORDERS,
        format_func=lambda name: ORDER_TITLES[name],
        required=True,
        help="The least important weights first, as one prunes, or the most important first, to see what a criterion "
        "holds to be a bottleneck.",
        **_shows("lab_order", lab.order),
    )
    columns[2].segmented_control(
        "Weights compete within",
        SCOPES,
        format_func=lambda name: SCOPE_TITLES[name],
        required=True,
        help="Rank the weights of all layers together, or remove the same share of every layer.",
        **_shows("lab_scope", lab.scope),
    )
    columns = st.columns([1, 1, 3])
    columns[0].number_input(
        "Samples per class",
        1,
        MAX_SAMPLES_PER_CLASS,
        help="Correctly classified training images of each class, for the criteria that look at images.",
        **_shows("lab_samples", lab.samples_per_class, int),
    )
    columns[1].number_input(
        "Seeds",
        1,
        MAX_SEEDS,
        help="How many draws of those images: the bands in the figure are the spread over them.",
        **_shows("lab_seeds", len(lab.seeds), int),
    )
    names = comparison.layers(network)
    columns[2].multiselect(
        "Protect layers",
        range(len(names)),
        format_func=lambda index: layer_titles(network)[index],
        placeholder="None: every layer may lose weights",
        help="A protected layer loses no weight; the fraction removed is still of all weights.",
        **_shows(
            "lab_protect",
            [index for index, name in enumerate(names) if name in lab.protected],
            lambda chosen: ",".join(map(str, sorted(chosen))),
        ),
    )


def nothing_to_remove(network: tasks.Network, lab: Lab) -> str:
    """Return why no weight can be removed, or "" if some can."""
    sizes = comparison.shapes(network)
    if set(lab.protected) >= set(sizes):
        return "Every layer is protected, so nothing can be removed: take one out above."
    total = sum(math.prod(shape) for shape in sizes.values())
    if round(comparison.within(sizes, lab.protected)[-1] * total) == 0:
        return "The layers that are not protected are too small to remove anything: take one more out above."
    return ""


def layer_titles(network: tasks.Network) -> list[str]:
    """Return such as "1 · conv 6×6, 1→6" for each layer of weights."""
    return [
        f"{index + 1} · conv {shape[2]}×{shape[3]}, {shape[1]}→{shape[0]}"
        if len(shape) == 4
        else f"{index + 1} · linear {shape[1]}→{shape[0]}"
        for index, shape in enumerate(comparison.shapes(network).values())
    ]


def calibration_words(samples_per_class: int, classes: int, seeds: int) -> str:
    """Return such as "10 training images (1 of each class, 3 draws)"."""
    count = samples_per_class * classes
    draws = "" if seeds == 1 else f", {seeds} draws"
    return f"{count} training images ({samples_per_class} of each class{draws})"


def _leave_out_unknown(known: tuple[str, ...]) -> None:
    """Take criteria that there are not out of the view, and say so: a link may name any."""
    asked = [name for name in session.view().lab_criteria.split(",") if name]
    unknown = [name for name in asked if name not in known]
    if unknown:
        stay = ",".join(name for name in asked if name in known)
        session.change(lab_criteria=stay or ViewState().lab_criteria)
        names = ", ".join(f"'{name}'" for name in unknown)
        st.toast(plain(f"The link's {names} was left out of lab_criteria: there is no such criterion."))


def _shows(name: str, value: Any, written: Any = None) -> dict[str, Any]:
    """Tie a widget to a field of the view so that what it changes can be taken back."""

    def take(field: str, chosen: Any) -> None:
        comparison.change(**{field: chosen if written is None else written(chosen)})

    return session.shows(name, value, partial(take, name))
