"""Trains a network of the zoo in the background and offers it to this session."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from ncviz import pipeline
from ncviz.fingerprint import digest
from ncviz.jobs import JobHandle
from ncviz.models.zoo import MODELS
from ncviz.plots.training_curve import training_curve
from ncviz.ui import compute, resources, session
from ncviz.ui.naming import plain

POLL_SECONDS = 0.7
MAX_EPOCHS = 200


def show() -> None:
    """Draw the form, and the run that was started last."""
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
        _start(str(name), int(epochs), int(seed))
    # The latest run of the server: after a reload, or from another session, it is found again.
    jobs = [job for job in resources.registry().jobs() if job.key in _runs()]
    if jobs:
        st.fragment(_run, run_every=POLL_SECONDS if jobs[-1].is_active else None)(
            jobs[-1].key, jobs[-1].is_active
        )


@st.cache_resource
def _runs() -> dict[str, dict[str, Any]]:
    """Settings and loss curve of every training on this server, by the job's key."""
    return {}


def _start(name: str, epochs: int, seed: int) -> None:
    data_dir, device = session.data_dir(), session.device()
    history: list[dict[str, float]] = []

    def work(handle: JobHandle) -> dict[str, Any]:
        from ncviz.models.training import train_zoo_model

        def note(epoch: Any) -> None:
            history.append({"loss": epoch.loss, "train": epoch.train_accuracy, "test": epoch.test_accuracy})

        result = train_zoo_model(
            name, data_dir, epochs, seed, progress=handle.progress, on_epoch=note, device=device
        )
        arrays = {key: values.detach().numpy() for key, values in result.net.state_dict().items()}
        return {"arrays": arrays, "accuracy": result.test_accuracy, "seconds": result.seconds}

    key = compute.TRAINING + digest(name, epochs, seed, data_dir, device)
    running = resources.registry().get(key)
    if running is None or not running.is_active:
        _runs()[key] = {"name": name, "seed": seed, "epochs": epochs, "history": history}
    compute.watch(key)
    resources.registry().start(key, f"Training {MODELS[name].title}, {epochs} epochs, seed {seed}", work)


def _run(key: str, was_active: bool) -> None:
    job, run = resources.registry().get(key), _runs().get(key)
    if job is None or run is None:
        return
    now = job.snapshot()
    if was_active and not now.is_active:
        st.rerun(scope="app")
    if now.is_active:
        st.progress(now.fraction, text=now.message or "starting")
        if st.button("Stop training", key="stop-training", disabled=now.is_cancelling):
            job.cancel()
    elif now.error:
        st.error(plain(now.error))
    elif now.state == "cancelled":
        st.info("Training was stopped; nothing was kept.")
    if run["history"]:
        columns = {
            part: np.array([epoch[part] for epoch in list(run["history"])])
            for part in ("loss", "train", "test")
        }
        st.plotly_chart(training_curve(**columns), config={"displayModeBar": False}, key="training-curve")
    if now.state == "done":
        spec = MODELS[run["name"]]
        st.success(f"Test accuracy {now.result['accuracy']:.2%} after {now.result['seconds']:.0f} s.")
        if st.button("Use this network", type="primary", key="use-trained"):
            label = f"{run['name']}, seed {run['seed']}, {run['epochs']} epochs"
            title = f"{spec.title}, trained here (seed {run['seed']})"
            brought = pipeline.Network(
                label, title, spec.architecture, spec.dataset, now.result["arrays"], is_bundled=False
            )
            session.add_network(brought)
            st.rerun(scope="app")
