"""The work behind the check of a network that was brought: reading it, trying some images, measuring the time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from ncviz import tasks
from ncviz.data.datasets import load_dataset
from ncviz.jobs import JobHandle
from ncviz.text import plain
from ncviz.ui.model import draft
from ncviz.ui.server import resources
from ncviz.ui.session import jobs

if TYPE_CHECKING:
    from ncviz.preflight import Preflight

# A small network is checked before anybody sees that it is.
PATIENCE_SECONDS = 1.5
CALIBRATION_IMAGES, CHECKED_IMAGES = 10, 64


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Attributes:
        preflight: Layers, problems, memory, time.
        right: How many of the images the network classifies correctly; None without labels.
        images: Of how many.
        chosen: int64 [n], numbers of the calibration images.
    """

    preflight: Preflight
    right: int | None
    images: int
    chosen: Any = None


def check_network(of: tasks.Network, data_dir: str | None, handle: JobHandle) -> Checked:
    """Read a network, and see how well it does on some of its images.

    Raises:
        NcvizError: If network and images do not fit, in one sentence.
    """
    from ncviz.data.calibration import select_calibration
    from ncviz.data.predicted_labels import predictions
    from ncviz.preflight import preflight

    net = of.module()

    def say(fraction: float, message: str) -> None:
        handle.progress(0.6 * fraction, message)

    # What cannot be read is said before anything is said of the images.
    check = preflight(net, of.image_shape, progress=say, cancel=handle.cancel_event)
    if check.problems:
        return Checked(check, None, 0)
    handle.progress(0.6, "looking at the images")
    chosen = select_calibration(net, load_dataset(of.dataset, "train", data_dir), 1)
    images = load_dataset(of.dataset, "test", data_dir)
    if not images.has_labels:
        return Checked(check, None, 0, chosen)
    handle.progress(0.8, "looking at the images")
    own = slice(0, None, max(1, len(images) // CHECKED_IMAGES))
    answers = predictions(net, images.inputs[own])
    return Checked(check, int((answers == images.labels[own]).sum()), len(answers), chosen)


def time_network(of: tasks.Network, data_dir: str | None, chosen: Any, handle: JobHandle) -> Preflight:
    """Measure live edges, and from a part of the work the time.

    Args:
        of: The network.
        data_dir: Folder of full data sets.
        chosen: int64 [n], numbers of the calibration images.
        handle: Of the job.
    """
    from ncviz.preflight import preflight

    inputs = load_dataset(of.dataset, "train", data_dir).inputs[chosen[:CALIBRATION_IMAGES]]
    return preflight(
        of.module(), of.image_shape, inputs, progress=handle.progress, cancel=handle.cancel_event
    )


def run(slot: str, key: str, work: Callable[[JobHandle], Any]) -> Any:
    """Return what a part of the check found, and show it while it runs.

    Args:
        slot: "check" or "time".
        key: What network and images.
        work: What to run where that is not known.
    """
    held: tuple[str, Any] | None = st.session_state.get(f"bring-{slot}")
    if held is not None and held[0] == key:
        return held[1]
    name = f"{jobs.BRINGING}{slot}-{key}"
    job = resources.registry().get(name)
    what = "Reading your network" if slot == "check" else "Measuring how long it takes"
    if job is None:
        job = jobs.begin(name, what, lambda handle: {"found": work(handle)})
    with st.spinner(f"{what}…"):
        job.wait(PATIENCE_SECONDS)
    if job.is_active:
        draft.follow(job)
        return None
    now = job.snapshot()
    if now.state == "done":
        st.session_state[f"bring-{slot}"] = (key, now.result["found"])
        return now.result["found"]
    if now.state == "failed":
        st.error(plain(now.error or "The check failed."))
    else:
        st.caption("That was stopped.")
    if st.button("Try again", key=f"bring-{slot}-again"):
        resources.registry().forget(name)
        st.rerun()
    return None
