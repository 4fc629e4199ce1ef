"""A network of one's own while it is set up: the network, and its images, before it is one of the session's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import streamlit as st

from ncviz import tasks
from ncviz.jobs import Job
from ncviz.tasks import own_networks
from ncviz.tasks.images import ImageSettings
from ncviz.text import with_code
from ncviz.ui.server import resources
from ncviz.ui.session import jobs, visitors

_DRAFT, _NUMBER = "bring-draft", "bring-number"
# Which step the user is changing; what was there stays until there is something in its place.
_CHANGING = "bring-changing"


@dataclass(frozen=True, eq=False)
class Draft:
    """A network of the user's own, and its images as far as they are known.

    Attributes:
        network: The network; its data set is not chosen yet.
        classes: How many classes it tells apart.
        can_resize: Whether it also takes images of another height and width.
        dataset: Name of its images, "" before there are any.
        settings: How those images become inputs; None for a set that ncviz knows as it is.
    """

    network: tasks.Network
    classes: int
    can_resize: bool = False
    dataset: str = ""
    settings: ImageSettings | None = None

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input: that of the images, or before there are any, that of the network's file."""
        return self.network.image_shape if self.settings is None else self.settings.input_shape

    @cached_property
    def bound(self) -> tasks.Network:
        """The network with its images."""
        return replace(self.network, dataset=self.dataset, input_shape=self.input_shape)


def current() -> Draft | None:
    """Return the network that is being set up, None if there is none yet."""
    found: Draft | None = st.session_state.get(_DRAFT)
    return found


def take_network(network: tasks.Network, dataset: str = "") -> None:
    """Go on with another network; its images are asked for anew, unless it comes with them.

    Raises:
        ModelError: If it gives no list of classes, or the server has no room for it.
    """
    classes = tasks.logits_of(network)
    own_networks.NETWORK_MEMORY.claim(network)
    st.session_state[_DRAFT] = Draft(network, classes, tasks.takes_other_sizes(network), dataset)
    change("")


def take_images(dataset: str, settings: ImageSettings | None) -> None:
    """Go on with other images for the network."""
    found = current()
    if found is not None:
        st.session_state[_DRAFT] = replace(found, dataset=dataset, settings=settings)
        change("")


def change(step: str) -> None:
    """Offer the choices of "network" or "images" anew, "" for neither."""
    st.session_state[_CHANGING] = step


def is_changing(step: str) -> bool:
    """Whether the choices of a step are offered anew."""
    return bool(st.session_state.get(_CHANGING) == step)


def keep_former(step: str, title: str) -> None:
    """Draw the way back to what was there before, while a step is changed."""
    words, back = st.columns([4, 1], vertical_alignment="center")
    words.caption(f"In place of {title}, which stays until there is another.")
    if back.button("Keep it", key=f"bring-keep-{step}", width="stretch"):
        change("")
        clear_problem("file" if step == "network" else step)
        st.rerun()


def begin(slot: str, label: str, work: Callable[[Job], Any]) -> None:
    """Start one of the page's own pieces of work, seen by this session alone.

    Args:
        slot: What it is for; one runs of each, and an older one is stopped.
        label: What it is called.
        work: As for a job.
    """
    former = running(slot)
    if former is not None:
        former.cancel()
    number = resources.next_number()
    key = st.session_state[f"{_NUMBER}-{slot}"] = f"bring-{slot}-{number}"
    st.session_state.pop(f"{_NUMBER}-{slot}-error", None)
    jobs.begin(key, label, work, jobs.BRINGING)


def running(slot: str) -> Job | None:
    """Return the work of a slot while it runs."""
    job = resources.registry().get(st.session_state.get(f"{_NUMBER}-{slot}", ""))
    return job if job is not None and job.is_active else None


def follow(job: Job) -> None:
    """Show a run in its step, and draw the page anew at its end."""
    jobs.progress_here(job)
    st.fragment(_until_done, run_every=visitors.every(jobs.POLL_SECONDS))(job)


def _until_done(job: Job) -> None:
    if not job.is_active:
        st.rerun(scope="app")


def collect(slot: str) -> Any:
    """Return what a slot's work came to, once; None before, and where it failed, which is then said until the next."""
    key = st.session_state.get(f"{_NUMBER}-{slot}", "")
    job = resources.registry().get(key)
    if job is None or job.is_active:
        return None
    del st.session_state[f"{_NUMBER}-{slot}"]
    now = job.snapshot()
    # What it came to may be large, and belongs to this session.
    resources.registry().forget(key)
    if now.state == "done":
        return now.result
    say_problem(slot, with_code(now.error or "Stopped; nothing was changed."))
    return None


def say_problem(slot: str, sentence: str) -> None:
    """Keep a sentence, plain Markdown, beside a slot until its next try."""
    st.session_state[f"{_NUMBER}-{slot}-error"] = sentence


def clear_problem(slot: str) -> None:
    """Forget the sentence beside a slot."""
    st.session_state.pop(f"{_NUMBER}-{slot}-error", None)


def draw_problem(slot: str) -> None:
    """Draw the sentence beside a slot, if there is one."""
    sentence = st.session_state.get(f"{_NUMBER}-{slot}-error", "")
    if sentence:
        st.error(sentence)
