"""Reads a link into what a person is looking at, value by value; what is bad is left out and named."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ncviz.config import MAX_SAMPLES_PER_CLASS, check_alpha, check_whole
from ncviz.errors import NcvizError
from ncviz.models.zoo import MODELS
from ncviz.plots.small_graphs import PRESETS
from ncviz.pruning.order import ORDERS, SCOPES
from ncviz.tasks import CRITERIA
from ncviz.ui.link import finetune_fields
from ncviz.ui.link.view_state import (
    ALL_LAYERS,
    AXES,
    DETAILS,
    EDGE_CAPS,
    HIDEABLE,
    LAB_TABS,
    MAX_SEEDS,
    VIEWS,
    ViewState,
)


def from_query(query: Mapping[str, str]) -> tuple[ViewState, list[str]]:
    """Read a link.

    Returns:
        The state, with defaults in place of what is missing or bad, and a sentence for each bad value.
    """
    state, problems = ViewState(), []
    for name, read in _READERS.items():
        if name not in query:
            continue
        try:
            value = read(query[name])
            changed = replace(state, **{name: value})
            _ = changed.config
        except (ValueError, OverflowError) as error:
            reason = (
                str(error) if isinstance(error, NcvizError) else f"'{query[name][:40]}' is no valid value."
            )
            problems.append(f"The link's {name} was left out: {reason}")
            continue
        state = changed
    if "random" in {state.criterion, state.other_criterion}:
        order, other = (
            ORDERS[0] if criterion == "random" else way
            for criterion, way in ((state.criterion, state.order), (state.other_criterion, state.other_order))
        )
        if (order, other) != (state.order, state.other_order):
            state = replace(state, order=order, other_order=other)
            problems.append("The link's order was left out: a random order has no other end.")
    return state, problems


def _choice(name: str, choices: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise NcvizError(f"{name} must be one of {', '.join(choices)}, got '{text[:40]}'.")
        return text

    return read


def _pattern(name: str, pattern: str, example: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        # Other alphabets have digits of their own.
        if not re.fullmatch(pattern, text, re.ASCII):
            raise NcvizError(f"{name} must read such as {example}, got '{text[:40]}'.")
        return text

    return read


def _settings(field: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        return finetune_fields.written(field, finetune_fields.parse(field, text))

    return read


def _flag(text: str) -> bool:
    return bool(("0", "1").index(text))


def _lesson(text: str) -> int:
    return check_whole("the lesson", int(text), 0, 99)


def _hidden(text: str) -> str:
    return ",".join(_choice("what is hidden", HIDEABLE)(part) for part in text.split(",") if part)


def _fraction(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise NcvizError(f"the fraction removed must lie in [0, 1], got {text[:40]}.")
    return value


def _points(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 100:
        raise NcvizError(f"the points of accuracy lost must lie in [0, 100], got {text[:40]}.")
    return value


def _layer(text: str) -> int:
    value = int(text)
    if not ALL_LAYERS <= value < 10_000:
        raise NcvizError(f"the layer must be a small whole number, got {text[:40]}.")
    return value


def _cap(text: str) -> int:
    return min(EDGE_CAPS, key=lambda cap: abs(cap - int(text)))


# Which of them exist is known where torch is; what is none is left out there.
_CRITERION = r"[a-z][a-z0-9_-]{0,29}"
_READERS: dict[str, Callable[[str], Any]] = {
    "model": _choice("the model", tuple(MODELS)),
    "criterion": _choice("the criterion", CRITERIA),
    "order": _choice("the order", ORDERS),
    "scope": _choice("the scope", SCOPES),
    "removed": _fraction,
    "layer": _layer,
    "edges": _cap,
    "samples": int,
    "alpha": float,
    "seed": int,
    "parts": _pattern("the layers", r"[\w.-]{1,200}(,[\w.-]{1,200}){0,399}|", "features.0.weight,fc.weight"),
    "channels": int,
    "show": _choice("the picture", VIEWS),
    "detail": _choice("the detail", DETAILS),
    "flow": _pattern("the flow", r"all|(image|class)-\d{1,6}", "all, image-3 or class-7"),
    "selected": _pattern(
        "the selection",
        r"(unit|channel)-\d{1,4}-\d{1,9}|weight-\d{1,9}|slice(-\d{1,9}){3}",
        "unit-1-7 or weight-42",
    ),
    "edge": _pattern("the edge", r"\d{1,4}-\d{1,9}-\d{1,9}", "1-20-7 (connection, source, target)"),
    "compare": _flag,
    "other_model": _choice("the other model", tuple(MODELS)),
    "other_criterion": _choice("the other criterion", CRITERIA),
    "other_order": _choice("the other order", ORDERS),
    "other_removed": _fraction,
    "lesson": _lesson,
    "hide": _hidden,
    "graph": _choice("the graph", tuple(PRESETS)),
    "idleness": lambda text: check_alpha(float(text)),
    "lab_criteria": _pattern("the criteria", rf"{_CRITERION}(,{_CRITERION})*", "curvature,magnitude"),
    "lab_seeds": lambda text: check_whole("the number of seeds", int(text), 1, MAX_SEEDS),
    "lab_samples": lambda text: check_whole("samples per class", int(text), 1, MAX_SAMPLES_PER_CLASS),
    "lab_scope": _choice("the scope", SCOPES),
    "lab_order": _choice("the order", ORDERS),
    "lab_protect": _pattern("the protected layers", r"\d{1,4}(,\d{1,4})*|", "0,2"),
    "lab_sparsity": _fraction,
    "lab_lost": _points,
    "lab_axis": _choice("the scale", AXES),
    "lab_look": _pattern("the criterion", rf"{_CRITERION}|", "curvature"),
    "lab_beside": _pattern("the criterion", rf"{_CRITERION}|", "magnitude"),
    "lab_tab": _choice("the tab", LAB_TABS),
    "lab_tune": _settings("lab_tune"),
    "lab_robust": _settings("lab_robust"),
}
