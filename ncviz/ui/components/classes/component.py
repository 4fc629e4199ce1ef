"""The bars of each class's accuracy: they follow the slider within the browser, and say which class was pressed."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from ncviz.ui.components.bundle import component
from ncviz.ui.components.live.data import SliderStep, tones

NAME = "ncviz_classes"
# What stands for 100% where accuracies travel as 16-bit integers; one more says that a class has no images.
FULL = 65534


@dataclass(frozen=True, eq=False)
class ClassMeasured:
    """What was measured of each class.

    Attributes:
        before: float64 [classes], accuracy of the whole network, NaN where a class has no images; None if not known.
        now: float64 [classes], that at the step where the slider stands; None if not known.
        steps: int64 [m], numbers of removed weights at which it is known too; empty for none.
        each: float32 [m, classes], the accuracies there.
        images: On how many images, 0 if not known.
    """

    before: np.ndarray | None
    now: np.ndarray | None
    steps: np.ndarray
    each: np.ndarray
    images: int


def class_bars(
    step: SliderStep,
    names: Sequence[str],
    measured: ClassMeasured,
    *,
    chosen: Sequence[int],
    is_cut: bool,
    word: str,
    key: str,
    on_pick: Callable[[int, bool], None],
) -> None:
    """Draw the bars.

    Args:
        step: Where the slider of the same picture's live panel stands; the panel's word overrides it.
        names: Of the classes.
        measured: Their accuracies.
        chosen: The classes that are looked at.
        is_cut: Whether the bottlenecks that these have to themselves are cut.
        word: What the share of right answers is called.
        key: Of the component.
        on_pick: Called with the class that was pressed and whether it is to be added, before the page runs again.
    """
    data: dict[str, Any] = {
        "channel": step.channel,
        "removed": step.removed,
        "order": step.order,
        "names": list(names),
        "before": _plain(measured.before),
        "now": None
        if measured.now is None
        else {"removed": step.removed, "order": step.order, "accuracy": _plain(measured.now)},
        "steps": _steps(step.order, measured),
        "chosen": list(chosen),
        "is_cut": is_cut,
        "word": word,
        "images": measured.images,
        "tones": tones(),
    }

    def picked() -> None:
        value = st.session_state[key].get("pick")
        if (
            isinstance(value, dict)
            and isinstance(value.get("label"), int)
            and 0 <= value["label"] < len(names)
        ):
            on_pick(value["label"], bool(value.get("adds")))

    component(NAME, "classes/component")(key=key, data=data, on_pick_change=picked)


def _plain(values: np.ndarray | None) -> list[float | None] | None:
    if values is None:
        return None
    return [None if np.isnan(value) else round(float(value), 5) for value in values]


def _steps(order: str, measured: ClassMeasured) -> dict[str, Any] | None:
    if not len(measured.steps):
        return None
    packed = np.where(np.isnan(measured.each), FULL + 1, np.rint(np.nan_to_num(measured.each) * FULL))
    text = base64.b64encode(packed.astype("<u2").tobytes()).decode()
    return {"order": order, "removed": measured.steps.tolist(), "accuracy": text}
