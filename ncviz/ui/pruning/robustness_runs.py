"""Robustness curves and class curvatures in the background: what runs, and what is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from ncviz import tasks
from ncviz.config import CurvatureConfig
from ncviz.fingerprint import digest
from ncviz.jobs import Job, JobHandle
from ncviz.scene.wording import private_title
from ncviz.tasks import CurvatureRecord
from ncviz.tasks.criteria import criterion_title
from ncviz.tasks.repair import compute_class_curvature, stored_class_curvature
from ncviz.tasks.robustness import (
    RobustnessConfig,
    RobustnessRecord,
    compute_robustness,
    robustness_key,
    stored_robustness,
)
from ncviz.ui.server import resources
from ncviz.ui.session import jobs, session

KEY, CLASS_KEY = jobs.ROBUSTNESS, jobs.CLASSES
KEPT_UNSTORED = 50
# Of the time, the rest being the classes one by one.
_WHOLE_SHARE = 0.5


def known(of: tasks.Network, asked: Mapping[str, RobustnessConfig]) -> dict[str, RobustnessRecord]:
    """Return what was measured before, by criterion, perhaps not to its end."""
    found, data_dir = {}, session.data_dir()
    for name, config in asked.items():
        key = robustness_key(of, config, data_dir)
        record = _unstored().get(key) or stored_robustness(resources.store(), of, config, data_dir)
        if record is not None:
            found[name] = record
    return found


def start(of: tasks.Network, asked: Mapping[str, RobustnessConfig]) -> Job:
    """Measure one criterion after the other in the background; points are stored as they come."""
    store, device, data_dir = resources.store(), session.device(), session.data_dir()

    def work(handle: JobHandle) -> dict[str, Any]:
        problem = None
        for index, (name, config) in enumerate(asked.items()):

            def report(fraction: float, message: str, index: int = index, name: str = name) -> None:
                handle.progress((index + fraction) / len(asked), f"{criterion_title(name)}: {message}")

            outcome = compute_robustness(
                store,
                of,
                config,
                device=device,
                data_dir=data_dir,
                progress=report,
                cancel=handle.cancel_event,
            )
            if outcome.problem:
                problem = outcome.problem
                key_of = robustness_key(of, config, data_dir)
                resources.keep(_unstored(), key_of, outcome.record, KEPT_UNSTORED)
        return {"problem": problem}

    key = job_key(of, asked)
    return jobs.begin(key, f"Robustness of {private_title(of)}", work)


def job(of: tasks.Network, asked: Mapping[str, RobustnessConfig]) -> Job | None:
    """Return the latest run of what the page asks for."""
    return resources.registry().get(job_key(of, asked))


def job_key(of: tasks.Network, asked: Mapping[str, RobustnessConfig]) -> str:
    """Return the key of a run."""
    return KEY + digest([robustness_key(of, config, session.data_dir()) for config in asked.values()])


def table(known: Mapping[str, RobustnessRecord], word: str = "accuracy") -> pd.DataFrame:
    """Return a row for each criterion and sparsity that is measured.

    Args:
        known: What was measured, by criterion.
        word: What the share of right answers is called.
    """
    parts = []
    for name, record in known.items():
        kept = np.flatnonzero(record.known)
        part = {
            "criterion": name,
            "removed": record.removed[kept],
            "sparsity": record.sparsity[kept],
            f"{word}_clean": record.clean[kept],
            f"{word}_disturbed": record.under[kept],
            "images": record.images,
        }
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def start_classes(of: tasks.Network, config: CurvatureConfig) -> Job:
    """Compute the curvature, and that of each class alone, in the background."""
    store, device, data_dir = resources.store(), session.device(), session.data_dir()

    def work(handle: JobHandle) -> dict[str, Any]:
        outcome = tasks.compute_curvature(
            store,
            of,
            config,
            device=device,
            data_dir=data_dir,
            progress=lambda fraction, message: handle.progress(_WHOLE_SHARE * fraction, message),
            cancel=handle.cancel_event,
        )
        found = compute_class_curvature(
            store,
            of,
            outcome.record,
            device=device,
            data_dir=data_dir,
            progress=lambda fraction, message: handle.progress(
                _WHOLE_SHARE + (1 - _WHOLE_SHARE) * fraction, message
            ),
            cancel=handle.cancel_event,
        )
        return {"problem": outcome.problem, "record": outcome.record, "classes": found}

    key = classes_key(of, config)
    return jobs.begin(key, f"Curvature of {private_title(of)}, class by class", work)


def classes_key(of: tasks.Network, config: CurvatureConfig) -> str:
    """Return the key of such a run."""
    return CLASS_KEY + tasks.curvature_key(of, config, session.data_dir())


def class_curvature(of: tasks.Network, config: CurvatureConfig) -> tuple[CurvatureRecord, np.ndarray] | None:
    """Return the curvature, and that of each class alone, float32 [classes, N]; None if it is not known."""
    job = resources.registry().get(classes_key(of, config))
    if job is not None and job.result is not None:
        # What could not be written, such as to a full disk, is known from the run alone.
        return job.result["record"], job.result["classes"]
    record = resources.curvature(of, config, session.data_dir())
    if record is None:
        return None
    try:
        return record, _classes(record.meta["key"], record)
    except LookupError:
        return None


@st.cache_resource
def _unstored() -> dict[str, RobustnessRecord]:
    """Return what could not be written, such as to a full disk, by the store's key."""
    return {}


@st.cache_resource(max_entries=4)
def _classes(key: str, _record: CurvatureRecord) -> np.ndarray:
    found = stored_class_curvature(resources.store(), _record)
    if found is None:
        # That it is not there yet must not be cached.
        raise LookupError(key)
    return found
