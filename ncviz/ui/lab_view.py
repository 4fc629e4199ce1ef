"""The Pruning page: controls, the run that measures what is missing, and the tabs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import streamlit as st

from ncviz import pipeline
from ncviz.config import PruningConfig
from ncviz.data.datasets import find_dataset
from ncviz.errors import NcvizError
from ncviz.jobs import Job
from ncviz.pruning.compare import Spread
from ncviz.ui import (
    compute,
    finetune_view,
    lab_breaks,
    lab_compare,
    lab_controls,
    lab_layers,
    lab_plans,
    lab_results,
    lab_state,
    resources,
    robustness_view,
    session,
    visitors,
)
from ncviz.ui.lab_state import Lab
from ncviz.ui.naming import plain
from ncviz.ui.view_state import LAB_TABS
from ncviz.ui.words import note_for

POLL_SECONDS = 0.7
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


def show(of: pipeline.Network) -> None:
    """Draw the page."""
    lab_controls.show(of)
    if note := note_for(of):
        st.caption(note)
    lab = lab_state.current()
    reachable = lab_state.within(lab_state.shapes(of), lab.protected)[-1]
    nothing = lab_controls.nothing_to_remove(of, lab)
    if session.view().lab_sparsity > reachable and not nothing:
        st.caption(f"The protected layers leave at most {lab_controls.percent(reachable)} to look at.")
    if not lab.criteria:
        st.info("Choose at least one criterion above.")
        return
    try:
        missing = lab_results.missing(of, lab)
        spreads = lab_results.spreads(of, lab)
    except NcvizError as error:
        st.error(plain(str(error)))
        return

    def compared(part: Callable[[], None]) -> None:
        if nothing:
            st.info(nothing)
            return
        _run(of, lab, missing, is_empty=not spreads)
        _needing(spreads, part)

    parts: dict[str, Callable[[], None]] = {
        "compare": lambda: compared(lambda: lab_compare.show(of, lab, spreads)),
        "layers": lambda: compared(lambda: lab_layers.show(of, lab, spreads)),
        "breaks": lambda: compared(lambda: lab_breaks.show(of, lab, spreads)),
        "tune": lambda: finetune_view.show(of),
        "robust": lambda: robustness_view.show(of),
        "plans": lambda: lab_plans.show(of, lab, spreads),
    }
    # Streamlit forgets the tab on another page; its own default would make it another widget.
    st.session_state.setdefault("lab-tabs", TAB_TITLES[session.view().lab_tab])
    tabs = st.tabs([TAB_TITLES[name] for name in LAB_TABS], key="lab-tabs", on_change="rerun")
    for name, tab in zip(LAB_TABS, tabs, strict=True):
        if tab.open:
            session.change(lab_tab=name)
            with tab:
                parts[name]()


def _needing(spreads: Mapping[str, Spread], part: Callable[[], None]) -> None:
    if spreads:
        part()
    else:
        st.caption("This appears when the first curve is measured.")


def _run(of: pipeline.Network, lab: Lab, missing: Mapping[str, PruningConfig], *, is_empty: bool) -> None:
    """Show the run that measures what is missing, or offer it."""
    job = lab_results.job(of, lab)
    if job is not None and job.is_active:
        _follow(of, lab, job)
        return
    failures = lab_results.run(of, lab).failures
    # Several criteria fail for one reason, such as too few images.
    for failure in dict.fromkeys(why for name, why in failures.items() if name in lab.criteria):
        st.warning(plain(failure))
    # What has just failed would fail again, unless it is tried elsewhere or later.
    tried = st.session_state.setdefault(_TRIED, {})
    failed = dict(failures) if tried.get(lab_results.job_key(of, lab)) == session.device() else {}
    todo = [config for config in missing.values() if config.criterion not in failed]
    if not todo:
        return
    curves = "1 curve" if len(todo) == 1 else f"{len(todo)} curves"
    time = compute.duration(lab_results.seconds(of, todo)).removesuffix(" left")
    if is_empty:
        samples = lab_controls.calibration_words(
            lab.samples_per_class, len(find_dataset(of.dataset).classes), len(lab.seeds)
        )
        st.info(
            f"Nothing is measured yet for {plain(of.title)} with these settings: {samples} for the criteria that look "
            "at images. Each curve is kept, so that it comes back at once."
        )
    else:
        st.info(f"{curves} of this comparison {'is' if len(todo) == 1 else 'are'} not measured yet.")
    if st.button(f"Measure {curves} · {time}", type="primary", key="lab-measure"):
        left = replace(lab, criteria=tuple(name for name in lab.criteria if name not in failed))
        lab_results.start(of, left)
        # A new run knows nothing of what failed in the one before.
        for name, why in failed.items():
            lab_results.run(of, lab).failures.setdefault(name, why)
        tried[lab_results.job_key(of, lab)] = session.device()
        st.rerun()


def _follow(of: pipeline.Network, lab: Lab, job: Job) -> None:
    """Show a run, whoever started it, and draw the page anew with each curve that it finishes."""
    if job.key not in st.session_state.get("jobs", []):
        compute.watch(job.key)
        st.rerun()
    compute.progress_here(job)
    st.fragment(_redraw, run_every=visitors.every(POLL_SECONDS))(job.key, lab_results.run(of, lab).done)


def _redraw(key: str, done: int) -> None:
    job = resources.registry().get(key)
    if job is None or not job.is_active or lab_results.done(key) != done:
        st.rerun(scope="app")
