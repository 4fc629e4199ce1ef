"""What the network will see of the images that were chosen: some of them, their classes, what is to be said of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from ncviz.data.datasets import find_dataset, load_dataset
from ncviz.errors import DataError
from ncviz.text import plain
from ncviz.ui.model import draft
from ncviz.ui.model.draft import Draft
from ncviz.ui.session import session

THUMBNAILS, THUMBNAIL_SIDE, NAMED_CLASSES = 10, 76, 12


@dataclass(frozen=True, eq=False)
class _Preview:
    """What is shown of a data set: thumbnails, the classes that occur, and what it is."""

    pictures: list[np.ndarray]
    captions: list[str] | None
    present: tuple[int, ...]
    description: str


def show(found: Draft) -> None:
    """Draw what the network will see, which classes there are, and what the reader has to say."""
    spec = find_dataset(found.dataset)
    shown = _preview(found.dataset, session.data_dir())
    words, other = st.columns([4, 1], vertical_alignment="center")
    words.markdown(f"**{plain(spec.title)}** · {plain(shown.description)}", width="stretch")
    if other.button("Other images", key="data-other", width="stretch"):
        draft.change("images")
        st.rerun()
    with st.container(horizontal=True, gap="small"):
        for number, picture in enumerate(shown.pictures):
            caption = shown.captions[number] if shown.captions else None
            st.image(picture, caption=caption, width=THUMBNAIL_SIDE)
    if spec.has_labels:
        told = ", ".join(spec.classes[label] for label in shown.present[:NAMED_CLASSES])
        more = f" and {len(shown.present) - NAMED_CLASSES} more" if len(shown.present) > NAMED_CLASSES else ""
        words_of_classes = f"{len(shown.present)} of {len(spec.classes):,} classes: {told}{more}."
    else:
        words_of_classes = (
            "No labels: curvature and pictures work, accuracy cannot be told. An image counts for the class that the "
            "network puts it into."
        )
    how = f"{spec.normalisation[:1].upper()}{spec.normalisation[1:]}."
    st.caption(plain(f"{words_of_classes} {how}"))
    if spec.is_own and spec.sample_note:
        st.info(plain(spec.sample_note))


@st.cache_resource(max_entries=16)
def _preview(dataset: str, data_dir: str | None) -> _Preview:
    images = load_dataset(dataset, "train", data_dir)
    rows = np.linspace(0, len(images) - 1, min(THUMBNAILS, len(images))).astype(int).tolist()
    labels = images.labels[rows].tolist()
    return _Preview(
        [thumbnail(image) for image in images.pictures(images.inputs[rows]).numpy()],
        [plain(images.classes[label][:10]) for label in labels] if images.has_labels else None,
        tuple(sorted(set(images.labels.tolist()))),
        images.description,
    )


def thumbnail(image: np.ndarray) -> np.ndarray:
    """Return an image [C, H, W] in [0, 1] as bytes [rows, columns, 3], small ones enlarged without smoothing.

    Raises:
        DataError: If it has neither one channel nor three.
    """
    if image.ndim != 3 or image.shape[0] not in (1, 3):
        raise DataError(
            f"An image has 1 or 3 channels, got the shape {list(image.shape)}; bring other images."
        )
    pixels = (image.transpose(1, 2, 0) * 255).round().clip(0, 255).astype(np.uint8)
    times = max(1, THUMBNAIL_SIDE // max(pixels.shape[:2]))
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3)).repeat(times, axis=0).repeat(times, axis=1)
