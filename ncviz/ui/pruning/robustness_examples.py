"""Single images before and after an attack or a corruption, with what the pruned network says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.scene.comparison import Comparison
from ncviz.scene.pictures import GAP, PAIR_SIDE, enlarged, pair
from ncviz.scene.wording import has_labels
from ncviz.tasks.criteria import criterion_title
from ncviz.tasks.images import find_dataset
from ncviz.tasks.robustness import Robustness, RobustnessConfig, disturbed_examples
from ncviz.text import plain
from ncviz.ui.components.shared.picture import draw_picture
from ncviz.ui.pruning.run_settings import tied
from ncviz.ui.session import session

SHOWN = 6
# Enough that some of them are misled, few enough to be attacked while one waits.
LOOKED_AT = 48


@dataclass(frozen=True, eq=False)
class Examples:
    """Some images before and after.

    Attributes:
        before: uint8 [k, H, W] or [k, H, W, 3].
        after: The same.
        labels: int64 [k], the right classes.
        clean: int64 [k], what the pruned network says before.
        under: int64 [k], and after.
        misled: How many of those looked at were right before and are wrong after.
        right: How many were right before.
    """

    before: np.ndarray
    after: np.ndarray
    labels: np.ndarray
    clean: np.ndarray
    under: np.ndarray
    misled: int
    right: int


def draw_examples(of: tasks.Network, compared: Comparison, asked: Mapping[str, Robustness]) -> None:
    """Draw a few images of one criterion's network, at the page's sparsity."""
    left, right = st.columns([1, 2.4], vertical_alignment="bottom")
    name = left.selectbox(
        "Single images, network pruned by",
        list(asked),
        format_func=criterion_title,
        **tied("robust_example_" + ",".join(asked), next(iter(asked))),
    )
    config = asked[name].config
    few = RobustnessConfig(config.pruning, config.disturbance, min(LOOKED_AT, config.images), config.seed)
    context = session.context()
    key = Robustness(of, few).key(context)
    with st.spinner("Looking at single images…"):
        found = _examples(key, compared.sparsity, context.device, of, few, context)
    rightly, wrongly = (
        ("are right", "are wrong") if has_labels(of) else ("get the whole network's answer", "get another")
    )
    right.caption(
        f"With {100 * compared.sparsity:.4g}% removed, {found.right} of {few.images} images {rightly} as they are; "
        f"{found.misled} of these {wrongly} afterwards, and come first."
    )
    classes = find_dataset(of.dataset).classes
    with st.container(horizontal=True, gap="small"):
        for before, after, label, clean, under in zip(
            found.before, found.after, found.labels, found.clean, found.under, strict=True
        ):
            with st.container(width=2 * PAIR_SIDE + GAP):
                words = f"An image of class {classes[label]}, as it is and disturbed"
                draw_picture(pair(before, after), words, width=2 * PAIR_SIDE + GAP)
                mark = "✓" if under == label else "✗"
                st.markdown(
                    f"{plain(classes[label])} · says {plain(classes[clean])} → **{plain(classes[under])}** {mark}"
                )


@st.cache_resource(max_entries=16)
def _examples(
    key: str,
    sparsity: float,
    device: str,
    _of: tasks.Network,
    _few: RobustnessConfig,
    _context: tasks.Context,
) -> Examples:
    data, rows, found = disturbed_examples(_of, _few, sparsity, _context)
    return pick_examples(
        data.pictures(data.inputs[rows]).numpy(),
        found.images.numpy(),
        found.labels.numpy(),
        found.clean.numpy(),
        found.under.numpy(),
    )


def pick_examples(
    before: np.ndarray, after: np.ndarray, labels: np.ndarray, clean: np.ndarray, under: np.ndarray
) -> Examples:
    """Return the images to show: those that were misled first, then those that withstood, then the rest.

    Args:
        before: float [n, C, H, W] in [0, 1].
        after: The same.
        labels: int64 [n].
        clean: int64 [n], what is said before.
        under: int64 [n], and after.
    """
    is_right = clean == labels
    is_misled = is_right & (under != labels)
    picked = np.argsort(np.where(is_misled, 0, np.where(is_right, 1, 2)), kind="stable")[:SHOWN]
    return Examples(
        enlarged(before[picked]),
        enlarged(after[picked]),
        labels[picked],
        clean[picked],
        under[picked],
        int(is_misled.sum()),
        int(is_right.sum()),
    )
