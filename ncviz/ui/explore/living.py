"""The flow of one image through the network as it is pruned now: in the browser where it can, else from the server."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, cast

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.errors import NcvizError
from ncviz.limits import LIMITS
from ncviz.plots.network.header import FlowProgram
from ncviz.plots.network.ranks import Forward
from ncviz.scene.flow_choices import samples_together
from ncviz.scene.selection import read_flow
from ncviz.tasks import CurvatureRecord
from ncviz.text import megabytes, plain
from ncviz.ui.server import flowing, resources
from ncviz.ui.session import session
from ncviz.ui.session.subject import Subject

# How long the page waits for a flow before it goes on without.
PATIENCE_SECONDS = 0.3
# Characters that a picture may take on its way, four for three bytes.
MAX_FILE = 28_000_000


def browser_forward(subject: Subject) -> Forward | None:
    """Return what the browser needs to follow a drag by itself; None for networks that go by the server."""
    network = subject.network
    if not can_follow(subject):
        return None
    context = session.context()
    found = context.look_up(tasks.Forward(network))
    if found is None and resources.torch_ready().is_set():
        try:
            found = flowing.read_forward(network, context).result(PATIENCE_SECONDS)
        except (TimeoutError, NcvizError):
            found = None
    return forward_of(subject, found) if found else None


def can_follow(subject: Subject) -> bool:
    """Whether the browser can follow a drag by itself, once it has what it needs for that."""
    if not tasks.has_exact_pixels(subject.network) or subject.record.pictures.images.ndim != 4:
        return False
    found = session.context().look_up(tasks.Forward(subject.network))
    return found is None or bool(found)


def forward_of(subject: Subject, found: tasks.ForwardRecord) -> Forward:
    """Return a network's forward with all the numbers that it reads, and what is scaled by hand."""
    arrays = subject.network.arrays
    program = cast(FlowProgram, found.header(arrays, subject.record.shapes))
    return Forward(program, found.values(arrays), subject.factor)


def own_image(record: CurvatureRecord) -> np.ndarray | None:
    """Return the image that was drawn or brought in this session, uint8 [C, H, W]; None where it does not fit."""
    found: np.ndarray | None = st.session_state.get("own-image")
    return None if found is None or found.shape != record.pictures.images.shape[1:] else found


def no_own_image_words(record: CurvatureRecord) -> str:
    """Return why there is no own image for a network."""
    found: np.ndarray | None = st.session_state.get("own-image")
    if found is None:
        return "a drawn or a brought image stays in its session."
    sizes = (" × ".join(map(str, shape)) for shape in (found.shape, record.pictures.images.shape[1:]))
    return "your image has {} values, and this network sees {}.".format(*sizes)


def take_image(value: Any) -> None:
    """Take an image that was drawn; what a browser sends is not to be trusted."""
    if not isinstance(value, Mapping):
        return
    try:
        sizes = [int(value[name]) for name in ("channels", "rows", "columns")]
        content = base64.b64decode(str(value["pixels"]), validate=True)
        pixels = np.frombuffer(content, np.uint8).reshape(sizes)
    except (KeyError, ValueError, TypeError, OverflowError):  # what is no base64 is a ValueError, too
        return
    if min(sizes) > 0 and pixels.size <= LIMITS.layer_units:
        _keep(pixels)


def take_file(network: tasks.Network) -> Callable[[Any], None]:
    """Return what takes a picture of the user's own for a network."""

    def take(value: Any) -> None:
        if not isinstance(value, Mapping):
            return
        text = str(value.get("content"))
        if len(text) > MAX_FILE:
            st.toast(f"The picture was left out: it is larger than {megabytes(3 * MAX_FILE // 4)}.")
            return
        try:
            content = base64.b64decode(text, validate=True)
            pixels, note = tasks.read_picture(content, str(value.get("name")), network, session.token())
        except binascii.Error:
            return
        except NcvizError as error:
            st.toast(plain(str(error)))
            return
        if note:
            st.toast(note)
        _keep(pixels)

    return take


