"""Trains a network in the background, of the zoo or out of a form, and offers it to this session."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.fingerprint import digest
from ncviz.jobs import JobHandle
from ncviz.models.catalogue.form import Form
from ncviz.models.zoo import MODELS, ModelSpec, own_spec
from ncviz.plots.training_curve import training_curve
from ncviz.text import plain
from ncviz.ui.server import resources
from ncviz.ui.session import jobs as background
from ncviz.ui.session import session, visitors
from ncviz.ui.session.problems import telling_errors

POLL_SECONDS = 0.7
MAX_EPOCHS = 200
KEPT_RUNS = 50
# What is trained out of a form is its maker's own: other sessions are not shown it.
ZOO, FORM = background.TRAINING, "form-training-"


def show() -> None:
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
        _start(MODELS[str(name)], ZOO, int(epochs), int(seed))
    follow(ZOO)


def start_form(form: Form, dataset: str, epochs: int, seed: int) -> None:
    """Train the network of a form."""
    _start(own_spec(form.name, dataset), FORM, epochs, seed)


def follow(kind: str) -> None:
    """Draw the latest run of a kind: of the server's for the zoo's networks, else of this session's."""
    job = _latest(kind)
    if job is not None:
        st.fragment(_run, run_every=visitors.every(POLL_SECONDS) if job.is_active else None)(
            job.key, job.is_active, kind
        )


def finished(kind: str) -> tasks.Network | None:
    """Return the network that was chosen out of the runs of a kind, once."""
    found: tasks.Network | None = st.session_state.pop(f"{kind}chosen", None)
    return found


def _latest(kind: str) -> Any:
    own = st.session_state.get("jobs", [])
    jobs = [
        job
        for job in resources.registry().jobs()
        if job.key in _runs() and job.key.startswith(kind) and (kind == ZOO or job.key in own)
    ]
    return jobs[-1] if jobs else None


@st.cache_resource
def _runs() -> dict[str, dict[str, Any]]:
    """Settings and loss curve of every training on this server, by the job's key."""
    return {}


def _start(spec: ModelSpec, kind: str, epochs: int, seed: int) -> None:
    data_dir, device = session.data_dir(), session.device()
    history: list[dict[str, float]] = []

    def work(handle: JobHandle) -> dict[str, Any]:
        from ncviz.models.training.train import train_zoo_model

        def note(epoch: Any) -> None:
            history.append({"loss": epoch.loss, "train": epoch.train_accuracy, "test": epoch.test_accuracy})

        result = train_zoo_model(
            spec, data_dir, epochs, seed, progress=handle.progress, on_epoch=note, device=device
        )
        arrays = {key: values.detach().numpy() for key, values in result.net.state_dict().items()}
        return {"arrays": arrays, "accuracy": result.test_accuracy, "seconds": result.seconds}

    key = kind + digest(spec.name, spec.architecture, spec.dataset, epochs, seed, data_dir, device)
    running = resources.registry().get(key)
    if running is None or not running.is_active:
        run = {"spec": spec, "seed": seed, "epochs": epochs, "history": history}
        resources.keep(_runs(), key, run, KEPT_RUNS)
    background.begin(key, f"Training {spec.title}, {epochs} epochs, seed {seed}", work)


def _run(key: str, was_active: bool, kind: str) -> None:
    job, run = resources.registry().get(key), _runs().get(key)
    if job is None or run is None:
        return
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
        st.error(plain(now.error))
    elif now.state == "cancelled":
        st.info("Training was stopped; nothing was kept.")
    if run["history"]:
        columns = {
            part: np.array([epoch[part] for epoch in list(run["history"])])
            for part in ("loss", "train", "test")
        }
        st.plotly_chart(training_curve(**columns), config={"displayModeBar": False}, key=f"curve-{kind}")
    if now.state == "done":
        st.success(f"Test accuracy {now.result['accuracy']:.2%} after {now.result['seconds']:.0f} s.")
        if st.button("Use this network", type="primary", key=f"use-{kind}"):
            with telling_errors():
                brought = _network(run, now.result["arrays"])
            if kind == ZOO:
                session.add_network(brought)
            else:
                st.session_state[f"{kind}chosen"] = brought
            st.rerun(scope="app")


def _network(run: dict[str, Any], arrays: dict[str, np.ndarray]) -> tasks.Network:
    spec: ModelSpec = run["spec"]
    label = f"{spec.name}, seed {run['seed']}, {run['epochs']} epochs"
    title = f"{spec.title}, trained here (seed {run['seed']})"
    return tasks.Network(label, title, spec.architecture, spec.dataset, arrays, is_bundled=False)
