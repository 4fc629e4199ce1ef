"""The Learn page: the graph to edit, the chosen edge's problem, the lessons, the link for a class."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit

import streamlit as st

from ncviz.plots.small_graphs import PRESETS
from ncviz.scene.small_graph.arithmetic import enough_digits, plan_table, sentences
from ncviz.scene.small_graph.workbench import (
    curvature,
    edge_name,
    flow,
    moves,
    neural,
    parcels,
    problem,
)
from ncviz.text import number
from ncviz.ui.components.graph.component import SelectedEdge, graph_actions, graph_editor
from ncviz.ui.learn import lesson_banner
from ncviz.ui.learn.lessons import LESSONS
from ncviz.ui.link.view_state import HIDE_TITLES, ViewState
from ncviz.ui.session import session
from ncviz.ui.session.tables import show_table

EDITOR_HEIGHT = 430
KEY = "graph-editor"
TABLE_ROWS = 7


def draw_page() -> None:
    """Draw the page."""
    st.title("Learn")
    _draw_introduction()
    _draw_controls()
    picture, numbers = st.columns([1.75, 1], gap="medium")
    with picture:
        _draw_editor()
        if not session.view().is_graph_in_link:
            st.caption("This graph is too large for a link: a reload begins with the one it was made from.")
    with numbers:
        _draw_arithmetic()
    st.markdown("##### Six lessons")
    _draw_lessons()
    with st.expander("All edges"):
        _draw_edges()
    with st.expander("Share this lesson"):
        _draw_share()


def _draw_introduction() -> None:
    """Say in one line what is seen, and what to do; a lesson says it better."""
    if session.view().lesson:
        return
    st.markdown(
        ":red[**Red edges are bottlenecks**], :blue[**blue ones are redundant**]. Click an edge to see its mass move, "
        "and change the graph to see what that does to κ."
    )


def _draw_controls() -> None:
    """Draw what chooses the graph and the idleness."""
    bench = lesson_banner.bench()
    columns = st.columns(2, gap="medium", vertical_alignment="bottom")
    columns[0].selectbox(
        "Graph",
        list(PRESETS),
        format_func=lambda name: PRESETS[name].title,
        help=PRESETS[bench.begun].hint,
        **session.shows("graph", bench.begun, _begin),
    )
    columns[1].slider(
        "α, the share that stays",
        0.0,
        0.95,
        step=0.05,
        help="Idleness: how much of its mass each end keeps to itself. The rest lies on its neighbours.",
        **session.shows("idleness", min(session.view().idleness, 0.95), _idle),
    )


def _draw_editor() -> None:
    """Draw the graph."""
    bench, alpha = lesson_banner.bench(), session.view().idleness
    selected = None
    if bench.selected is not None:
        found = problem(bench.graph, bench.selected, alpha)
        before = dict(zip(found.sources, found.a.tolist(), strict=True))
        after = dict(zip(found.targets, found.b.tolist(), strict=True))
        digits = enough_digits(found).work
        total = number(found.value, digits)
        ways = parcels(bench.graph, found)
        selected = SelectedEdge(bench.selected, before, after, flow(bench.graph, found), ways, total, digits)
    graph_editor(
        bench.graph,
        curvature(bench.graph, alpha),
        key=KEY,
        height=EDITOR_HEIGHT,
        seq=bench.seq,
        on_actions=_take_actions,
        selected=selected,
        changed=bench.changes(alpha),
        status=bench.summary(alpha),
        can_undo=bench.history.can_undo(bench.graph),
        can_redo=bench.history.can_redo(bench.graph),
    )


def _draw_arithmetic() -> None:
    """Work out the curvature of the selected edge in numbers."""
    bench, alpha = lesson_banner.bench(), session.view().idleness
    if bench.selected is None:
        st.markdown("##### No edge selected")
        st.caption("Click an edge: its two heaps of mass, the cheapest way from one to the other, and its κ.")
        return
    found = problem(bench.graph, bench.selected, alpha)
    kappa = neural(found)
    kind = "bottleneck" if kappa < -0.005 else "redundant" if kappa > 0.005 else "flat"
    colour = {"bottleneck": "red", "redundant": "blue", "flat": "gray"}[kind]
    name = edge_name(bench.selected, bench.graph.is_directed)
    st.markdown(f"##### Edge {name}: κ = :{colour}[{number(kappa, 2)}], {kind}")
    digits = enough_digits(found)
    show_table(
        plan_table(found, digits),
        hide_index=True,
        height=min(len(moves(found)), TABLE_ROWS) * 35 + 38,
        column_config={
            "mass": st.column_config.NumberColumn(format=f"%.{digits.mass}f"),
            "distance": st.column_config.NumberColumn(format="%.10g"),
            "mass × distance": st.column_config.NumberColumn(format=f"%.{digits.mass}f"),
        },
    )
    st.markdown(sentences(found, digits))
    # Streamlit leaves a number outside its own limits in the field without a word.
    st.number_input(
        f"Length of {name}",
        step=0.5,
        width=200,
        help="In a neural network, 1/|weight|. A neighbour at the end of a long edge gets less mass: in proportion to "
        "exp(−length²).",
        **session.shows(f"length of {bench.selected}", bench.graph.lengths[bench.selected], _lengthen),
    )
    if bench.refused_length:
        st.markdown(f":red[{bench.refused_length}]")


def _draw_edges() -> None:
    """List every edge's curvature."""
    bench, alpha = lesson_banner.bench(), session.view().idleness
    found = sorted(curvature(bench.graph, alpha).items(), key=lambda item: item[1])
    changes = bench.changes(alpha)
    table: dict[str, list[Any]] = {
        "edge": [edge_name(edge, bench.graph.is_directed) for edge, _ in found],
        "κ": [kappa for _, kappa in found],
        "length": [bench.graph.lengths[edge] for edge, _ in found],
    }
    if changes:
        table["before the last change"] = [changes.get(edge, (kappa,))[0] for edge, kappa in found]
    show_table(
        table,
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(format="%.3f") for name in ("κ", "before the last change")
        },
    )


