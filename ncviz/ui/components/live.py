"""The live panel: the threshold slider with order switch, accuracy and curve, moving while it is dragged."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Literal, cast, get_args

import streamlit as st

from ncviz.plots.palette import hex_ramp
from ncviz.ui.components.bundle import bundle, read_asset

NAME = "ncviz_live"
MAX_EARLIER = 100

Action = Literal["threshold", "undo", "redo", "reset"]
Tone = Literal["bottleneck", "redundant"]


@dataclass(frozen=True)
class Order:
    """A pruning order that the panel offers.

    `rule` says what is removed, with `{value}` where the threshold stands, such as "removes κ > {value}". An order
    with a `tone` is a segment of the switch and has that end's colour; the others share a menu.
    """

    key: str
    label: str
    rule: str = ""
    hint: str = ""
    tone: Tone | None = None


@dataclass(frozen=True)
class Sweep:
    """Stored points of one order's curve: accuracy (and score at the threshold) at growing numbers removed."""

    removed: Sequence[int]
    accuracy: Sequence[float | None]
    threshold: Sequence[float] = ()


@dataclass(frozen=True)
class Answer:
    """What Python knows about one threshold. Without `exact`, the panel reads its own curve and says so."""

    seq: int  # of the newest request that had been seen when this was measured
    removed: int
    order: str
    accuracy: float | None
    exact: bool
    images: int = 0
    threshold: float | None = None  # the score at the threshold, in the order's own unit


@dataclass(frozen=True)
class LiveRequest:
    """What the reader asked for last. Deal with a `seq` once; a larger one is newer.

    `removed` and `order` are set for "threshold"; for the other actions they say where the panel stood. While
    `is_dragging`, the request is a passing position: answer it, but keep it out of the history.
    """

    seq: int
    action: Action
    removed: int
    order: str
    is_dragging: bool


@cache
def _component() -> Callable[..., Any]:
    """Registered at first use, not at import: importing this package must not need a running app."""
    return st.components.v2.component(
        NAME,
        html=read_asset("live.html"),
        css=read_asset("css/live.css"),
        js=bundle("live_main.js"),
    )


def live_requests(key: str, *, total: int, orders: Sequence[Order]) -> list[LiveRequest]:
    """What the panel `key` asks for, oldest first; call it before `live_panel`, so that its answer can go along.

    The last is the newest; before it stand the finished steps that the browser has no answer for yet.

    What a browser sends is not to be trusted: a request that names no known order or action is left out, and
    `removed` is brought into 0 … `total`.
    """
    state = st.session_state.get(key)
    raw = state.get("request") if isinstance(state, Mapping) else None
    if not isinstance(raw, Mapping):
        return []
    earlier = raw.get("earlier")
    listed = [*earlier[-MAX_EARLIER:], raw] if isinstance(earlier, list) else [raw]
    found = [_request(item, total, orders) for item in listed]
    return sorted((item for item in found if item is not None), key=lambda item: item.seq)


def _request(raw: object, total: int, orders: Sequence[Order]) -> LiveRequest | None:
    """One request as the browser sent it, or None if it makes no sense."""
    if not isinstance(raw, Mapping):
        return None
    action, order, seq, removed = (raw.get(name) for name in ("action", "order", "seq", "removed"))
    is_known = action in get_args(Action) and any(order == known.key for known in orders)
    if not is_known or not _is_count(seq) or not _is_count(removed):
        return None
    return LiveRequest(
        seq=int(cast(int, seq)),
        action=cast(Action, action),
        removed=min(max(int(cast(int, removed)), 0), total),
        order=str(order),
        is_dragging=raw.get("dragging") is True,
    )


def live_panel(
    *,
    channel: str,
    total: int,
    removed: int,
    order: str,
    seq: int,
    orders: Sequence[Order],
    sweeps: Mapping[str, Sweep],
    baseline: float | None,
    answer: Answer | None,
    key: str,
    can_undo: bool = False,
    can_redo: bool = False,
    note: str = "",
    sweep_label: str = "from the curve",
) -> None:
    """Draw the panel; call it inside a fragment, after `live_requests` was read and answered.

    Args:
        channel: the name that the network canvas on this page was given too.
        total: number of prunable parameters.
        removed: how many of them are removed now.
        order: the key of the order in use.
        seq: the newest `LiveRequest.seq` that was dealt with, 0 at first. Keep it in the session's state.
        orders: what can be chosen.
        sweeps: per order key, its stored curve; may lack some.
        baseline: accuracy with nothing removed.
        answer: what was measured last, or None.
        key: of the component.
        can_undo: whether there is a step to undo.
        can_redo: whether there is a step to redo.
        note: a line under the numbers, such as why nothing is measured yet.
        sweep_label: the words beside an accuracy that was read off the curve.
    """
    _component()(
        key=key,
        data={
            "channel": channel,
            "total": int(total),
            "removed": int(removed),
            "order": order,
            "seq": int(seq),
            "orders": [asdict(item) for item in orders],
            "sweeps": {name: _plain(sweep) for name, sweep in sweeps.items()},
            "baseline": _number(baseline),
            "answer": None if answer is None else _plain_answer(answer),
            "can_undo": can_undo,
            "can_redo": can_redo,
            "note": note,
            "sweep_label": sweep_label,
            "tones": _tones(),
        },
        on_request_change=_ignore,
    )


def _plain(sweep: Sweep) -> dict[str, list[Any]]:
    """A sweep as lists that JSON can carry, numpy numbers included."""
    return {
        "removed": [int(value) for value in sweep.removed],
        "accuracy": [_number(value) for value in sweep.accuracy],
        "threshold": [_number(value) for value in sweep.threshold],
    }


def _plain_answer(answer: Answer) -> dict[str, Any]:
    """An answer as JSON can carry it."""
    numbers = {"accuracy": _number(answer.accuracy), "threshold": _number(answer.threshold)}
    whole = {name: int(getattr(answer, name)) for name in ("seq", "removed", "images")}
    return {**whole, **numbers, "order": answer.order, "exact": bool(answer.exact)}


def _number(value: float | None) -> float | None:
    """A number that JSON has: infinities and not-a-number count as unknown."""
    return round(float(value), 5) if value is not None and math.isfinite(value) else None


@cache
def _tones() -> dict[str, dict[str, str]]:
    """The colours of the two ends of the scale, where they are most themselves."""
    ramps = {"light": hex_ramp("light", 41), "dark": hex_ramp("dark", 41)}
    return {theme: {"bottleneck": ramp[9], "redundant": ramp[31]} for theme, ramp in ramps.items()}


def _is_count(value: object) -> bool:
    """A whole number, which JSON may have turned into a float."""
    return isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()


def _ignore() -> None:
    """Nothing to do: the request is read before the component is mounted."""
