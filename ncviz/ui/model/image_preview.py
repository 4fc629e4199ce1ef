"""What the network will see of the images that were chosen: some of them, their classes, what is to be said of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.scene.pictures import THUMBNAIL_SIDE, thumbnail
from ncviz.tasks.images import find_dataset, load_dataset
from ncviz.text import plain
from ncviz.ui.components.shared.picture import draw_picture
from ncviz.ui.model import draft
from ncviz.ui.model.draft import Draft
from ncviz.ui.session import session

THUMBNAILS, NAMED_CLASSES = 10, 12


@dataclass(frozen=True, eq=False)
class _Preview:
    """What is preview of a data set: thumbnails, the classes that occur, and what it is."""

    pictures: list[np.ndarray]
    captions: list[str] | None
    present: tuple[int, ...]
    description: str


def draw_preview(found: Draft) -> None:
    """Draw what the network will see, which classes there are, and what the reader has to say."""
    spec = find_dataset(found.dataset)
    preview = _preview((found.dataset, session.data_dir()), session.context())
    words, other = st.columns([4, 1], vertical_alignment="center")
    words.markdown(f"**{plain(spec.title)}** · {plain(preview.description)}", width="stretch")
    if other.button("Other images", key="data-other", width="stretch"):
        draft.change("images")
        st.rerun()
    with st.container(horizontal=True, gap="small"):
        for number, picture in enumerate(preview.pictures):
            caption = preview.captions[number] if preview.captions else None
            draw_picture(picture, caption or f"Image {number}", width=THUMBNAIL_SIDE, caption=caption or "")
    if spec.has_labels:
        told = ", ".join(spec.classes[label] for label in preview.present[:NAMED_CLASSES])
        more = (
            f" and {len(preview.present) - NAMED_CLASSES} more"
            if len(preview.present) > NAMED_CLASSES
            else ""
        )
        words_of_classes = f"{len(preview.present)} of {len(spec.classes):,} classes: {told}{more}."
    else:
        words_of_classes = (
            "No labels: curvature and pictures work, accuracy cannot be told. An image counts for the class that the "
            "network puts it into."
        )
    how = f"{spec.normalisation[:1].upper()}{spec.normalisation[1:]}."
    st.caption(plain(f"{words_of_classes} {how}"))
    if spec.is_user_data and spec.sample_note:
        st.info(plain(spec.sample_note))


@st.cache_resource(max_entries=16)
def _preview(key: tuple[str, str | None], _context: tasks.Context) -> _Preview:
    images = load_dataset(key[0], "train", _context.data_dir)
    rows = np.linspace(0, len(images) - 1, min(THUMBNAILS, len(images))).astype(int).tolist()
    labels = images.labels[rows].tolist()
    return _Preview(
        [thumbnail(image) for image in images.pictures(images.inputs[rows]).numpy()],
        [plain(images.classes[label][:10]) for label in labels] if images.has_labels else None,
        tuple(sorted(set(images.labels.tolist()))),
        images.description,
    )
