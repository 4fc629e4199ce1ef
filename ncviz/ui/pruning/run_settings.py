"""What the tabs Fine-tune and Robustness share: settings that are in the link, styles of criteria, time needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.config import PruningConfig
from ncviz.plots.pruning.styles import Style, styles
from ncviz.scene.comparison import Comparison
from ncviz.tasks.criteria import criteria, criterion_title
from ncviz.text import about, plain, plural
from ncviz.ui.link import finetune_fields
from ncviz.ui.server import evaluation
from ncviz.ui.session import session
from ncviz.ui.session.theme import theme


def linked(field: str, name: str, usual: Any, most: int | None = None) -> dict[str, Any]:
    """Return the arguments that make a widget show and change a setting that is in the link.

    Args:
        field: Of the view, "lab_tune" or "lab_robust".
        name: The setting's name in it.
        usual: Its value unless it is chosen, which may hang on the data set; this one stays out of the link.
        most: The largest value that the widget takes.
    """
    value = _settings(field).get(name, usual)
    value = value if most is None else min(value, most)
    return session.shows(f"{field} {name}", value, lambda chosen: _choose(field, name, chosen, usual))


def tied(name: str, default: Any) -> dict[str, Any]:
    """Return the arguments that make a widget show and keep the value of this name."""
    kept = st.session_state.setdefault("lab-kept", {})
    return session.shows(name, kept.get(name, default), lambda chosen: kept.update({name: chosen}))


def draw_criteria(field: str, label: str, compared: Comparison) -> list[str]:
    """Let the user leave out some of the page's criteria; return those that stay, in the page's order."""
    left_out = _settings(field).get(finetune_fields.SKIP, ())
    stay = [criterion for criterion in compared.criteria if criterion not in left_out]

    def take(names: list[str]) -> None:
        gone = tuple(criterion for criterion in compared.criteria if criterion not in names)
        _choose(field, finetune_fields.SKIP, gone, ())

    st.pills(
        label,
        compared.criteria,
        selection_mode="multi",
        format_func=criterion_title,
        help="Which of the criteria chosen above.",
        **session.shows(f"{field} {','.join(compared.criteria)}", stay, take),
    )
    return stay


def criterion_styles() -> dict[str, Style]:
    """Return how each criterion is drawn, as on the whole page."""
    known = criteria()
    return styles(
        list(known),
        [name for name, score in known.items() if score.is_drawn],
        theme(),
        session.view().lab_order,
    )


def image_seconds(of: tasks.Network) -> float:
    """Return how long one image takes to classify, among many."""
    context = session.context()
    images = len(context.images(of, "test"))
    if not np.isfinite(evaluation.evaluation_seconds(of, context)):
        evaluation.measure(of, context).result()
    each = evaluation.evaluation_seconds(of, context)
    return each / images


def offer_run(
    label: str, names: Sequence[str], seconds: float, key: str, start: Callable[[], object]
) -> None:
    """Draw the button that starts a run for some criteria, and how long that takes.

    Args:
        label: Of the button.
        names: Of the criteria.
        seconds: How long, beside ranking the weights.
        key: Of the button.
        start: Starts it.
    """
    columns = st.columns([1, 3], vertical_alignment="center")
    if columns[0].button(label, type="primary", key=key, width="stretch"):
        start()
        st.rerun()
    titles = ", ".join(plain(criterion_title(name)) for name in names)
    columns[1].markdown(
        f"{titles}: {about(seconds, 'a second or two', 2)}, beside what ranking the weights takes where that is new."
    )


def orders_note(configs: list[PruningConfig]) -> str:
    """Return a sentence on which images the criteria looked at, for captions."""
    looking = [config for config in configs if criteria()[config.criterion].needs_images]
    if not looking:
        return ""
    images = looking[0].samples_per_class
    names = ", ".join(plain(criterion_title(config.criterion)) for config in looking)
    each = plural(images, "training image")
    return f"Ranked on {each} of each class, first draw: {names}."


def _settings(field: str) -> dict[str, Any]:
    return finetune_fields.parse(field, getattr(session.view(), field))


def _choose(field: str, name: str, chosen: Any, usual: Any) -> None:
    values = {**_settings(field), name: chosen}
    if chosen == usual:
        del values[name]
    session.change(**{field: finetune_fields.written(field, values)})
