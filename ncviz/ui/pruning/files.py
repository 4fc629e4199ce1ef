"""What can be taken from the Pruning page: the pruned network in three forms, the lines that load it, and figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.config import PruningConfig
from ncviz.scene import return_files
from ncviz.scene.return_files import file_stem
from ncviz.tasks.images import find_dataset
from ncviz.tasks.pruned_forms import FORMS, form_file, form_snippet
from ncviz.text import plain
from ncviz.ui.pruning import comparison, curves, repairs
from ncviz.ui.session.camera import camera_config

FORM_TITLES = {
    "pruned": "Pruned checkpoint",
    "reparametrised": "torch.nn.utils.prune",
    "masks": "Masks alone",
}
FORM_HELP = {
    "pruned": "The state dict with zeros in place of what is removed.",
    "reparametrised": "As PyTorch's own pruning keeps it: weight_orig and weight_mask, so that nothing is lost.",
    "masks": "For each weight whether it is kept, to be laid over your whole network.",
}
OWN_HELP = "In the format that it came in, with zeros in place of what is removed."
SPEED = (
    "Masks set weights to zero, and zeros alone make a network neither smaller nor faster: for that, whole channels or "
    "units must go (structured pruning), or the hardware needs sparse kernels (such as 2:4 sparsity on recent GPUs)."
)


def draw_files(of: tasks.Network, config: PruningConfig, removed: int) -> None:
    """Draw the downloads of one pruned network, with the lines that load each.

    Args:
        of: The network.
        config: What decides the order in which its weights go; its curve must be known.
        removed: How many of them go.
    """
    # What came with its layers has no module of its own that masks could be laid over.
    forms = FORMS if of.blueprint is None else FORMS[:1]
    form: str = st.segmented_control(
        "Form",
        forms,
        format_func=lambda name: FORM_TITLES[name],
        default=FORMS[0],
        required=True,
        key=f"lab-form-{len(forms)}",
        persist_state="session",
    )
    repaired = repairs.arrays_of(of, config, removed)
    name = file_name(of, form)
    told = OWN_HELP if form == FORMS[0] and not of.is_bundled else FORM_HELP[form]
    with st.container(horizontal=True, vertical_alignment="center"):
        button(
            f"Download {name}",
            partial(content, of, curves.ranks(of, config), removed, form, repaired),
            name,
            "application/octet-stream",
            told,
        )
        st.caption(told)
    if repaired and form == "masks":
        st.caption("Masks say nothing of the repair: your whole network under them is not repaired.")
    elif repaired:
        st.caption(f"The repaired network. {repairs.words(of, config)}")
    st.code(snippet(of, form), language="python")
    st.caption(SPEED)


def file_name(of: tasks.Network, form: str) -> str:
    """Return what a file is called."""
    return f"{file_stem(of)}-{form}{return_files.ending(of) if form == FORMS[0] else '.safetensors'}"


def snippet(of: tasks.Network, form: str) -> str:
    """Return the lines of plain PyTorch that load a file."""
    name, spec = file_name(of, form), find_dataset(of.dataset)
    if form == "masks" or of.is_bundled:
        return form_snippet(of, name, spec.input_shape, form)
    return return_files.snippet(of, name, spec.normalisation, is_reparametrised=form != FORMS[0])


def content(
    of: tasks.Network, ranks: np.ndarray, removed: int, form: str, repaired: Mapping[str, np.ndarray]
) -> bytes:
    """Return a file's bytes."""
    shapes = comparison.shapes(of)
    if form == FORMS[0]:
        return tasks.pruned_file(of, ranks, removed, shapes, repaired=repaired)[0]
    return form_file(of, ranks, removed, shapes, form=form, repaired=repaired)


def button(label: str, make: Callable[[], bytes], name: str, mime: str, note: str | None = None) -> None:
    """Draw a download button; the file is made when it is asked for."""
    st.download_button(
        plain(label), make, name, mime, key=f"lab-download-{name}", on_click="ignore", help=note
    )


def draw_chart(of: tasks.Network, figure: Any, name: str, *, key: str) -> None:
    """Draw a figure with a camera that saves what was chosen under the curves.

    Args:
        of: The network.
        figure: The figure; where it describes itself, that is told to whoever cannot see it.
        name: What its pictures are called.
        key: Of the widget.
    """
    config = camera_config(f"{file_stem(of)}-{name}", ("pan2d", "zoomIn2d", "zoomOut2d"))
    st.plotly_chart(figure, theme=None, config=config, key=key, alt=figure.layout.meta)