def _draw_lessons() -> None:
    """Offer the lessons."""
    done, now = lesson_banner.done(), session.view().lesson
    for row in range(0, len(LESSONS), 3):
        # Row by row, so that they keep their order where columns come one under the other.
        for column, (at, lesson) in zip(st.columns(3), list(LESSONS.items())[row : row + 3], strict=True):
            column.button(
                f"{'✓ ' if at in done else ''}{at} · {lesson.title}",
                key=f"lesson-{at}",
                on_click=lesson_banner.start,
                args=(at,),
                type="primary" if at == now else "secondary",
                width="stretch",
            )


def _draw_share() -> None:
    """Make a link for a class: a lesson or this graph, and what it leaves out."""
    view = session.view()
    titles = {0: "This graph, no lesson"} | {n: f"{n} · {each.title}" for n, each in LESSONS.items()}
    lesson = st.selectbox(
        "The link opens",
        list(titles),
        index=list(titles).index(view.lesson),
        format_func=lambda at: titles[at],
        key=f"share-lesson {view.lesson}",
    )
    st.caption("It leaves out:")
    columns = st.columns(3)
    hides: dict[str, bool] = st.session_state.setdefault(
        "share-hides", {part: view.hides(part) for part in HIDE_TITLES}
    )
    for at, (part, title) in enumerate(HIDE_TITLES.items()):
        # Kept at the click: a run that the next click cuts short never comes to this box.
        columns[at % 3].checkbox(
            title, **session.shows(f"share-{part}", hides[part], partial(hides.__setitem__, part))
        )
    hidden = [part for part, is_hidden in hides.items() if is_hidden]
    st.code(lesson_link(st.context.url or "", lesson, hidden, view), language=None, wrap_lines=True)


def lesson_link(here: str, lesson: int, hidden: list[str], view: ViewState) -> str:
    """Return the address that opens a lesson, or the Learn page's graph where there is none.

    Args:
        here: Address of this page.
        lesson: Number of the lesson, 0 for none.
        hidden: What the pages leave out.
        view: What is looked at.
    """
    parts = urlsplit(here)
    folder = parts.path[: -len("learn")] if parts.path.endswith("/learn") else parts.path
    root = f"{parts.scheme}://{parts.netloc}{folder.rstrip('/')}/"
    opened = ViewState(
        lesson=lesson,
        hide=",".join(hidden),
        graph=view.graph if lesson == 0 else ViewState.graph,
        drawn=view.drawn if lesson == 0 else ViewState.drawn,
        idleness=view.idleness if lesson == 0 else ViewState.idleness,
    )
    query = urlencode(opened.to_query(), safe=",")
    return f"{root}{'' if lesson else 'learn'}{'?' if query else ''}{query}"


def _take_actions() -> None:
    bench = lesson_banner.bench()
    for action in graph_actions(KEY, bench.seq):
        bench.take(action)
        bench.seq = int(action["seq"])
    lesson_banner.keep()


def _begin(name: str) -> None:
    session.change(graph=name, drawn="")
    lesson_banner.begin(name)


def _idle(alpha: float) -> None:
    lesson_banner.bench().refused_length = ""
    session.change(idleness=alpha)


def _lengthen(length: float) -> None:
    lesson_banner.bench().lengthen(length)
    lesson_banner.keep()
