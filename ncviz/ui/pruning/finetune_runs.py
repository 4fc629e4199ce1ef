"""Fine-tunings in the background: what runs, how far it has come, and what is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.fingerprint import digest
from ncviz.jobs import Job, JobHandle
from ncviz.scene.wording import private_title
from ncviz.tasks.criteria import criterion_title
from ncviz.tasks.finetuning import (
    FineTuneRecord,
    PruneAndTune,
    compute_finetune,
    finetune_key,
    stored_finetune,
)
from ncviz.text import plural
from ncviz.ui.server import resources
from ncviz.ui.session import jobs, session

KEPT_RUNS = 20
KEY = jobs.FINETUNE


@dataclass(eq=False)
class Progress:
    """How far one criterion's fine-tuning has come; its job appends, pages read.

    Attributes:
        loss: Of each step so far.
        accuracy: Before, and after each epoch so far.
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)

    @property
    def losses(self) -> np.ndarray:
        """The same as an array, float64 [steps so far]."""
        return np.array(list(self.loss))

    @property
    def accuracies(self) -> np.ndarray:
        """The same as an array, float64 [epochs so far + 1]."""
        return np.array(list(self.accuracy))


def known(of: tasks.Network, asked: Mapping[str, PruneAndTune]) -> dict[str, FineTuneRecord]:
    """Return what was done before, by criterion."""
    found = {}
    for name, config in asked.items():
        key = finetune_key(of, config, session.data_dir())
        record = _unstored().get(key) or _stored(key, of, config, session.data_dir())
        if record is not None:
            found[name] = record
    return found


def start(of: tasks.Network, todo: Mapping[str, PruneAndTune], asked: Mapping[str, PruneAndTune]) -> Job:
    """Fine-tune one criterion after the other in the background; each is stored when it is done.

    Args:
        of: The network.
        todo: What is to be done.
        asked: What the page asks for, which may be more.
    """
    store, device, data_dir = resources.store(), session.device(), session.data_dir()
    key = job_key(of, asked)
    runs: dict[str, Progress] = {}

    def work(handle: JobHandle) -> dict[str, Any]:
        problem = None
        for index, (name, config) in enumerate(todo.items()):
            run = runs[name] = Progress()

            def report(fraction: float, message: str, index: int = index, name: str = name) -> None:
                handle.progress((index + fraction) / len(todo), f"{criterion_title(name)}: {message}")

            def step(_: int, loss: float, run: Progress = run) -> None:
                run.loss.append(loss)

            def epoch(_: int, accuracy: float, run: Progress = run) -> None:
                run.accuracy.append(accuracy)

            outcome = compute_finetune(
                store,
                of,
                config,
                device=device,
                data_dir=data_dir,
                progress=report,
                cancel=handle.cancel_event,
                on_step=step,
                on_epoch=epoch,
            )
            if outcome.problem:
                problem = outcome.problem
                resources.keep(_unstored(), finetune_key(of, config, data_dir), outcome.record, KEPT_RUNS)
        return {"problem": problem}

    current = resources.registry().get(key)
    if current is None or not current.is_active:
        resources.keep(_runs(), key, runs, KEPT_RUNS)
    what = plural(len(todo), "criterion", "criteria")
    return jobs.begin(key, f"Fine-tuning {private_title(of)} after pruning, {what}", work)


def job(of: tasks.Network, asked: Mapping[str, PruneAndTune]) -> Job | None:
    """Return the latest run of what the page asks for."""
    return resources.registry().get(job_key(of, asked))


def job_key(of: tasks.Network, asked: Mapping[str, PruneAndTune]) -> str:
    """Return the key of a run."""
    return KEY + digest([finetune_key(of, config, session.data_dir()) for config in asked.values()])


def progress_of(key: str) -> dict[str, Progress]:
    """Return how far the criteria of a run have come."""
    return dict(_runs().get(key, {}))


def _stored(key: str, of: tasks.Network, config: PruneAndTune, data_dir: str | None) -> FineTuneRecord | None:
    if not resources.store().has(key):
        return None
    found = _read(key, of, config, data_dir)
    if found is None:
        # A damaged file: what is computed in its place must be read.
        _read.clear()
    return found


@st.cache_resource
def _runs() -> dict[str, dict[str, Progress]]:
    """Return how far every run on this server has come, by the job's key."""
    return {}


@st.cache_resource
def _unstored() -> dict[str, FineTuneRecord]:
    """Return what could not be written, such as to a full disk, by the store's key."""
    return {}


@st.cache_resource(max_entries=32)
def _read(
    key: str, _of: tasks.Network, _config: PruneAndTune, _data_dir: str | None
) -> FineTuneRecord | None:
    return stored_finetune(resources.store(), _of, _config, _data_dir)
