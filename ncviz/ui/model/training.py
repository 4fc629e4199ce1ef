"""Trains a network in the background, of the zoo or out of a form, and offers it to this session."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.jobs import Job
from ncviz.plots.training_curve import training_curve
from ncviz.tasks import MODELS
from ncviz.tasks.training import ModelSpec, TrainedResult, Training, own_spec
from ncviz.text import with_code
from ncviz.ui.server import resources
from ncviz.ui.session import jobs as background
from ncviz.ui.session import networks, visitors
from ncviz.ui.session.problems import telling_errors

POLL_SECONDS = 0.7
MAX_EPOCHS = 200


class Kind(StrEnum):
    """What is trained, as widgets' keys begin; what comes of a form is its maker's own, and no other session's."""

    ZOO = "training-"
    FORM = "form-training-"


def draw_training() -> None:
    """Draw the form of the zoo's networks, and the run that was started last."""
    st.write(
        "Train one of the architectures from a fresh start; the same seed gives the same network on the CPU."
    )
    with st.form("training-form"):
        columns = st.columns([2, 1, 1, 1], vertical_alignment="bottom")
        name = columns[0].selectbox("Network", list(MODELS), format_func=lambda key: MODELS[key].title)
        epochs = columns[1].number_input("Epochs", 1, MAX_EPOCHS, 10)
        seed = columns[2].number_input("Seed", 0, 2**31 - 1, 1)
        pressed = columns[3].form_submit_button("Train", type="primary", width="stretch")
    if pressed:
        _start(MODELS[str(name)], Kind.ZOO, int(epochs), int(seed))
    follow(Kind.ZOO)


def start_form(architecture: str, dataset: str, epochs: int, seed: int) -> None:
    """Train the network of a form."""
    _start(own_spec(architecture, dataset), Kind.FORM, epochs, seed)


def follow(kind: Kind) -> None:
    """Draw the latest run of a kind: of the server's for the zoo's networks, else of this session's."""
    job = _find_latest(kind)
    if job is not None:
        st.fragment(_draw_run, run_every=visitors.every(POLL_SECONDS) if job.is_active else None)(
            job, job.is_active, kind
        )


def take_trained(kind: Kind) -> tasks.Network | None:
    """Return the network that was chosen out of the runs of a kind, once."""
    found: tasks.Network | None = st.session_state.pop(f"{kind}chosen", None)
    return found


def _find_latest(kind: Kind) -> Job | None:
    own = st.session_state.get("jobs", [])
    jobs = [
        job
        for job in resources.registry().jobs()
        if (task := _find_task(job)) is not None
        and task.is_public == (kind == Kind.ZOO)
        and (kind == Kind.ZOO or job.key in own)
    ]
    return jobs[-1] if jobs else None


def _find_task(job: Job) -> Training | None:
    """Return what a job trains; None if it does something else."""
    task = job.log.tasks[-1] if isinstance(job.log, tasks.SeriesLog) else None
    return task if isinstance(task, Training) else None


def _start(spec: ModelSpec, kind: Kind, epochs: int, seed: int) -> None:
    task = Training(spec, epochs, seed, is_public=kind == Kind.ZOO)
    background.start(tasks.Series([task]), f"Training {spec.title}, {epochs} epochs, seed {seed}")


def _draw_run(job: Job, was_active: bool, kind: Kind) -> None:
    now = job.snapshot()
    if was_active and not now.is_active:
        st.rerun(scope="app")
    if now.is_active:
        st.progress(now.fraction, text=now.message or "starting")
        if visitors.may_cancel(job):
            if st.button("Stop training", key=f"stop-{kind}", disabled=now.is_cancelling):
                job.cancel()
        else:
            st.caption("Another visitor began this training and alone can stop it.")
    elif now.error:
        st.error(with_code(now.error))
    elif now.state == "cancelled":
        st.info("Training was stopped; nothing was kept.")
    if epochs_done := [epoch for shown in list(job.log.shown.values()) for epoch in list(shown)]:
        figure = training_curve(
            np.array([epoch.loss for epoch in epochs_done]),
            np.array([epoch.train_accuracy for epoch in epochs_done]),
            np.array([epoch.test_accuracy for epoch in epochs_done]),
        )
        st.plotly_chart(figure, config={"displayModeBar": False}, key=f"curve-{kind}")
    if now.state == "done":
        result: TrainedResult = now.result
        st.success(f"Test accuracy {result.accuracy:.2%} after {result.seconds:.0f} s.")
        if st.button("Use this network", type="primary", key=f"use-{kind}"):
            with telling_errors():
                if kind == Kind.ZOO:
                    networks.add_network(result.network)
                else:
                    st.session_state[f"{kind}chosen"] = result.network
                st.rerun(scope="app")
