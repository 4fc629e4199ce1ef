"""Each class's accuracy over the evaluation images, at the step of the slider and of the whole network."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial

import numpy as np
import streamlit as st

from ncviz.config import Group
from ncviz.errors import NcvizError
from ncviz.scene.surgery.steps import CUT, read_group
from ncviz.scene.wording import short_word
from ncviz.ui.components.classes.component import ClassMeasured, class_bars
from ncviz.ui.explore.by_hand.operate import steps_of
from ncviz.ui.explore.live_curves import slider_step
from ncviz.ui.server import evaluation, resources
from ncviz.ui.session import session
from ncviz.ui.session.subject import Subject, change

_NO_STEPS, _PICKED = np.empty(0, np.int64), "picked-class"


def draw_bars(subject: Subject, step: Future[evaluation.Measured] | None) -> bool:
    """Draw the bars, in the part of the page that runs during a drag; a press looks at that class's bottlenecks.

    Args:
        subject: The network at the step that is reached.
        step: What was measured there, None if it is not known yet.

    Returns:
        Whether the whole network was measured.
    """
    whole = None
    if resources.torch_ready().is_set():
        whole = evaluation.measure_whole(subject.network, session.context())
    is_known = whole is not None and whole.done()
    measured = _measured(subject, step, whole if is_known else None)
    group = read_group(subject.view.group)
    chosen = group.numbers if group is not None and group.kind == "class" else ()
    class_bars(
        slider_step(subject),
        subject.classes,
        measured,
        chosen=chosen,
        is_cut=any(step.action == CUT and step.target == subject.view.group for step in steps_of(subject)),
        word=short_word(subject.network),
        key=f"classes-{subject.side.name}-{subject.network.fingerprint[:12]}-{subject.network.dataset}",
        on_pick=partial(_pick, subject),
    )
    if st.session_state.pop(_PICKED, False):
        # Picture, link and controls show the class too.
        st.rerun(scope="app")
    return is_known


def look_at_classes(subject: Subject, labels: tuple[int, ...]) -> None:
    """Look at the bottlenecks of some classes; of none, where it is empty."""
    change(subject.side, group=str(Group("class", tuple(sorted(labels)))) if labels else "")


def _pick(subject: Subject, label: int, adds: bool) -> None:
    group = read_group(subject.now().view.group)
    before = set(group.numbers) if group is not None and group.kind == "class" else set()
    alone = set() if before == {label} else {label}
    look_at_classes(subject, tuple(before ^ {label} if adds else alone))
    st.session_state[_PICKED] = True


def _measured(
    subject: Subject,
    step: Future[evaluation.Measured] | None,
    whole: Future[evaluation.Measured] | None,
) -> ClassMeasured:
    count = len(subject.classes)
    before, images = (None, 0) if whole is None else _by_class(whole, count)
    now, at_step = (None, 0) if step is None else _by_class(step, count)
    fine = subject.fine_curve()
    if fine is None:
        return ClassMeasured(before, now, _NO_STEPS, np.empty((0, count)), images or at_step)
    return ClassMeasured(before, now, fine.removed, fine.classes, images or at_step)


def _by_class(done: Future[evaluation.Measured], count: int) -> tuple[np.ndarray | None, int]:
    try:
        found = done.result()
    except NcvizError:
        # The panel beside them says what went wrong.
        return None, 0
    return found.by_class(count), len(found.labels)
