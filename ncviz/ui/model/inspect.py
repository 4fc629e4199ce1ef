"""The Model page's parts on the network that is looked at: what it is, and its data."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from ncviz import tasks
from ncviz.data.datasets import find_dataset, load_dataset, load_sample_arrays
from ncviz.models.zoo import MODELS
from ncviz.plots.pruning.class_accuracy import class_accuracy
from ncviz.scene.wording import has_labels
from ncviz.text import plain
from ncviz.ui.model import data_download
from ncviz.ui.server import evaluation
from ncviz.ui.session import session, visitors
from ncviz.ui.session.problems import telling_errors
from ncviz.ui.session.theme import theme

SAMPLE_IMAGES = 10
ENLARGED = 4
COMMON = 12


@telling_errors()
def inspect(of: tasks.Network) -> None:
    """Draw what the network is and how well it does."""
    # Images of the user's own may have had to make room for others'.
    find_dataset(of.dataset)
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader(plain(of.title))
        with st.spinner("Reading the network…"):
            layers = _layers(of)
        number = st.column_config.NumberColumn(format="localized")
        st.dataframe(layers, hide_index=True, column_config={"weights": number, "edges": number})
        if of.is_bundled:
            _card(of)
    with right:
        st.subheader("Accuracy, class by class" if has_labels(of) else "What it takes the images for")
        with telling_errors():
            _accuracy(of)
        _sample_images(of)


@telling_errors()
def data(of: tasks.Network) -> None:
    """Say which images are used, and let the user name a folder with all of them."""
    spec = find_dataset(of.dataset)
    st.subheader(plain(spec.title))
    if spec.is_own:
        told = {split: load_dataset(of.dataset, split).description for split in ("train", "test")}
        if len(set(told.values())) == 1:
            st.write(_sentence(told["train"]))
        else:
            st.write(f"For calibrating: {plain(told['train'])}.")
            st.write(f"For evaluating: {plain(told['test'])}.")
        st.caption(f"{_sentence(spec.normalisation)} {plain(spec.sample_note)}".strip())
        return
    for split, what in (("train", "calibrating"), ("test", "evaluating")):
        with telling_errors():
            st.write(f"For {what}: {load_dataset(of.dataset, split, session.data_dir()).description}.")
    st.caption(f"{spec.citation} Source: {spec.source}. Licence: {spec.licence}.")
    if spec.sample_note:
        st.caption(spec.sample_note)
    if not spec.first_file:
        st.write("The digits are complete: all 1,797 images ship with ncviz.")
        return
    if not visitors.is_trusted():
        st.caption(
            "A folder with the full data set is for visitors on the server's own machine to name, or for its owner."
        )
        return
    st.text_input(
        "Folder with the full data set",
        value=session.data_dir() or "",
        placeholder=f"a folder that holds {spec.first_file}",
        key="data_folder",
        on_change=_take_folder,
    )
    folder = st.session_state.get("data_folder", "")
    if folder and session.data_dir() != folder:
        st.error(st.session_state.get("data_problem", "This folder cannot be used."))
    if data_download.offer("download-data", of.dataset, spec.title, folder.strip()):
        _take_folder()
        st.rerun()


def _sentence(text: str) -> str:
    return plain(f"{text[:1].upper()}{text[1:]}.")


def _take_folder() -> None:
    folder = st.session_state["data_folder"].strip()
    if not folder:
        session.use_data_dir(None)
        return
    with telling_errors(partial(st.session_state.__setitem__, "data_problem")):
        visitors.check_trusted(data_download.FOLDER)
        load_dataset(session.network().dataset, "test", str(Path(folder).expanduser()))
        session.use_data_dir(folder)


def _layers(of: tasks.Network) -> pd.DataFrame:
    from ncviz.graph.build import build_graph

    graph = build_graph(of.module(), of.image_shape)
    rows: list[dict[str, Any]] = []
    for connection in graph.connections:
        kernel = "×".join(map(str, connection.shape[2:]))
        rows.append(
            {
                "layer": connection.name,
                "kind": f"convolution {kernel}" if kernel else "linear",
                "input units": "×".join(map(str, graph.layer_shapes[connection.source])),
                "output units": "×".join(map(str, graph.layer_shapes[connection.target])),
                "weights": int(np.prod(connection.shape)),
                "edges": connection.number_of_edges,
            }
        )
    return pd.DataFrame(rows)


def _card(of: tasks.Network) -> None:
    card = MODELS[of.name].card
    st.caption(
        f"Trained on {card['training_images']:,} images for {card['epochs']} epochs ({card['optimiser']}, seed "
        f"{card['seed']}); test accuracy {card['test_accuracy']:.2%} on {card['test_images']:,} images. "
        "The command that trained it:"
    )
    st.code(card["command"], language="bash", wrap_lines=True)


def _accuracy(of: tasks.Network) -> None:
    measured = evaluation.measure(of, session.device(), session.data_dir()).result()
    images = load_dataset(of.dataset, "test", session.data_dir())
    if not images.has_labels:
        count = np.bincount(measured.predictions, minlength=len(images.classes))
        most = np.argsort(-count, kind="stable")[:COMMON]
        st.dataframe(
            pd.DataFrame({"class": [images.classes[at] for at in most], "images": count[most]}).query(
                "images > 0"
            ),
            hide_index=True,
        )
        st.caption(f"{_sentence(images.description)} Nobody said what they show, and accuracy needs labels.")
        return
    right, labels = measured.predictions == measured.labels, measured.labels
    # Of a network with a thousand classes, a folder may show ten.
    present = np.unique(labels)
    share = np.array([right[labels == label].mean() for label in present])
    st.caption(f"{right.mean():.2%} on {plain(images.description)}.")
    figure = class_accuracy(share, [images.classes[label] for label in present], theme())
    st.plotly_chart(figure, config={"displayModeBar": False}, key="class-accuracy")


def _sample_images(of: tasks.Network) -> None:
    spec = find_dataset(of.dataset)
    if not spec.is_bundled:
        return
    images, labels = load_sample_arrays(of.dataset, "test")
    first = [int(np.flatnonzero(labels == label)[0]) for label in range(len(spec.classes))][:SAMPLE_IMAGES]
    st.image(picture_strip(images[first]), caption=f"One test image of each class of {spec.title}")


def picture_strip(images: np.ndarray) -> np.ndarray:
    """Return images side by side and enlarged: uint8 [rows, columns] or [rows, columns, 3].

    Args:
        images: [n, H, W] grey or [n, 3, H, W] coloured, from 0 to 16 or to 255.
    """
    scale = 255 // max(1, int(images.max()))
    coloured = images.ndim == 4
    frame = ((1, 1), (1, 1), (0, 0)) if coloured else ((1, 1), (1, 1))
    pixels = images.transpose(0, 2, 3, 1) if coloured else images
    strip = np.concatenate([np.pad(image.astype(np.uint8) * scale, frame) for image in pixels], axis=1)
    return strip.repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1)
