"""One class, several, or single images: their own bottlenecks, how many are lit, and the button that cuts them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from ncviz.config import Group
from ncviz.scene.surgery.steps import CUT, Step, read_group
from ncviz.scene.surgery.words import group_title
from ncviz.text import plain
from ncviz.ui.explore.by_hand.operate import add_step, drop_target, steps_of
from ncviz.ui.explore.by_hand.own_groups import (
    found_bottlenecks,
    group_count,
    offer_bottlenecks,
)
from ncviz.ui.link.view_state import of_other
from ncviz.ui.session import session
from ncviz.ui.session.problems import telling_errors
from ncviz.ui.session.subject import Subject, change

# How many may be lit at most: a share of all weights, and a number for networks with a million of them.
LARGEST_SHARE, LARGEST_COUNT = 0.1, 20_000
MOST_IMAGES = 200


def draw_group(subject: Subject) -> None:
    """Draw what is known of the group that is looked at, or how to choose one."""
    group = read_group(subject.view.group)
    found = None if group is None else found_bottlenecks(subject)
    if group is not None and found is None:
        offer_bottlenecks(subject, group)
    if group is not None and found is not None:
        st.markdown(_words(subject, group, found))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        if group is None:
            st.caption(
                "Press a class, here or in the picture: the bottlenecks that it has to itself light up."
            )
        elif found is not None:
            _draw_cut(subject, group, found)
        _draw_choice(subject, group)


def _words(subject: Subject, group: Group, found: np.ndarray) -> str:
    title = plain(group_title(group, subject.classes))
    whose = "its" if len(group.numbers) == 1 else "their"
    lit = f"{min(group_count(subject), len(found)):,} most specific are lit"
    return (
        f"**The bottlenecks of {title} alone:** {len(found):,} of {subject.total:,} weights have κ < 0 on {whose} "
        f"images and more on the other classes' on average; the {lit}."
    )


def _draw_cut(subject: Subject, group: Group, found: np.ndarray) -> None:
    if not len(found):
        return
    side = subject.side.name
    most = max(1, min(round(LARGEST_SHARE * subject.total), LARGEST_COUNT, len(found)))
    count = min(group_count(subject), most)
    target = str(group)
    done = next((step for step in steps_of(subject) if step.target == target and step.action == CUT), None)
    if most > 1:
        st.slider(
            "How many of them",
            1,
            most,
            width=230,
            **session.shows(
                f"group-count-{side}", count, lambda value: change(subject.side, group_count=int(value))
            ),
        )
    is_same = done is not None and int(done.amount) == count

    def take_out() -> None:
        with telling_errors(st.toast):
            add_step(subject, Step(CUT, target, str(count)))

    def put_back() -> None:
        with telling_errors(st.toast):
            drop_target(subject, target)

    st.button(
        f"Cut {count:,}" if done is None or is_same else f"Cut {count:,} instead",
        type="secondary" if is_same else "primary",
        key=f"cut-group-{side}",
        on_click=take_out,
        disabled=is_same,
        help="Takes these weights out, whatever the slider says of them. It can be undone.",
    )
    st.button("Put back", key=f"restore-group-{side}", on_click=put_back, disabled=done is None)
    if not subject.view.compare and group.kind == "class":
        _draw_beside(subject, group, count)


def _draw_beside(subject: Subject, group: Group, count: int) -> None:
    """Offer another class beside this one: two pictures, in each the bottlenecks of one class cut."""
    others = [number for number in range(len(subject.classes)) if number not in group.numbers]

    def compare(label: int | None) -> None:
        if label is None:
            return
        view, other = session.view(), Group("class", (label,))
        steps = steps_of(subject)
        is_cut = any(step.target == str(group) for step in steps)
        same = {"criterion": view.criterion, "order": view.order, "group_count": view.group_count}
        same |= {"model": "", "removed": 0.0, "group": str(other), "hand_name": ""}
        hand = str(Step(CUT, str(other), str(count))) if is_cut else ""
        session.change(compare=True, **of_other(same | {"hand": hand}))

    st.selectbox(
        "Beside it, another class",
        [None, *others],
        format_func=lambda label: "none" if label is None else subject.classes[label],
        width=200,
        help="Two pictures: in the second the same is done to that class.",
        **session.shows("class-beside", None, compare),
    )


def _draw_choice(subject: Subject, group: Group | None) -> None:
    """Let the reader put classes and images together."""
    with st.popover("Several…", help="Several classes together, or single images."):
        labels = subject.record.labels.tolist()
        options = [str(Group("class", (label,))) for label in sorted(set(labels))]
        if len(labels) > len(options):
            options += [str(Group("image", (at,))) for at in range(min(len(labels), MOST_IMAGES))]
        chosen = [] if group is None else [str(Group(group.kind, (number,))) for number in group.numbers]
        # Of a few images a class each, images are their classes.
        options += [name for name in chosen if name not in options]
        st.multiselect(
            "Looked at together",
            options,
            format_func=lambda name: _option(name, subject),
            **session.shows(
                f"group-{subject.side.name}",
                chosen,
                lambda names: change(subject.side, group=_together(names, labels)),
            ),
        )
        st.caption("Several classes, or single calibration images; at least one class has to be left out.")


def _option(name: str, subject: Subject) -> str:
    group = read_group(name)
    if group is None:
        return name
    if group.kind == "class":
        return group_title(group, subject.classes)
    return f"image {group.numbers[0]}, class {subject.classes[int(subject.record.labels[group.numbers[0]])]}"


def _together(names: Sequence[str], labels: Sequence[int]) -> str:
    """Return a group of classes, or of images where any is chosen, as it is written; "" for none."""
    groups = [group for group in map(read_group, names) if group is not None]
    if not groups:
        return ""
    numbers = {number for group in groups for number in group.numbers if group.kind == "class"}
    images = {number for group in groups for number in group.numbers if group.kind == "image"}
    if not images:
        return str(Group("class", tuple(sorted(numbers))))
    images |= {at for at, label in enumerate(labels) if label in numbers}
    return str(Group("image", tuple(sorted(images))))
