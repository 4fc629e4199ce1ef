"""The bar of a lecture, and its keys: P for the stage, PageDown and PageUp or arrows through the steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from ncviz.ui.components.bundle import component

NAME, KEY = "ncviz_presenter", "presenter"


@dataclass(frozen=True)
class Stage:
    """What the bar shows.

    Attributes:
        presents: Whether the page stands on the stage.
        at: Index of the step.
        count: How many steps there are, 0 for none.
        note: Of the step.
        link: To what is shown.
        code: The link as an SVG that a phone reads.
    """

    presents: bool
    at: int = 0
    count: int = 0
    note: str = ""
    link: str = ""
    code: str = ""


def presenter_bar(
    shown: Stage,
    *,
    on_go: Callable[[int], None],
    on_present: Callable[[bool], None],
    on_leave: Callable[[], None],
) -> None:
    """Mount the bar, which is seen on the stage and while there are steps; its keys work on every page.

    Args:
        shown: What it shows.
        on_go: Called with the index of the step that is asked for, before the page runs again.
        on_present: Called with whether the page is to stand on the stage.
        on_leave: Called when the steps are left.
    """

    def went() -> None:
        at = _asked("go")
        if isinstance(at, int | float) and 0 <= at < shown.count:
            on_go(int(at))

    def presented() -> None:
        on_present(_asked("present") is True)

    component(NAME, "stage/presenter")(
        key=KEY,
        data=dict(vars(shown)),
        on_go_change=went,
        on_present_change=presented,
        on_leave_change=on_leave,
    )


def _asked(name: str) -> Any:
    return st.session_state[KEY].get(name)
