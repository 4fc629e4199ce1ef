"""A picture with words for those who do not see it, which Streamlit's own images have no room for."""

from __future__ import annotations

import base64
import io
from html import escape

import numpy as np
import streamlit as st


def draw_picture(pixels: np.ndarray, words: str, *, width: int | None = None, caption: str = "") -> None:
    """Draw an image, pixel by pixel where it is enlarged.

    Args:
        pixels: uint8 [H, W], [H, W, 1] or [H, W, 3].
        words: What it shows.
        width: In pixels on the page; by default its own, and never more than there is room for.
        caption: What is written below, in plain text.
    """
    from PIL import Image

    shown = pixels.squeeze(-1) if pixels.ndim == 3 and pixels.shape[-1] == 1 else pixels
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(shown)).save(file, "PNG")
    source = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    wide = shown.shape[1] if width is None else width
    below = f'<figcaption class="ncviz-caption">{escape(caption)}</figcaption>' if caption else ""
    st.html(
        f'<figure style="margin:0;width:{wide}px;max-width:100%"><img src="{source}" alt="{escape(words)}" '
        f'style="display:block;width:100%;border-radius:.5rem;image-rendering:pixelated">{below}</figure>',
        width="content",
    )
