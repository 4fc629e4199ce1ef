"""Weights that are never active: how many they are, where they go in the order, and what each choice costs."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from ncviz import tasks
from ncviz.config import NEVER_ACTIVE_PLACES
from ncviz.scene.comparison import NEVER_ACTIVE_TITLES
from ncviz.scene.surgery.words import AS_IT_CAME
from ncviz.scene.wording import private_title, short_word
from ncviz.text import never_active_words
from ncviz.ui.server import evaluation, resources
from ncviz.ui.session import jobs, session
from ncviz.ui.session.subject import Subject

# Without a click where it takes no longer than this.
QUICK_SECONDS = 5.0
# Evaluations that the curves of one choice take.
POINTS = 80
SHOWN = (0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9)


def draw_never_active(subject: Subject) -> None:
    """Draw the choice, with the measured accuracies of each beside it."""
    record = subject.record
    if not record.never_active_count:
        st.caption("Every weight whose curvature was measured is active on some calibration image.")
        return
    share = record.never_active_count / record.total
    st.markdown(
        f"**{never_active_words(share, len(record.labels))}.** Each of their edges has a silent unit at one end, on "
        "every one of these images. So nothing was measured of them: they are neither redundant nor bottlenecks, and "
        "on other images they may matter. Where they go in the order is a choice."
    )
    st.radio(
        "Never-active weights go",
        NEVER_ACTIVE_PLACES,
        format_func=lambda name: NEVER_ACTIVE_TITLES[name],
        horizontal=True,
        help="First: before every redundant weight. At their layer's median cost: as if their edges cost what is usual "
        "in their layer, by their size. Last: after every weight that is active. Where bottlenecks go first, the order "
        "is the exact reverse.",
        **session.bound("never"),
    )
    _draw_effect(subject)


def _draw_effect(subject: Subject) -> None:
    asked = {
        place: tasks.Sweep(subject.network, subject.record.config, subject.view.scope, place)
        for place in NEVER_ACTIVE_PLACES
    }
    context = session.context()
    found = {place: context.look_up(task) for place, task in asked.items()}
    known = {place: sweep for place, sweep in found.items() if sweep is not None}
    if len(known) < len(asked):
        _offer(subject, [task for place, task in asked.items() if place not in known])
    if known:
        _draw_table(subject, known)


def _draw_table(subject: Subject, known: dict[str, tasks.SweepRecord]) -> None:
    order, word = subject.view.order, short_word(subject.network)
    rows: list[dict[str, Any]] = []
    for place, sweep in known.items():
        measured = [round(value * sweep.total) for value in SHOWN]
        own = dict(zip(sweep.removed.tolist(), sweep.accuracy["curvature", order].tolist(), strict=True))
        rows.append(
            {
                "go": NEVER_ACTIVE_TITLES[place],
                **{f"{value:.0%}": own.get(at) for value, at in zip(SHOWN, measured, strict=True)},
            }
        )
    images = next(iter(known.values())).images
    first = "redundant" if order == "redundant" else "bottlenecks"
    st.caption(f"{word.capitalize()} on {images:,} images by share of weights removed, {first} first:")
    table = pd.DataFrame(rows).dropna(axis="columns", how="all")
    for name in table.columns[1:]:
        table[name] = [f"{100 * value:.1f}%" for value in table[name]]
    st.table(table.set_index("go"), border="horizontal")
    if subject.by_hand is not None:
        st.caption(f"Measured on {AS_IT_CAME}.")


def _offer(subject: Subject, todo: list[tasks.Sweep]) -> None:
    context = session.context()
    key = "-".join(["places", *(task.key(context) for task in todo)])
    job = resources.registry().get(key)
    if job is not None and job.is_active:
        jobs.follow(job)
        return
    seconds = evaluation.evaluation_seconds(subject.network, context) * POINTS * len(todo)
    is_quick = job is None and resources.torch_ready().is_set() and seconds < QUICK_SECONDS
    if is_quick or st.button(
        "Measure the choices", type="primary", key=f"measure-places-{subject.side.name}"
    ):
        label = f"Never-active weights of {private_title(subject.network)}: accuracy of each place"
        jobs.start(tasks.Series(todo, key), label)
        st.rerun()
