"""The live panel: the threshold slider with order switch, accuracy and curve, moving while it is dragged."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import streamlit as st

from ncviz.ui.components.bundle import component, ignore
from ncviz.ui.components.live.data import Order

NAME = "ncviz_live"
MAX_EARLIER = 100
SCALES = ("ends", "linear")

Action = Literal["threshold", "undo", "redo", "reset", "scale", "cut"]


@dataclass(frozen=True)
class LiveRequest:
    """What the reader asked for last. Deal with a `seq` once; a larger one is newer.

    `removed` and `order` are set for "threshold"; for the other actions they say where the panel stood. `value` is the
    name of the scale for "scale", and the finite κ to cut at for "cut". While `is_dragging`, the request is a passing
    position: answer it, but keep it out of the history.
    """

    seq: int
    action: Action
    removed: int
    order: str
    is_dragging: bool
    value: str | float | None = None


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
    value = raw.get("value")
    if action == "scale" and value not in SCALES:
        return None
    if action == "cut" and not _is_number(value):
        return None
    return LiveRequest(
        seq=int(cast(int, seq)),
        action=cast(Action, action),
        removed=min(max(int(cast(int, removed)), 0), total),
        order=str(order),
        is_dragging=raw.get("dragging") is True,
        value=cast("str | float", value) if action in ("scale", "cut") else None,
    )


def live_panel(data: Mapping[str, Any], *, key: str) -> None:
    """Draw the panel; call it inside a fragment, after `live_requests` was read and answered.

    Args:
        data: from `ncviz.ui.components.live.data.panel_data`. Keep its `seq` in the session's state.
        key: of the component.
    """
    component(NAME, "live/component")(key=key, data=dict(data), on_request_change=ignore)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: object) -> bool:
    """A whole number, which JSON may have turned into a float."""
    return _is_number(value) and float(cast(float, value)).is_integer()