def _keep(pixels: np.ndarray) -> None:
    st.session_state["own-image"] = pixels
    session.change(flow="own")


def flow_answer(subject: Subject, *, is_dragging: bool) -> dict[str, Any] | None:
    """Return what flows at the step, as plain JSON; None where the browser knows, or it is not known yet."""
    if not follows(subject) or not resources.torch_ready().is_set():
        return None
    try:
        found = _flowing(subject).result(PATIENCE_SECONDS)
    except (TimeoutError, NcvizError):
        return None
    flow = subject.view.flow
    told = {
        "of": flow_basis(subject),
        "image": flow,
        "removed": subject.removed,
        "order": subject.order,
        **_plain(found.at),
    }
    told["ranges"] = [[float(low), float(high)] for low, high in found.ranges]
    # The browser knows the whole network's flow by the time of a drag, and it is as large.
    return told | {"whole": None if is_dragging else _plain(found.whole)}


def flow_basis(subject: Subject) -> str:
    """Return what tells a flow from that of another network, of other images, or after other things done by hand."""
    view, own = subject.view, own_image(subject.record)
    image = "" if own is None or view.flow != "own" else hashlib.sha256(own.tobytes()).hexdigest()
    network, key = subject.network, subject.record.key
    facts = (network.fingerprint, network.dataset, key, view.scope, view.never, view.hand, image)
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def is_pending(subject: Subject) -> bool:
    """Whether the flow that was asked for last is still being found."""
    _, future = _asked().get(subject.side.name, (None, None))
    return future is not None and not future.done()


def follows(subject: Subject) -> bool:
    """Whether the server has to say what flows at every step of a drag."""
    return subject.view.show == "network" and _image(subject) is not None and browser_forward(subject) is None


def _image(subject: Subject) -> tuple[str, Callable[[], Any]] | None:
    """Return what tells the images that flow from others, and what reads them, [n, …]; None where none do."""
    network, record, context = subject.network, subject.record, session.context()
    flow, own = read_flow(subject.view.flow), own_image(record)
    together = samples_together(record, subject.view.flow)
    if flow.kind == "image" and flow.number < len(record.calibration):
        together = [flow.number]
    if together is not None:
        indices = record.calibration[together].tolist()
        what = f"{network.dataset} {context.data_dir} train {indices}"
        return what, lambda: tasks.calibration_inputs(network, context, indices)
    if flow.kind == "own" and own is not None:
        return f"{network.dataset} own {hashlib.sha256(own.tobytes()).hexdigest()}", lambda: tasks.input_of(
            network, context, own
        )[None]
    return None


def _flowing(subject: Subject) -> Future[flowing.Flowing]:
    """Return the flow at a step: that under way or done if it is of the same, else a new one."""
    found = _image(subject)
    assert found is not None
    image, read = found
    record, view = subject.record, subject.view
    step = (
        record.key,
        subject.order,
        view.scope,
        view.never,
        view.hand,
        subject.removed,
        image,
        session.device(),
    )
    known, future = _asked().get(subject.side.name, (None, None))
    if known == step and future is not None:
        return future
    if future is not None:
        # Nobody waits for it any more.
        future.cancel()
    future = flowing.flow_at(subject.network, session.context(), image, read, subject.masks())
    _asked()[subject.side.name] = (step, future)
    return future


def _asked() -> dict[str, tuple[tuple[Any, ...], Future[flowing.Flowing]]]:
    found: dict[str, tuple[tuple[Any, ...], Future[flowing.Flowing]]]
    found = st.session_state.setdefault("flows", {})
    return found


def _plain(state: tasks.FlowState) -> dict[str, Any]:
    scores = [round(float(score), 6) for score in state.scores]
    activity = base64.b64encode(state.activity.tobytes()).decode()
    return {"activity": activity, "scores": scores, "said": state.said.tolist()}
