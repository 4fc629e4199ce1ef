"""The Pruning page's last tab: plans that are saved, named and compared, and the files of a pruned network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from ncviz import tasks
from ncviz.config import SCALES
from ncviz.plots.pruning.tables import overlap_heatmap
from ncviz.scene.comparison import (
    NEVER_ACTIVE_TITLES,
    ORDER_TITLES,
    REPAIR_WORDS,
    SCOPE_TITLES,
    Comparison,
    budget_words,
    layer_titles,
    weight_count,
)
from ncviz.scene.verdict import draw_words
from ncviz.scene.wording import short_word, word_for
from ncviz.tasks.criteria import Spread, criteria, criterion_title, layer_sparsity
from ncviz.text import percent, plain, plural
from ncviz.ui.pruning import comparison, curves, files, tab_classes
from ncviz.ui.server import resources
from ncviz.ui.server.plan_store import MAX_NAME, Plan, PlanStore
from ncviz.ui.session import session
from ncviz.ui.session.problems import telling_errors
from ncviz.ui.session.tables import show_table
from ncviz.ui.session.theme import theme

_DELETED = "lab-deleted-plan"


def draw_plans(of: tasks.Network, compared: Comparison, spreads: Mapping[str, Spread]) -> None:
    """Draw the form that saves what is chosen, the plans that there are, and the files."""
    chosen = _choose_plan(of, compared, spreads) if spreads else None
    if chosen is not None:
        _draw_save_form(of, chosen, spreads[chosen.pruning.criterion])
    else:
        st.info("Files and new plans need a criterion's curve: measure one first.")
    st.subheader("Plans")
    with telling_errors():
        _draw_list(of)
    if chosen is not None:
        st.subheader("Files")
        files.draw_files(of, chosen.pruning, chosen.removed)


def _choose_plan(of: tasks.Network, compared: Comparison, spreads: Mapping[str, Spread]) -> Plan:
    """Return the pruned network that is looked at, as a plan of the usual name."""
    (name,) = tab_classes.draw_criterion_choice(spreads, beside=False)
    shapes = comparison.shapes(of)
    config, removed = curves.first_known(of, compared, name), curves.removed_at(of, compared)
    found, total = curves.measured(of, config, removed), weight_count(shapes)
    sizes = [math.prod(shape) for shape in shapes.values()]
    return Plan(
        f"{criterion_title(name)} {percent(removed / total)}"
        + (f", {REPAIR_WORDS[compared.repair]}" if compared.is_repaired else ""),
        of.fingerprint,
        of.title if of.is_bundled else f"own checkpoint ({of.architecture})",
        config,
        removed,
        total,
        found.accuracy,
        len(found.labels),
        tuple(layer_sparsity(curves.ranks(of, config), removed, sizes).tolist()),
    )


@telling_errors()
def _draw_save_form(of: tasks.Network, plan: Plan, spread: Spread) -> None:
    st.markdown(
        f"**{criterion_title(plan.pruning.criterion)}, {percent(plan.sparsity)} removed"
        f"{_held_words(plan)}{_repair_words(plan)}**: "
        f"{plan.total - plan.removed:,} of {plan.total:,} weights kept, {word_for(of)} "
        f"{plan.accuracy:.2%}{draw_words(spread, plan.sparsity)} on {plan.images:,} evaluation images."
    )
    with st.form("lab-save-plan", border=False, clear_on_submit=True):
        column, press, _ = st.columns([2, 1, 1.5], vertical_alignment="bottom")
        typed = column.text_input("Save this as a plan", placeholder=plan.name, max_chars=MAX_NAME)
        is_pressed = press.form_submit_button("Save this plan", type="primary", width="stretch")
    if is_pressed:
        plan = replace(plan, name=typed or plan.name)
        _store().put(plan)
        st.toast(plain(f"Saved as “{plan.name}”."))


def _held_words(plan: Plan) -> str:
    budgets = plan.pruning.budgets
    return f", {plural(len(budgets), 'layer')} with a budget" if budgets else ""


def _repair_words(plan: Plan) -> str:
    found = REPAIR_WORDS.get(plan.pruning.repair)
    return f", {found}" if found else ""


def _draw_list(of: tasks.Network) -> None:
    everything = _store().all()
    plans = [plan for plan in everything if plan.fingerprint == of.fingerprint]
    others = len(everything) - len(plans)
    deleted: Plan | None = st.session_state.get(_DELETED)
    if deleted is not None and deleted.fingerprint == of.fingerprint:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"“{plain(deleted.name)}” was deleted.")
            if st.button("Undo", key="lab-undelete"):
                _store().put(deleted)
                del st.session_state[_DELETED]
                st.rerun()
    if not plans:
        st.info("No plan for this network yet. Those that you save stay here, also after a restart.")
    else:
        show_table(
            _plan_table(of, plans),
            hide_index=True,
            column_config={
                name: st.column_config.NumberColumn(format="percent")
                for name in ("removed", *layer_titles(comparison.shapes(of)))
            }
            | {"accuracy": st.column_config.NumberColumn(short_word(of), format="percent")}
            | {"on images": st.column_config.NumberColumn(format="localized")},
        )
        if any(_is_outdated(plan) for plan in plans):
            st.caption(
                "Plans without numbers were saved by an earlier version of ncviz, whose curvature was another: open "
                "such a plan, measure it and save it again."
            )
        _draw_plan_choice(of, plans)
        _draw_overlap(of, plans)
    if others:
        st.caption(f"{plural(others, 'plan')} of other networks are kept as well.")


def _is_outdated(plan: Plan) -> bool:
    """Return whether a plan's numbers rest on a curvature that is computed otherwise today."""
    known = criteria().get(plan.pruning.criterion)
    return known is not None and known.needs_curvature and not plan.is_of_this_version


