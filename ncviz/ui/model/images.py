"""Step 2 of bringing a network: the images that it is shown, from a known set, the user's files, or a folder."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ncviz import tasks
from ncviz.data.datasets import DATASETS
from ncviz.data.image_settings import ImageSettings, settings_for
from ncviz.jobs import JobHandle
from ncviz.ui.model import draft, image_preview, image_sources
from ncviz.ui.model.draft import Draft
from ncviz.ui.model.image_settings import settings_form
from ncviz.ui.model.image_sources import Source
from ncviz.ui.session.problems import telling_errors

# The uploads that are being read; where that fails they stay, for another try.
_READING = "data-reading"


def show(found: Draft) -> None:
    """Draw the ways to choose images, or what was chosen."""
    images = draft.collect("images")
    if images is not None:
        for file in st.session_state.pop(_READING, ()):
            draft.let_go(file)
        draft.take_images(*images)
        st.rerun()
    if found.dataset and not draft.is_changing("images"):
        with telling_errors(then=_offer_again):
            image_preview.show(found)
        return
    if found.dataset:
        draft.keep_former("images", "the images that are there")
    job = draft.running("images")
    with telling_errors():
        source = image_sources.choose(found)
        if source is not None:
            settings, most, names = settings_form(found, found.network.fingerprint[:8])
            if st.button("Use these images", type="primary", key="data-use", disabled=job is not None):
                _start(found, source, settings, most, names)
                st.rerun()
        if job is not None:
            draft.follow(job)
        draft.show_problem("images")


def _offer_again() -> None:
    if st.button("Choose images again", key="data-again"):
        draft.take_images("", None)
        st.rerun()


def is_as_it_is(found: Draft, name: str, settings: ImageSettings) -> bool:
    """Whether a set that ncviz knows serves without reading it anew: same size, plain pixels, same classes."""
    spec = DATASETS.get(name)
    return (
        spec is not None and len(spec.classes) == found.classes and settings == settings_for(spec.input_shape)
    )


def _start(found: Draft, source: Source, settings: ImageSettings, most: int, names: Sequence[str]) -> None:
    """Read the images in the background; what was chosen before stays until they are there."""
    if source.known and not any(names) and is_as_it_is(found, source.known, settings):
        draft.clear_problem("images")
        draft.take_images(source.known, None)
        return

    def work(handle: JobHandle) -> tuple[str, ImageSettings]:
        own = source.read(settings, most, handle.progress)
        # The server holds a bounded amount of images; the session holds their name alone.
        return tasks.with_images(found.network, own, names).dataset, settings

    draft.begin("images", f"Reading {source.title}", work)
    st.session_state[_READING] = source.files
