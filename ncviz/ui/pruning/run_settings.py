"""What the tabs Fine-tune and Robustness share: settings that are in the link, styles of criteria, time needed."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.config import PruningConfig
from ncviz.data.datasets import load_dataset
from ncviz.jobs import Job
from ncviz.plots.pruning.styles import Style, styles
from ncviz.text import plain, plural
from ncviz.ui.link import finetune_fields
from ncviz.ui.pruning.comparison import Lab
from ncviz.ui.server import evaluation
from ncviz.ui.session import jobs, session
from ncviz.ui.session.theme import theme


def linked(field: str, name: str, usual: Any, most: int | None = None) -> dict[str, Any]:
    """Return the arguments that make a widget show and change a setting that is in the link.

    Args:
        field: Of the view, "lab_tune" or "lab_robust".
        name: The setting's name in it.
        usual: Its value unless it is chosen, which may hang on the data set; this one stays out of the link.
        most: The largest value that the widget takes.
    """
    shown = _settings(field).get(name, usual)
    shown = shown if most is None else min(shown, most)
    return session.shows(f"{field} {name}", shown, lambda chosen: _choose(field, name, chosen, usual))


def tied(name: str, default: Any) -> dict[str, Any]:
    """Return the arguments that make a widget show and keep the value of this name."""
    kept = _kept()
    return session.shows(name, kept.get(name, default), lambda chosen: kept.update({name: chosen}))


def criteria(field: str, label: str, lab: Lab) -> list[str]:
    """Let the user leave out some of the page's criteria; return those that stay, in the page's order."""
    left_out = _settings(field).get(finetune_fields.SKIP, ())
    chosen = [criterion for criterion in lab.criteria if criterion not in left_out]

    def take(stay: list[str]) -> None:
        gone = tuple(criterion for criterion in lab.criteria if criterion not in stay)
        _choose(field, finetune_fields.SKIP, gone, ())

    st.pills(
        label,
        lab.criteria,
        selection_mode="multi",
        format_func=title,
        help="Which of the criteria chosen above.",
        **session.shows(f"{field} {','.join(lab.criteria)}", chosen, take),
    )
    return chosen


def title(criterion: str) -> str:
    """Return what a criterion is called."""
    from ncviz.pruning.scores import SCORES

    return SCORES[criterion].title


def criterion_styles() -> dict[str, Style]:
    """Return how each criterion is drawn, as on the whole page."""
    from ncviz.pruning.scores import SCORES

    floor = [name for name, score in SCORES.items() if score.is_drawn]
    return styles(list(SCORES), floor, theme())


def first_draw(lab: Lab, criterion: str) -> PruningConfig:
    """Return the settings of a criterion on the page's first draw of calibration images."""
    return lab.config(criterion, lab.seeds[0])


def image_seconds(of: tasks.Network) -> float:
    """Return how long one image takes to classify, among many."""
    device, data_dir = session.device(), session.data_dir()
    images = len(load_dataset(of.dataset, "test", data_dir))
    if not np.isfinite(evaluation.evaluation_seconds(of, device, data_dir)):
        evaluation.measure(of, device, data_dir).result()
    each = evaluation.evaluation_seconds(of, device, data_dir)
    return each / images


def follow(job: Job) -> None:
    """Show a run in the page, whoever started it; the sidebar has to know of it first."""
    if job.key not in st.session_state.get("jobs", []):
        jobs.watch(job.key)
        st.rerun()
    jobs.progress_here(job)


def orders_note(chosen: list[PruningConfig]) -> str:
    """Return a sentence on which images the criteria looked at, for captions."""
    from ncviz.pruning.scores import SCORES

    looking = [config for config in chosen if SCORES[config.criterion].needs_images]
    if not looking:
        return ""
    images = looking[0].samples_per_class
    names = ", ".join(plain(title(config.criterion)) for config in looking)
    each = plural(images, "training image")
    return f"Ranked on {each} of each class, first draw: {names}."


def _settings(field: str) -> dict[str, Any]:
    return finetune_fields.parse(field, getattr(session.view(), field))


def _choose(field: str, name: str, chosen: Any, usual: Any) -> None:
    values = {**_settings(field), name: chosen}
    if chosen == usual:
        del values[name]
    session.change(**{field: finetune_fields.written(field, values)})


def _kept() -> dict[str, Any]:
    found: dict[str, Any] = st.session_state.setdefault("lab-kept", {})
    return found
