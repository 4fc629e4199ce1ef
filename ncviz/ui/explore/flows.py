"""Whose flow is drawn: the curvature on all calibration images, on those of one class, or on one alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.scene.cards.parts import image
from ncviz.scene.selection import Flow
from ncviz.scene.wording import private_title
from ncviz.text import plain
from ncviz.ui.server import resources
from ncviz.ui.session import jobs, session
from ncviz.ui.session.subject import Subject, change

MOST_PICTURES = 10
MOST_IMAGES = 200


def with_flow(subject: Subject) -> Subject:
    """Return the subject with the curvature that its view asks for, or that on all images if it is not known yet."""
    found = None if subject.samples is None else session.context().look_up(_task(subject))
    return subject if found is None else replace(subject, flow=found)


def image_choices(subject: Subject) -> dict[str, Any]:
    """Return the images to choose from beside the picture: the first of each class as far as there is room."""
    record, classes = subject.record, subject.classes
    first = np.unique(record.labels, return_index=True)[1]
    images = []
    for at in first[first < len(record.pictures)][:MOST_PICTURES].tolist():
        pixels = record.pictures.images[at]
        if pixels.ndim != 3:
            return {"chosen": subject.view.flow, "images": []}
        label = f"class {classes[record.labels[at]]}"
        images.append({"flow": str(Flow("image", at)), "number": at + 1, "label": label, **image(pixels)})
    return {"chosen": subject.view.flow, "images": images}


def flow_titles(subject: Subject) -> dict[str, str]:
    """Return all choices with their names: all images, each class with several, each image."""
    classes, labels = subject.classes, subject.record.labels.tolist()
    found = {str(Flow()): f"all {len(labels)} images"}
    for label in sorted(set(labels)):
        if labels.count(label) > 1:
            found[str(Flow("class", label))] = f"class {classes[label]} ({labels.count(label)} images)"
    for at, label in enumerate(labels[:MOST_IMAGES]):
        found[str(Flow("image", at))] = f"image {at + 1}, class {classes[label]}"
    return found


def offer_flow(subject: Subject) -> None:
    """Offer to compute the flow that is asked for; the picture of all images stays meanwhile."""
    job = resources.desk().job(_task(subject), session.context())
    what = flow_titles(subject).get(subject.view.flow, subject.view.flow)
    if job is not None and job.is_active:
        st.info(f"Computing the curvature on {plain(what)}; until then all images are drawn.")
        jobs.progress_here(job)
        return
    side = subject.side
    columns = st.columns([3, 1.2, 1], vertical_alignment="center")
    columns[0].markdown(f"The curvature on {plain(what)} alone is not known yet; all images are drawn.")
    if columns[1].button("Compute it", type="primary", key=f"flow-{side.name}", width="stretch"):
        # Classes of the user's own images have names of the user's own.
        whose = what if subject.network.is_bundled else "some of its images"
        label = f"Curvature of {private_title(subject.network)} on {whose}"
        jobs.start(tasks.Series([_task(subject)]), label)
        st.rerun()
    if columns[2].button("Back to all", key=f"flow-back-{side.name}", width="stretch"):
        change(side, flow="all")
        st.rerun()


def _task(subject: Subject) -> tasks.Flow:
    return tasks.Flow(subject.network, subject.record, tuple(subject.samples or ()))
