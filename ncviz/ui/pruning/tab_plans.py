"""The Pruning page's last tab: plans that are saved, named and compared, and the files of a pruned network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import streamlit as st

from ncviz import tasks
from ncviz.config import PruningConfig
from ncviz.plots.pruning.tables import overlap_heatmap
from ncviz.scene.comparison import ORDER_TITLES, SCOPE_TITLES, Comparison, layer_titles, weight_count
from ncviz.scene.wording import short_word, word_for
from ncviz.tasks.criteria import Spread, criteria, criterion_title, layer_sparsity
from ncviz.text import percent, plain, plural
from ncviz.ui.pruning import comparison, curves, files, tab_classes
from ncviz.ui.server import resources
from ncviz.ui.server.plan_store import MAX_NAME, Plan, PlanStore
from ncviz.ui.session import session
from ncviz.ui.session.problems import telling_errors
from ncviz.ui.session.theme import theme

_DELETED = "lab-deleted-plan"


def draw_plans(of: tasks.Network, compared: Comparison, spreads: Mapping[str, Spread]) -> None:
    """Draw the form that saves what is chosen, the plans that there are, and the files."""
    found = _choose_network(of, compared, spreads) if spreads else None
    if found is not None:
        _draw_save_form(of, found)
    else:
        st.info("Files and new plans need a criterion's curve: measure one first.")
    st.subheader("Plans")
    with telling_errors():
        _draw_list(of)
    if found is not None:
        st.subheader("Files")
        files.draw_files(of, found.config, found.removed)


@dataclass(frozen=True, eq=False)
class _PrunedNetwork:
    """The pruned network that plans and files are made of."""

    title: str
    config: PruningConfig
    removed: int
    total: int
    accuracy: float
    images: int
    word: str

    @property
    def name(self) -> str:
        """What a plan is called unless its maker says otherwise."""
        return f"{self.title} {percent(self.removed / self.total)}"

    @property
    def words(self) -> str:
        """What it is and how accurate, in a sentence of Markdown."""
        return (
            f"**{self.title}, {percent(self.removed / self.total)} removed**: {self.total - self.removed:,} of "
            f"{self.total:,} weights kept, {self.word} {self.accuracy:.2%} on {self.images:,} evaluation images."
        )


def _choose_network(of: tasks.Network, compared: Comparison, spreads: Mapping[str, Spread]) -> _PrunedNetwork:
    (name,) = tab_classes.draw_criterion_choice(spreads, beside=False)
    config, removed = curves.first_known(of, compared, name), curves.removed_at(of, compared)
    found = curves.measured(of, config, removed)
    total = weight_count(comparison.shapes(of))
    return _PrunedNetwork(
        criterion_title(name), config, removed, total, found.accuracy, len(found.labels), word_for(of)
    )


@telling_errors()
def _draw_save_form(of: tasks.Network, pruned: _PrunedNetwork) -> None:
    st.markdown(pruned.words)
    with st.form("lab-save-plan", border=False, clear_on_submit=True):
        column, press, _ = st.columns([2, 1, 1.5], vertical_alignment="bottom")
        typed = column.text_input("Save this as a plan", placeholder=pruned.name, max_chars=MAX_NAME)
        pressed = press.form_submit_button("Save this plan", type="primary", width="stretch")
    if not pressed:
        return
    sizes = [int(np.prod(shape)) for shape in comparison.shapes(of).values()]
    layers = layer_sparsity(curves.ranks(of, pruned.config), pruned.removed, sizes)
    plan = Plan(
        typed or pruned.name,
        of.fingerprint,
        of.title if of.is_bundled else f"own checkpoint ({of.architecture})",
        pruned.config,
        pruned.removed,
        pruned.total,
        pruned.accuracy,
        pruned.images,
        tuple(layers.tolist()),
    )
    _store().put(plan)
    st.toast(plain(f"Saved as “{plan.name}”."))


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
        st.dataframe(
            _plan_table(of, plans),
            hide_index=True,
            column_config={
                name: st.column_config.NumberColumn(format="percent")
                for name in ("removed", *layer_titles(comparison.shapes(of)))
            }
            | {"accuracy": st.column_config.NumberColumn(short_word(of), format="percent")}
            | {"on images": st.column_config.NumberColumn(format="localized")},
        )
        _draw_plan_choice(of, plans)
        _draw_overlap(of, plans)
    if others:
        st.caption(f"{plural(others, 'plan')} of other networks are kept as well.")


def _plan_table(of: tasks.Network, plans: list[Plan]) -> pd.DataFrame:
    titles, known = layer_titles(comparison.shapes(of)), criteria()
    rows = []
    for plan in plans:
        config = plan.pruning
        needs = config.criterion in known and known[config.criterion].needs_images
        rows.append(
            {
                "plan": plan.name,
                "criterion": criterion_title(config.criterion),
                "removed": plan.sparsity,
                "accuracy": plan.accuracy,
                "on images": plan.images,
                **dict(zip(titles, plan.layers, strict=False)),
                "order": ORDER_TITLES[config.order],
                "weights compete within": SCOPE_TITLES[config.scope],
                "samples per class": config.samples_per_class if needs else None,
                "seed": config.seed,
                "protected": len(config.protected),
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
    names = comparison.layer_names(of)
    shown = view.lab_criteria.split(",")
    comparison.change(
        lab_criteria=",".join(shown if config.criterion in shown else [*shown, config.criterion]),
        lab_samples=config.samples_per_class,
        lab_scope=config.scope,
        lab_order=config.order,
        lab_protect=",".join(str(index) for index, name in enumerate(names) if name in config.protected),
        lab_seeds=max(view.lab_seeds, config.seed + 1),
    )
    session.change(alpha=config.alpha, lab_sparsity=plan.sparsity, lab_look=config.criterion)


def _draw_overlap(of: tasks.Network, plans: list[Plan]) -> None:
    """Draw what the plans remove in common, as far as their orders are still known."""
    known = [plan for plan in plans if curves.curve(of, plan.pruning) is not None]
    if len(known) < 2:
        return
    gone = [curves.ranks(of, plan.pruning) < plan.removed for plan in known]
    shared = np.array([[float((a & b).sum()) / max(1, int(a.sum())) for b in gone] for a in gone])
    jaccard = np.array([[float((a & b).sum()) / max(1, int((a | b).sum())) for b in gone] for a in gone])
    st.markdown("**What plans have in common**")
    st.plotly_chart(
        overlap_heatmap(shared, [plan.name for plan in known], theme(), jaccard=jaccard),
        theme=None,
        config=files.chart_config(of, "plans"),
        key="lab-plan-overlap",
    )
    st.caption(
        "Share of what the plan of a row removes that the plan of a column removes as well; by chance it "
        "would be what the plan of the column removes of all."
    )


def _store() -> PlanStore:
    return PlanStore(resources.store().where)
