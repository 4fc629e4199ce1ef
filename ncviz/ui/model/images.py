"""The images that a network of one's own is shown: from a known set, the user's files, or a folder."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ncviz import tasks
from ncviz.jobs import Job
from ncviz.tasks.images import ImageSettings, is_ready
from ncviz.ui.http.uploads import drop_upload
from ncviz.ui.model import draft, image_preview, image_sources
from ncviz.ui.model.draft import Draft
from ncviz.ui.model.image_settings import MOST, class_names_file, draw_settings
from ncviz.ui.model.image_sources import Source
from ncviz.ui.session.problems import telling_errors

# The uploads that are being read; where that fails they stay, for another try.
_READING = "data-reading"


def draw_image_step(found: Draft) -> None:
    """Draw the ways to choose images, or what was chosen."""
    images = draft.collect("images")
    if images is not None:
        for file in st.session_state.pop(_READING, ()):
            drop_upload(file)
        draft.take_images(*images)
        st.rerun()
    if found.dataset and not draft.is_changing("images"):
        with telling_errors(then=_offer_again):
            image_preview.draw_preview(found)
        return
    if found.dataset:
        draft.keep_former("images", "the images that are there")
    job = draft.running("images")
    with telling_errors():
        source = image_sources.draw_sources(found)
        if source is not None:
            settings, most, names = draw_settings(found, _stem(found), source.size)
            if st.button("Use these images", type="primary", key="data-use", disabled=job is not None):
                _start(found, source, settings, most, names)
                st.rerun()
        if job is not None:
            draft.follow(job)
        draft.draw_problem("images")


def _offer_again() -> None:
    if st.button("Choose images again", key="data-again"):
        draft.take_images("", None)
        st.rerun()


def _start(found: Draft, source: Source, settings: ImageSettings, most: int, names: Sequence[str]) -> None:
    """Read the images in the background; what was chosen before stays until they are there."""
    is_whole = most >= MOST and not any(names)
    if source.known and is_whole and is_ready(source.known, settings, found.classes):
        draft.clear_problem("images")
        draft.take_images(source.known, settings)
        return

    def work(job: Job) -> tuple[str, ImageSettings]:
        data = source.read(settings, most, job.progress)
        # The server holds a bounded amount of images; the session holds their name alone.
        return tasks.with_images(found.network, data, names).dataset, settings

    draft.begin("images", f"Reading {source.title}", work)
    names_file = class_names_file(_stem(found))
    st.session_state[_READING] = (*source.files, *([names_file] if names_file is not None else []))


def _stem(found: Draft) -> str:
    return found.network.fingerprint[:8]
