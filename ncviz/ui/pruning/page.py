"""The Pruning page: controls, the run that measures what is missing, and the tabs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import streamlit as st

from ncviz import tasks
from ncviz.config import PruningConfig
from ncviz.scene.comparison import (
    Comparison,
    calibration_words,
    measured_sparsities,
    nothing_to_remove,
    sharpness_words,
    weight_count,
)
from ncviz.scene.verdict import other_end, verdict
from ncviz.scene.wording import note_for, short_word
from ncviz.tasks.criteria import Spread
from ncviz.tasks.images import find_dataset
from ncviz.text import about, percent, plain, plural, zero_words
from ncviz.ui.link.view_state import LAB_TABS
from ncviz.ui.pruning import (
    comparison,
    controls,
    curvature_time,
    repairs,
    tab_classes,
    tab_compare,
    tab_finetune,
    tab_layers,
    tab_plans,
    tab_robustness,
)
from ncviz.ui.pruning import curves as curve_runs
from ncviz.ui.session import session
from ncviz.ui.session.following import follow
from ncviz.ui.session.problems import telling_errors

# On which device this session measured what last, by the run's key.
_TRIED = "lab-tried"
TAB_TITLES = {
    "compare": "Compare",
    "layers": "Where it cuts",
    "breaks": "What breaks",
    "tune": "Fine-tune",
    "robust": "Robustness",
    "plans": "Plans and files",
}


@telling_errors()
def draw_page(of: tasks.Network) -> None:
    """Draw the page."""
    st.title("Pruning")
    says = st.container()
    controls.draw_controls(of)
    if note := note_for(of):
        st.caption(note)
    compared = comparison.current()
    shapes = comparison.shapes(of)
    if zeros := zero_words(tasks.zeros_in(of, shapes), weight_count(shapes)):
        st.caption(
            f"{zeros}: they count as removed, go first in every order, and every curve begins with them."
        )
    reachable = measured_sparsities(shapes, compared.protected, of.zeros, compared.budgets)[-1]
    nothing = nothing_to_remove(shapes, compared.protected, of.zeros, compared.budgets)
    if session.view().lab_sparsity > reachable and not nothing:
        held = "budgets of layers" if compared.budgets else "protected layers"
        st.caption(f"The {held} leave at most {percent(reachable)} to look at.")
    if not compared.criteria:
        st.info("Choose at least one criterion above.")
        return
    missing = curve_runs.missing(of, compared)
    spreads = curve_runs.spreads(of, compared)
    shown = compared
    if compared.is_repaired and not spreads:
        # Until the first repaired curve is measured, those as pruned.
        shown = compared.as_pruned
        spreads = curve_runs.spreads(of, shown)
    with says:
        if spreads and shown.repair != compared.repair:
            st.warning("Not repaired yet: all numbers and files here are of networks as they were pruned.")
        _draw_verdict(of, shown, spreads)
        for told in sharpness_words(curve_runs.known(of, compared)):
            st.caption(told)

    def when_measured(part: Callable[[], None]) -> None:
        if nothing:
            st.info(nothing)
            return
        _draw_run(of, compared, missing, is_empty=not spreads)
        if spreads:
            part()
        else:
            st.caption("This appears when the first curve is measured.")

    parts: dict[str, Callable[[], None]] = {
        "compare": lambda: when_measured(lambda: tab_compare.draw_curves(of, shown, spreads)),
        "layers": lambda: when_measured(lambda: tab_layers.draw_layers(of, shown, spreads)),
        "breaks": lambda: when_measured(lambda: tab_classes.draw_classes(of, shown, spreads)),
        "tune": lambda: tab_finetune.draw_finetuning(of),
        "robust": lambda: tab_robustness.draw_robustness(of),
        "plans": lambda: tab_plans.draw_plans(of, shown, spreads),
    }
    # Streamlit forgets the tab on another page; its own default would make it another widget.
    st.session_state.setdefault("lab-tabs", TAB_TITLES[session.view().lab_tab])
    tabs = st.tabs([TAB_TITLES[name] for name in LAB_TABS], key="lab-tabs", on_change="rerun")
    for name, tab in zip(LAB_TABS, tabs, strict=True):
        if tab.open:
            session.change(lab_tab=name)
            with tab:
                parts[name]()


def _draw_verdict(of: tasks.Network, compared: Comparison, spreads: Mapping[str, Spread]) -> None:
    """Begin with what the table shows for this network."""
    if not spreads:
        return
    known = curve_runs.known(of, compared)
    images, word = min(record.images for _, record in known), short_word(of)
    told = verdict(compared, spreads, session.view().lab_lost, images, word)
    if told and compared.is_repaired:
        told.insert(0, repairs.words(of, compared.config("curvature")))
    config = compared.config("curvature").calibration
    sweep = session.context().look_up(tasks.Sweep(of, config, compared.scope, compared.never_active))
    if told and sweep is not None and not compared.holds and not compared.is_repaired:
        told.append(other_end(sweep, word))
    if told:
        st.markdown(" ".join(told))


def _draw_run(
    of: tasks.Network, compared: Comparison, missing: Mapping[str, PruningConfig], *, is_empty: bool
) -> None:
    """Show the run that measures what is missing, or offer it."""
    job = curve_runs.job(of, compared)
    if job is not None and job.is_active:
        done = job.log.done
        follow(job, has_news=lambda: job.log.done != done)
        return
    former = dict(curve_runs.log(of, compared).failures)
    failures = {task.config.criterion: why for task, why in former.items() if isinstance(task, tasks.Curve)}
    # Several criteria fail for one reason, such as too few images.
    for failure in dict.fromkeys(why for name, why in failures.items() if name in compared.criteria):
        st.warning(plain(failure))
    # What has just failed would fail again, unless it is tried elsewhere or later.
    tried = st.session_state.setdefault(_TRIED, {})
    failed = dict(failures) if tried.get(curve_runs.job_key(of, compared)) == session.device() else {}
    todo = [config for config in missing.values() if config.criterion not in failed]
    if not todo:
        return
    curves = plural(len(todo), "curve")
    kappa = curvature_time.seconds(of, todo)
    time = about(curve_runs.seconds(of, todo) + (kappa or 0.0))
    if kappa is None:
        time = f"{time}, beside the curvature"
    if is_empty:
        samples = calibration_words(
            compared.samples_per_class, len(find_dataset(of.dataset).classes), len(compared.seeds)
        )
        st.info(
            f"Nothing is measured yet for {plain(of.title)} with these settings: {samples} for the criteria that look "
            "at images. Each curve is kept, so that it comes back at once."
        )
    else:
        st.info(f"{curves} of this comparison {'is' if len(todo) == 1 else 'are'} not measured yet.")
    if st.button(f"Measure {curves} · {time}", type="primary", key="lab-measure"):
        left = replace(compared, criteria=tuple(name for name in compared.criteria if name not in failed))
        curve_runs.start(of, left)
        # A new run knows nothing of what failed in the one before.
        if failed:
            curve_runs.log(of, compared).failures.update(former)
        tried[curve_runs.job_key(of, compared)] = session.device()
        st.rerun()
    if kappa is None:
        curvature_time.tell(of, todo)
