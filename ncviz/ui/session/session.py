"""This session's own state: the view, its history, the networks it brought, device and data folder."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, cast

import streamlit as st

from ncviz import tasks
from ncviz.models.zoo import MODELS
from ncviz.scene.history import History
from ncviz.text import plain, shorten
from ncviz.ui.link.view_state import (
    ALL_LAYERS,
    OF_NETWORK,
    OF_SIDE,
    ViewState,
    from_query,
    other,
)
from ncviz.ui.server import resources
from ncviz.ui.session.lost_steps import BROUGHT, find_lost, settle_lost

PRUNING_STEP = ("criterion", "order", "scope", "removed", "hand", "hand_name")
# Nothing removed, nothing chosen.
WHOLE: dict[str, Any] = {
    "removed": 0.0,
    "layer": ALL_LAYERS,
    "zoom": ALL_LAYERS,
    "flow": "all",
    "selected": "",
    "edge": "",
}
WHOLE |= {"parts": "", "channels": 0}
WHOLE |= {name: getattr(ViewState(), name) for name in OF_NETWORK}
OTHER_WHOLE: dict[str, Any] = {other(name): getattr(ViewState(), other(name)) for name in OF_NETWORK}
# One digit says more at first sight than the mean of ten.
FIRST_FLOW = "image-5"
# The second picture's own step; its network goes with it, since a step says nothing about another network.
OTHER_STEP = ("other_model", *(other(name) for name in PRUNING_STEP if name in OF_SIDE))


def has_begun() -> bool:
    """Whether ``begin`` has run in this session."""
    return "latest" in st.session_state


def begin() -> None:
    """Read the link on a session's first run."""
    if has_begun():
        return
    state, problems = from_query(st.query_params.to_dict())
    st.session_state["lost"] = BROUGHT in st.query_params
    if has_lost_network() and "model" not in st.query_params:
        # What the link says of the network that is gone means nothing on the one in its place.
        state = replace(state, **WHOLE)
    find_lost(st.query_params.to_dict(), state)
    st.session_state.update(
        {"latest": Latest(state), "history": History(), "networks": {}, "device": "cpu", "data_dir": None}
    )
    known = {row.name for row in fields(ViewState)} | {BROUGHT}
    problems += [
        f"The link's '{shorten(name)}' was left out: no page knows it."
        for name in st.query_params
        if name not in known
    ]
    for problem in problems:
        # While a page is still being drawn, nobody reads; so it stays longer than others.
        st.toast(plain(problem), duration="long")


def land() -> None:
    """Show what somebody who comes by a bare link sees first, and have the page show how it works."""
    change(flow=FIRST_FLOW)
    st.session_state["landed"] = True


def has_landed() -> bool:
    """Whether this session began with a bare link to the picture."""
    return bool(st.session_state.get("landed"))


@dataclass
class Latest:
    """What a session looks at, readable from other threads: a download is made outside the session's own run."""

    view: ViewState


def latest() -> Latest:
    """Return the holder of what this session looks at."""
    return cast(Latest, st.session_state["latest"])


def token() -> str:
    """Return what tells this session from others, and nothing else of it."""
    return str(st.session_state.setdefault("token", uuid.uuid4().hex))


def view() -> ViewState:
    """Return what this session looks at."""
    return latest().view


def change(**values: Any) -> None:
    """Look at something else; a change of the pruning step can be undone."""
    settle_lost(values)
    before = view()
    after = replace(before, **values)
    if after == before:
        return
    if after.model == before.model:
        _history().push(_step(before), _step(after))
    else:
        st.session_state["history"] = History()
    latest().view = after


def look(at: ViewState) -> None:
    """Look at all of this instead, as a step of its own; a network that this session has forgotten stays away."""
    known = own_networks().keys() | MODELS.keys()
    kept = {name: getattr(at, name) for name in vars(at)}
    if at.model not in known:
        kept |= WHOLE | {"model": view().model}
    # Without a name of its own, the second network is the first.
    if (at.other_model or at.model) not in known:
        kept |= OTHER_WHOLE | {"other_model": ""}
    change(**kept)


def undo() -> None:
    """Go back one pruning step, on whichever picture it was made; steps of a picture that is not shown do not count."""
    _take(_history().undo(_step(view()), _seen))


def redo() -> None:
    """Go forward again."""
    _take(_history().redo(_step(view()), _seen))


def can_undo() -> bool:
    """Whether there is a step to take back."""
    return _history().can_undo(_step(view()), _seen)


def can_redo() -> bool:
    """Whether there is a step to take again."""
    return _history().can_redo(_step(view()), _seen)


def bound(name: str) -> dict[str, Any]:
    """Return the arguments that tie a widget to a field of the view.

    The widget shows the field whatever changed it (a link, undo, another page), and changing it changes the field.
    """
    return shows(name, getattr(view(), name), lambda value: change(**{name: value}))


def shows(name: str, value: Any, take: Callable[[Any], None]) -> dict[str, Any]:
    """Return the arguments of a widget that shows a value from elsewhere and hands on what the user makes of it.

    A message that the browser sent before it learnt of a new value still carries the old one. So each value has a
    widget of its own, and a widget that says what it was given says nothing.

    Args:
        name: What the widget is for.
        value: What it shows.
        take: Called with the user's choice.
    """
    key = f"{name} {value}"
    st.session_state[key] = value

    def changed() -> None:
        picked = st.session_state.get(key)
        if picked is not None and picked != value:
            take(picked)

    return {"key": key, "on_change": changed}


def own_networks() -> dict[str, tasks.Network]:
    """Return the networks that this session brought, by name; no other session sees them."""
    return cast(dict[str, tasks.Network], st.session_state["networks"])


def has_lost_network() -> bool:
    """Whether the link that this session began with was that of a network of another session's own."""
    return bool(st.session_state.get("lost"))


def network(name: str | None = None) -> tasks.Network:
    """Return the network that is looked at, or another by its name."""
    name = view().model if name is None else name
    return own_networks()[name] if name in own_networks() else resources.network(name)


def device() -> str:
    """Return the device that this session computes on."""
    return str(st.session_state["device"])


def select_device(name: str) -> None:
    """Compute and evaluate on another device."""
    st.session_state["device"] = name


def data_dir() -> str | None:
    """Return the folder with full data sets, if the user named one."""
    return cast(str | None, st.session_state["data_dir"])


def context() -> tasks.Context:
    """Return where and how this session's tasks run."""
    return tasks.Context(resources.desk(), data_dir(), device())


def use_data_dir(folder: str | None) -> None:
    """Take full data sets from a folder, or the bundled samples again."""
    st.session_state["data_dir"] = folder


def _history() -> History:
    return cast(History, st.session_state["history"])


def _step(state: ViewState) -> tuple[Any, ...]:
    return tuple(getattr(state, name) for name in (*PRUNING_STEP, *OTHER_STEP))


def _seen(step: tuple[Any, ...]) -> tuple[Any, ...]:
    """The part of a step that can be seen now."""
    return step if view().compare else step[: len(PRUNING_STEP)]


def _take(step: tuple[Any, ...]) -> None:
    values = dict(zip((*PRUNING_STEP, *OTHER_STEP), step, strict=True))
    settle_lost([name for name, value in values.items() if value != getattr(view(), name)])
    latest().view = replace(view(), **values)
