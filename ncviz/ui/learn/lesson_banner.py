"""The lesson that is on, at the top of every page: its words, its task, and the way to the next one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, cast

import numpy as np
import streamlit as st

from ncviz.errors import NcvizError
from ncviz.plots.small_graphs import preset
from ncviz.scene.small_graph.text import read_graph, write_graph
from ncviz.scene.small_graph.workbench import Workbench
from ncviz.ui.learn.lessons import LESSONS, Facts, changes, opened
from ncviz.ui.session import session
from ncviz.ui.session.results import find_results
from ncviz.ui.session.subject import Subject, first_side

_STYLE = """<style>
.st-key-lesson-banner{padding:.5rem .8rem}
.st-key-lesson-banner p{font-size:.9rem;line-height:1.5}
.st-key-lesson-banner .stMarkdownBadge{line-height:1.3}
.st-key-lesson-banner button{min-height:2rem;padding:.1rem .55rem}
@media (max-width:640px){.st-key-lesson-banner{gap:0}.st-key-lesson-banner p{font-size:.82rem;line-height:1.4}}
</style>"""


def open_link(named: Collection[str]) -> None:
    """Set the view that a link with a lesson asks for.

    Args:
        named: What the link names itself.
    """
    view = session.view()
    if view.lesson == 0:
        return
    if view.lesson not in LESSONS:
        st.toast(f"The link's lesson was left out: there are {len(LESSONS)} lessons.", duration="long")
        session.change(lesson=0)
        return
    session.latest().view = opened(view, named)
    _set_up(view.lesson)


def start(number: int) -> None:
    """Begin a lesson."""
    session.change(**changes(number))
    _set_up(number)


def leave() -> None:
    """End the lesson; what it has set stays."""
    session.change(lesson=0)


def page_to_open(pages: Mapping[str, Any], now: Any) -> Any | None:
    """Return the page that a lesson which has just begun belongs on, None if it is this one or none has begun.

    Args:
        pages: Address → page.
        now: The page that is about to run.
    """
    number = st.session_state.pop("lesson-to-open", None)
    if number is None:
        return None
    page = pages[LESSONS[number].page]
    return None if page is now or page == now else page


def bench() -> Workbench:
    """Return this session's graph on the Learn page."""
    view, own = session.view(), cast("Workbench | None", st.session_state.get("workbench"))
    # Another one is asked for at first, and where the reader goes back in the browser's history.
    if own is None or (own.begun, _kept_text(own)) != (view.graph, view.drawn):
        begin(view.graph)
    return cast(Workbench, st.session_state["workbench"])


def keep() -> None:
    """Put the graph as it is now into the view, and so into the link."""
    session.change(drawn=_kept_text(cast(Workbench, st.session_state["workbench"])))


def _kept_text(own: Workbench) -> str:
    """Return what a link says of the graph: nothing of one that is as it began."""
    text = write_graph(own.graph)
    return "" if text == write_graph(preset(own.begun)) else text


def begin(name: str, edge: tuple[int, int] | None = None) -> None:
    """Put a preset on the Learn page, with what the view says has become of it."""
    last: Workbench | None = st.session_state.get("workbench")
    made = Workbench.begin(name, session.view().idleness, edge)
    if drawn := read_graph(session.view().drawn):
        made.go_on_with(drawn, session.view().idleness)
    session.change(drawn=_kept_text(made))
    # The browser counts on, whichever graph it shows.
    made.seq = 0 if last is None else last.seq
    st.session_state["workbench"] = made


def done() -> set[int]:
    """Return the lessons whose task was done."""
    return {int(number) for number in session.view().ticked.split(",") if number}


def draw_banner() -> None:
    """Draw the lesson that is on."""
    number = session.view().lesson
    if number == 0:
        return
    lesson = LESSONS[number]
    obstacle = ""
    if number not in done():
        facts = _facts(lesson.page)
        if lesson.is_done(facts):
            session.change(ticked=",".join(map(str, sorted({*done(), number}))))
        elif lesson.is_reached(facts):
            obstacle = f" :orange[Not done yet: {lesson.obstacle(facts)}]"
    tick = ":green-badge[✓ Done]" if number in done() else ":gray-badge[To do]"
    task = f"{tick} **{lesson.task}**{obstacle}"
    st.html(_STYLE)
    with st.container(border=True, key="lesson-banner"):
        words, ways = st.columns([3.6, 1], vertical_alignment="center")
        words.markdown(f"**Lesson {number} of {len(LESSONS)} · {lesson.title}.** {lesson.text}  \n{task}")
        with ways, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
            _button("‹", "Previous lesson", number - 1, "secondary")
            _button("Next ›", "Next lesson", number + 1, "primary" if number in done() else "secondary")
            st.button("Leave", key="lesson-leave", on_click=leave, type="tertiary")


def _button(label: str, words: str, number: int, kind: Any) -> None:
    st.button(
        label,
        key=f"lesson-go-{words}",
        help=words,
        on_click=start,
        args=(number,),
        type=kind,
        disabled=number not in LESSONS,
    )


def _set_up(number: int) -> None:
    lesson = LESSONS[number]
    if lesson.page == "learn":
        begin(session.view().graph, lesson.edge)
    st.session_state["lesson-to-open"] = number


def _facts(page: str) -> Facts:
    own = bench()
    accuracy = _accuracy() if page == "explore" else None
    return Facts(session.view(), own.graph, own.selected, accuracy)


def _accuracy() -> float | None:
    """Return the accuracy of the network as it is pruned, off its measured curve, the finest that there is."""
    of, side = session.network(), first_side()
    order = side.view.criterion, side.view.order
    try:
        record, sweep = find_results(of, side)
    except NcvizError:
        return None
    if sweep is None or record is None or order not in sweep.accuracy:
        return None
    subject = Subject(of, record, sweep, side)
    fine, removed = subject.fine_curve(), subject.removed
    # Near a task's limit, the reader sees the finer one's accuracy.
    return (
        sweep.at(*order, removed) if fine is None else float(np.interp(removed, fine.removed, fine.accuracy))
    )