def _plan_table(of: tasks.Network, plans: list[Plan]) -> pd.DataFrame:
    titles, known = layer_titles(comparison.shapes(of)), criteria()
    rows = []
    for plan in plans:
        config = plan.pruning
        needs = config.criterion in known and known[config.criterion].needs_images
        looks = config.criterion in known and known[config.criterion].needs_curvature
        reads = config.criterion in known and known[config.criterion].needs_graph
        has_numbers = not _is_outdated(plan)
        layers = plan.layers if has_numbers else [None] * len(plan.layers)
        rows.append(
            {
                "plan": plan.name,
                "criterion": criterion_title(config.criterion),
                "removed": plan.sparsity,
                "accuracy": plan.accuracy if has_numbers else None,
                "on images": plan.images if has_numbers else None,
                **dict(zip(titles, layers, strict=False)),
                "order": ORDER_TITLES[config.order],
                "weights compete within": SCOPE_TITLES[config.scope],
                "never-active weights": NEVER_ACTIVE_TITLES[config.never_active] if looks else None,
                **(
                    {"BatchNorm": config.batchnorm if reads and has_numbers else None}
                    if of.has_batchnorm
                    else {}
                ),
                **({"weights divided by": config.scale} if reads and config.scale != SCALES[0] else {}),
                "repair": REPAIR_WORDS.get(config.repair),
                "samples per class": config.samples_per_class if needs else None,
                "seed": config.seed,
                "protected": len(config.protected),
                **(
                    {"budgets": budget_words(comparison.shapes(of), config.budgets)} if config.budgets else {}
                ),
            }
        )
    return pd.DataFrame(rows)


def _draw_plan_choice(of: tasks.Network, plans: list[Plan]) -> None:
    """Let the reader open, rename or delete one plan."""
    keys = {plan.key: plan for plan in plans}
    choose, rename, do = st.columns([2, 2, 2.4], vertical_alignment="bottom")
    key = choose.selectbox("Plan", list(keys), format_func=lambda key: keys[key].name, key="lab-plan")
    plan = keys[key]
    name = rename.text_input(
        "Name", plan.name, max_chars=MAX_NAME, key=f"lab-plan-name-{plan.key}-{plan.name}"
    )
    with do, st.container(horizontal=True):
        if st.button("Rename", key="lab-rename", disabled=name == plan.name):
            _store().put(replace(plan, name=name))
            st.rerun()
        if st.button("Open", key="lab-open", help="Set the controls above to this plan."):
            _open_plan(of, plan)
            st.rerun()
        if st.button("Delete", key="lab-delete"):
            _store().remove(plan.key)
            st.session_state[_DELETED] = plan
            st.rerun()


def _open_plan(of: tasks.Network, plan: Plan) -> None:
    view, config = session.view(), plan.pruning
    compared = view.lab_criteria.split(",")
    comparison.change(
        lab_criteria=",".join(compared if config.criterion in compared else [*compared, config.criterion]),
        lab_samples=config.samples_per_class,
        lab_scope=config.scope,
        lab_order=config.order,
        lab_never=config.never_active,
        lab_repair=config.repair,
        lab_protect=",".join(
            str(index) for index, name in enumerate(comparison.shapes(of)) if name in config.protected
        ),
        lab_budgets=comparison.budgets_text(comparison.shapes(of), dict(config.budgets)),
        lab_seeds=max(view.lab_seeds, config.seed + 1),
    )
    session.change(
        alpha=config.alpha,
        batchnorm=config.batchnorm,
        weight_scale=config.scale,
        parts=",".join(config.layers),
        channels=config.channels,
        lab_sparsity=plan.sparsity,
        lab_look=config.criterion,
    )


def _draw_overlap(of: tasks.Network, plans: list[Plan]) -> None:
    """Draw what the plans remove in common, as far as their orders are still known."""
    known = [plan for plan in plans if not _is_outdated(plan) and curves.curve(of, plan.pruning) is not None]
    if len(known) < 2:
        return
    gone = [curves.ranks(of, plan.pruning) < plan.removed for plan in known]
    shared = np.array([[float((a & b).sum()) / max(1, int(a.sum())) for b in gone] for a in gone])
    jaccard = np.array([[float((a & b).sum()) / max(1, int((a | b).sum())) for b in gone] for a in gone])
    st.markdown("**What plans have in common**")
    files.draw_chart(
        of,
        overlap_heatmap(shared, [plan.name for plan in known], theme(), jaccard=jaccard),
        "plans",
        key="lab-plan-overlap",
    )
    st.caption(
        "Share of what the plan of a row removes that the plan of a column removes as well; by chance it "
        "would be what the plan of the column removes of all."
    )


def _store() -> PlanStore:
    return PlanStore(resources.desk().store.where)
