"""How images become what a network sees: size, channels, normalisation and class names, prefilled and editable."""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ncviz import tasks
from ncviz.limits import LIMITS
from ncviz.tasks.images import (
    LAST,
    LAYOUTS,
    WAYS,
    ImageSettings,
    layouts_of,
    numbers_text,
    read_class_names,
    read_numbers,
)
from ncviz.text import plain
from ncviz.ui.model.draft import Draft

MOST = 1000
CHANNEL_TITLES = {1: "grey", 3: "colour"}


def draw_settings(
    found: Draft, stem: str, own_size: tuple[int, int] | None = None
) -> tuple[ImageSettings, int, tuple[str, ...]]:
    """Draw the fields.

    Args:
        found: The network that is set up.
        stem: Tells the fields of one network from those of another.
        own_size: Height and width that the images have, where that is known.

    Returns:
        The settings, how many images of each split to read at most, and class names, none where nobody gave any.

    Raises:
        DataError: If a field holds nothing of use, or the network takes no images.
    """

    def field(name: str) -> dict[str, Any]:
        return {"key": f"data-{name}-{stem}", "persist_state": "session"}

    layout, layouts = None, layouts_of(found.network.image_shape)
    if len(layouts) > 1:
        layout = st.segmented_control(
            "Channels of an input",
            layouts,
            format_func=lambda name: LAYOUTS[name],
            default=layouts[0],
            required=True,
            help="Before height and width, as in PyTorch, or after, as in Keras.",
            **field("layout"),
        )
    usual = tasks.image_settings(found.network, layout)
    can_resize = found.can_resize
    columns = [*st.columns([1, 1, 2]), *st.columns([1.5, 1.5, 1])]

    locked = None if can_resize else "This network takes images of this size alone."
    height = columns[0].number_input(
        "Height", 1, 4096, usual.size[0], disabled=not can_resize, help=locked, **field("height")
    )
    width = columns[1].number_input(
        "Width", 1, 4096, usual.size[1], disabled=not can_resize, help=locked, **field("width")
    )
    how = columns[2].selectbox(
        "Fitted by",
        list(WAYS),
        format_func=lambda name: WAYS[name],
        help="Resizing with the centre cut out fits the shorter side, with black borders the longer one.",
        **field("how"),
    )
    mean = columns[3].text_input(
        "Mean",
        numbers_text(usual.mean),
        max_chars=80,
        help="One number, or one for each channel.",
        **field("mean"),
    )
    std = columns[4].text_input("Standard deviation", numbers_text(usual.std), max_chars=80, **field("std"))
    most = columns[5].number_input(
        "Most images", 1, LIMITS.images, MOST, help="Of each split; drawn once and for all.", **field("most")
    )
    settings = ImageSettings(
        (int(height), int(width)),
        usual.channels,
        how=str(how),
        resize=usual.resize if str(how) == "resize" and (height, width) == usual.size else None,
        mean=read_numbers("mean", mean),
        std=read_numbers("standard deviation", std),
        layout=usual.layout,
    )
    st.caption(
        plain(
            f"{CHANNEL_TITLES[usual.channels].capitalize()} images of {height}×{width}"
            f"{', given with their channels last' if usual.layout == LAST else ''}; {settings.told}."
        )
        + (
            " Normalise as in training: wrong numbers make the network guess."
            if usual.mean == (0.0,) * usual.channels
            else ""
        )
    )
    if can_resize and own_size is not None and own_size != settings.size:
        st.button(
            f"Take them as they are: {own_size[0]}×{own_size[1]}",
            key=f"data-own-size-{stem}",
            help="A network does best at the size it was trained on. The time grows with the number of pixels.",
            on_click=_take_size,
            args=(own_size, field("height")["key"], field("width")["key"]),
        )
    return settings, int(most), _draw_class_names(found.classes, stem, field("classes"))


def class_names_file(stem: str) -> UploadedFile | None:
    """Return the upload that the class names were read from, None if there is none."""
    found: UploadedFile | None = st.session_state.get(_names_key(stem))
    return found


def _names_key(stem: str) -> str:
    return f"data-names-{stem}"


def _take_size(size: tuple[int, int], *keys: str) -> None:
    for key, value in zip(keys, size, strict=True):
        st.session_state[key] = value


def _draw_class_names(classes: int, stem: str, field: dict[str, Any]) -> tuple[str, ...]:
    with st.expander("Class names"):
        typed = st.text_area(
            f"One per line, {classes:,} in all, in the order of the network's outputs",
            placeholder="Empty: from the network, or from the folders' names",
            max_chars=LIMITS.classes * 100,
            **field,
        )
        file = st.file_uploader(
            "Or a file with one name per line", type=["txt"], key=_names_key(stem), max_upload_size=1
        )
    if file is not None:
        typed = file.getvalue().decode("utf-8", "replace")
    return read_class_names(typed, classes)
