"""The camera of plotly's figures: one button, which saves a picture of the kind that the reader chose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

PICTURES = ("PNG", "SVG")
PICTURE_SCALE = 3
_KEY = "camera"
_BUTTONS = ("select2d", "lasso2d", "autoScale2d")


def draw_camera_choice() -> None:
    """Let the reader choose what the charts' camera saves; plotly has one button for one kind."""
    st.segmented_control(
        "The picture's camera saves",
        PICTURES,
        default=PICTURES[0],
        required=True,
        key=_KEY,
        persist_state="session",
    )


def camera_config(file: str, left_out: Sequence[str] = ()) -> dict[str, Any]:
    """Return plotly's settings for a figure.

    Args:
        file: What its pictures are called, without an ending.
        left_out: Buttons that it goes without, beside those that no figure has.
    """
    kind = st.session_state.get(_KEY) or PICTURES[0]
    return {
        "displaylogo": False,
        "displayModeBar": True,
        "modeBarButtonsToRemove": [*_BUTTONS, *left_out],
        "toImageButtonOptions": {"format": kind.lower(), "filename": file, "scale": PICTURE_SCALE},
    }
