"""Whose flow is drawn: the curvature on all calibration images, on those of one class, or on one alone."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.data.datasets import find_dataset
from ncviz.scene.layered_network import flow_samples
from ncviz.tasks import CurvatureRecord
from ncviz.text import plain
from ncviz.ui.server import resources
from ncviz.ui.session import jobs, session
from ncviz.ui.session.subject import Shown

MOST_PICTURES = 10
MOST_IMAGES = 200


def samples(shown: Shown) -> list[int] | None:
    """Return which calibration images are drawn, None for all."""
    return flow_samples(shown.record, shown.view.flow)


def drawn_samples(shown: Shown, record: CurvatureRecord) -> list[int] | None:
    """Return the calibration images that a record that is drawn is about, None for all."""
    return None if record is shown.record else samples(shown)


def record(shown: Shown) -> CurvatureRecord | None:
    """Return the curvature that is drawn; None if it is not known yet."""
    chosen = samples(shown)
    if chosen is None:
        return shown.record
    try:
        return _known(tasks.flow_key(shown.record, chosen), shown)
    except LookupError:
        return None


def strip(shown: Shown) -> dict[str, Any]:
    """Return the images to choose from beside the picture: the first of each class as far as there is room."""
    labels = shown.record.labels
    first = np.unique(labels, return_index=True)[1]
    classes = find_dataset(shown.network.dataset).classes
    images = []
    for at in first[first < len(shown.record.pictures)][:MOST_PICTURES].tolist():
        pixels = shown.record.pictures.images[at]
        if pixels.ndim != 3:
            return {"chosen": shown.view.flow, "images": []}
        channels, rows, columns = pixels.shape
        image = {
            "flow": f"image-{at}",
            "number": at + 1,
            "label": f"class {classes[labels[at]]}",
            "rows": rows,
            "columns": columns,
            "channels": channels,
            "pixels": base64.b64encode(np.ascontiguousarray(pixels).tobytes()).decode(),
        }
        images.append(image)
    return {"chosen": shown.view.flow, "images": images}


def titles(shown: Shown) -> dict[str, str]:
    """Return all choices with their names: all images, each class with several, each image."""
    classes, labels = find_dataset(shown.network.dataset).classes, shown.record.labels.tolist()
    found = {"all": f"all {len(labels)} images"}
    for label in sorted(set(labels)):
        if labels.count(label) > 1:
            found[f"class-{label}"] = f"class {classes[label]} ({labels.count(label)} images)"
    for at, label in enumerate(labels[:MOST_IMAGES]):
        found[f"image-{at}"] = f"image {at + 1}, class {classes[label]}"
    return found


def missing(shown: Shown) -> None:
    """Offer to compute the flow that is asked for; the picture of all images stays meanwhile."""
    chosen = samples(shown) or []
    job = resources.registry().get(tasks.flow_key(shown.record, chosen))
    what = titles(shown).get(shown.view.flow, shown.view.flow)
    if job is not None and job.is_active:
        st.info(f"Computing the curvature on {plain(what)}; until then all images are drawn.")
        jobs.progress_here(job)
        return
    columns = st.columns([3, 1.2, 1], vertical_alignment="center")
    columns[0].markdown(f"The curvature on {plain(what)} alone is not known yet; all images are drawn.")
    if columns[1].button("Compute it", type="primary", key=f"flow-{shown.side.name}", width="stretch"):
        jobs.start_flow(shown.network, shown.record, chosen, session.device(), session.data_dir(), what)
        st.rerun()
    if columns[2].button("Back to all", key=f"flow-back-{shown.side.name}", width="stretch"):
        shown.side.change(flow="all")
        st.rerun()


@st.cache_resource(max_entries=24)
def _known(key: str, _shown: Shown) -> CurvatureRecord:
    found = tasks.stored_flow(resources.store(), _shown.record, samples(_shown) or [])
    if found is not None:
        return found
    # What could not be stored still lies in the run that computed it. That nothing is there must not be cached.
    job = resources.registry().get(key)
    if job is None or job.result is None:
        raise LookupError(key)
    kept: CurvatureRecord = job.result["record"]
    return kept
