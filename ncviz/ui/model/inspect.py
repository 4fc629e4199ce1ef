"""What the network that is looked at is made of, and how well it does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from ncviz import tasks
from ncviz.plots.pruning.classes import class_accuracy
from ncviz.scene.pictures import picture_strip
from ncviz.scene.wording import has_labels
from ncviz.tasks import MODELS
from ncviz.tasks.images import find_dataset, load_sample_arrays
from ncviz.tasks.preflight import layer_rows
from ncviz.text import plain
from ncviz.ui.components.shared.picture import draw_picture
from ncviz.ui.model.data import sentence
from ncviz.ui.server import evaluation
from ncviz.ui.session import session
from ncviz.ui.session.problems import telling_errors
from ncviz.ui.session.tables import show_table
from ncviz.ui.session.theme import theme

SAMPLE_IMAGES = 10
COMMON = 12


@telling_errors()
def draw_network(of: tasks.Network) -> None:
    """Draw what the network is and how well it does."""
    # Images of the user's own may have had to make room for others'.
    find_dataset(of.dataset)
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader(plain(of.title))
        with st.spinner("Reading the network…"):
            layers = pd.DataFrame(layer_rows(of))
        number = st.column_config.NumberColumn(format="localized")
        show_table(
            layers, hide_index=True, placeholder="–", column_config={"weights": number, "edges": number}
        )
        if of.is_bundled:
            _draw_card(of)
    with right:
        st.subheader("Accuracy, class by class" if has_labels(of) else "What it takes the images for")
        with telling_errors():
            _draw_accuracy(of)
        _draw_samples(of)


def _draw_card(of: tasks.Network) -> None:
    card = MODELS[of.name].card
    st.caption(
        f"Trained on {card['training_images']:,} images for {card['epochs']} epochs ({card['optimiser']}, seed "
        f"{card['seed']}); test accuracy {card['test_accuracy']:.2%} on {card['test_images']:,} images. "
        "The command that trained it:"
    )
    st.code(card["command"], language="bash", wrap_lines=True)


def _draw_accuracy(of: tasks.Network) -> None:
    measured = evaluation.measure(of, session.context()).result()
    images = session.context().images(of, "test")
    if not images.has_labels:
        count = np.bincount(measured.predictions, minlength=len(images.classes))
        most = np.argsort(-count, kind="stable")[:COMMON]
        show_table(
            pd.DataFrame({"class": [images.classes[at] for at in most], "images": count[most]}).query(
                "images > 0"
            ),
            hide_index=True,
        )
        st.caption(f"{sentence(images.description)} Nobody said what they show, and accuracy needs labels.")
        return
    right, labels = measured.predictions == measured.labels, measured.labels
    # Of a network with a thousand classes, a folder may show ten.
    present = np.unique(labels)
    share = np.array([right[labels == label].mean() for label in present])
    st.caption(f"{right.mean():.2%} on {plain(images.description)}.")
    figure = class_accuracy(share, [images.classes[label] for label in present], theme())
    st.plotly_chart(figure, config={"displayModeBar": False}, key="class-accuracy")


def _draw_samples(of: tasks.Network) -> None:
    spec = find_dataset(of.dataset)
    if not spec.is_bundled:
        return
    images, labels = load_sample_arrays(of.dataset, "test")
    first = [int(np.flatnonzero(labels == label)[0]) for label in range(len(spec.classes))][:SAMPLE_IMAGES]
    words = f"One test image of each class of {spec.title}"
    draw_picture(picture_strip(images[first]), words, caption=words)
