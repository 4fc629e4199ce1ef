"""The Pruning page's controls: what is compared, on which images, and how the weights compete."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from ncviz import tasks
from ncviz.config import MAX_SAMPLES_PER_CLASS, NEVER_ACTIVE_PLACES, ORDERS, REPAIRS, SCOPES
from ncviz.scene.comparison import (
    NEVER_ACTIVE_TITLES,
    ORDER_TITLES,
    REPAIR_TITLES,
    SCOPE_TITLES,
    Comparison,
    layer_titles,
    measured_sparsities,
)
from ncviz.tasks.criteria import criteria, criterion_title
from ncviz.text import percent, plain
from ncviz.ui.link.finetune_fields import parse
from ncviz.ui.link.view_state import MAX_SEEDS, ViewState
from ncviz.ui.pruning import comparison, layer_budgets
from ncviz.ui.session import session

# What the curves are measured by, beside the criteria and the order.
_MEASURED_BY = ("lab_samples", "lab_seeds", "lab_never", "lab_protect", "lab_budgets")


def draw_controls(network: tasks.Network) -> None:
    """Draw the controls over the tabs."""
    _drop_unknown_criteria(tuple(criteria()))
    compared = comparison.current()
    first, steps = st.columns([7, 1.9], vertical_alignment="bottom")
    first.multiselect(
        "Criteria",
        list(criteria()),
        format_func=criterion_title,
        placeholder="Choose what to compare",
        **_tie("lab_criteria", list(compared.criteria), ",".join),
    )
    with steps, st.container(horizontal=True, gap="small"):
        for name, title, can, act in (
            ("undo", "Undo", comparison.can_undo(), comparison.undo),
            ("redo", "Redo", comparison.can_redo(), comparison.redo),
        ):
            st.button(title, key=f"lab-{name}", disabled=not can, on_click=act)
    _draw_order(network, compared)
    _draw_repair(compared)
    # Few change these, and the curve is what is looked at; where one is changed, it is seen.
    view, usual = session.view(), ViewState()
    is_changed = any(getattr(view, name) != getattr(usual, name) for name in _MEASURED_BY)
    with st.expander("Images, never-active weights, protected layers, budgets", expanded=is_changed):
        _draw_images(network, compared)


def _draw_order(network: tasks.Network, compared: Comparison) -> None:
    columns = st.columns([1.9, 3.0, 2.4])
    columns[0].select_slider(
        "Fraction removed where you look closer",
        measured_sparsities(comparison.shapes(network), compared.protected, network.zeros, compared.budgets),
        format_func=percent,
        help="The table, and every other tab but Robustness → One class's bottlenecks, look at this sparsity. It is "
        "one of those that are measured.",
        disabled=_is_scaling(),
        **session.shows(
            f"lab_sparsity {compared.protected} {compared.budgets}",
            compared.sparsity,
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
        **_tie("lab_order", compared.order),
    )
    columns[2].segmented_control(
        "Weights compete within",
        SCOPES,
        format_func=lambda name: SCOPE_TITLES[name],
        required=True,
        help="Rank the weights of all layers together, or remove the same share of every layer.",
        **_tie("lab_scope", compared.scope),
    )


def _draw_repair(compared: Comparison) -> None:
    st.segmented_control(
        "Repair what is left",
        REPAIRS,
        format_func=lambda name: REPAIR_TITLES[name],
        required=True,
        help="What is done to each pruned network without training, on about 1,000 training images. "
        "Recalibrate: BatchNorm's statistics estimated anew, or, without one, each channel's mean and variance as in "
        "the whole network; a few passes. Update jointly: all kept weights at once make up for those removed, by the "
        "inverse of the empirical Fisher matrix (WoodFisher). Update layer by layer: each layer's kept weights are "
        "solved for what the whole network's layer gives; the slowest on large layers. A repair is made anew at each "
        "sparsity of a curve; the button that measures says how long that takes.",
        **_tie("lab_repair", compared.repair),
    )


def _is_scaling() -> bool:
    """Whether the part of Robustness is open that prunes nothing, whatever the fraction."""
    view = session.view()
    return view.lab_tab == "robust" and parse("lab_robust", view.lab_robust).get("part") == "repair"


def _draw_images(network: tasks.Network, compared: Comparison) -> None:
    columns = st.columns([1, 1, 1.8, 2.4])
    columns[0].number_input(
        "Samples per class",
        1,
        MAX_SAMPLES_PER_CLASS,
        help="Correctly classified training images of each class, for the criteria that look at images.",
        **_tie("lab_samples", compared.samples_per_class, int),
    )
    columns[1].number_input(
        "Seeds",
        1,
        MAX_SEEDS,
        help="How many draws of those images: the bands in the figure are the spread over them.",
        **_tie("lab_seeds", len(compared.seeds), int),
    )
    columns[2].selectbox(
        "Never-active weights go",
        NEVER_ACTIVE_PLACES,
        format_func=lambda name: NEVER_ACTIVE_TITLES[name],
        help="Weights without a live edge on any calibration image have no curvature of their own. The choice counts "
        "for criteria that use the curvature; Explore measures all three side by side (Never active).",
        **_tie("lab_never", compared.never_active),
    )
    names = list(comparison.shapes(network))
    columns[3].multiselect(
        "Protect layers",
        range(len(names)),
        format_func=layer_titles(comparison.shapes(network)).__getitem__,
        placeholder="None: every layer may lose weights",
        help="A protected layer loses no weight; the fraction removed is still of all weights.",
        **_tie(
            "lab_protect",
            [index for index, name in enumerate(names) if name in compared.protected],
            lambda chosen: ",".join(map(str, sorted(chosen))),
        ),
    )
    layer_budgets.draw_control(network, compared)


def _drop_unknown_criteria(known: tuple[str, ...]) -> None:
    """Take criteria that there are not out of the view, and say so: a link may name any."""
    asked = [name for name in session.view().lab_criteria.split(",") if name]
    unknown = [name for name in asked if name not in known]
    if unknown:
        stay = ",".join(name for name in asked if name in known)
        session.change(lab_criteria=stay or ViewState().lab_criteria)
        names = ", ".join(f"'{name}'" for name in unknown)
        st.toast(plain(f"The link's {names} was left out of lab_criteria: there is no such criterion."))


def _tie(name: str, value: Any, written: Any = None) -> dict[str, Any]:
    """Tie a widget to a field of the view so that what it changes can be taken back."""

    def take(field: str, chosen: Any) -> None:
        comparison.change(**{field: chosen if written is None else written(chosen)})

    return session.shows(name, value, partial(take, name))
