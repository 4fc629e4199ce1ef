"""Build an MLP or a CNN in a form and train it; the run shows its loss as it goes."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ncviz.tasks.images import DATASETS, find_dataset
from ncviz.tasks.training import ACTIVATIONS, KINDS, POOLS, Conv, Form, read_sizes
from ncviz.text import plain
from ncviz.ui.model import draft, training
from ncviz.ui.session import session
from ncviz.ui.session.problems import telling_errors

KIND_TITLES = {"mlp": "MLP: fully connected layers", "cnn": "CNN: convolutions first"}
POOL_TITLES = {"none": "none", "max": "maximum 2×2", "avg": "average 2×2"}
MAX_EPOCHS = 200


@telling_errors()
def draw_form() -> None:
    """Draw the form, and the run that this session started last."""
    trained = training.take_trained(training.Kind.FORM)
    if trained is not None:
        with telling_errors():
            draft.take_network(trained, trained.dataset)
            st.rerun()
    kept: dict[str, Any] = {"persist_state": "session"}
    columns = st.columns([2, 2], vertical_alignment="bottom")
    kind = columns[0].selectbox(
        "Kind", KINDS, index=1, format_func=lambda name: KIND_TITLES[name], key="form-kind", **kept
    )
    names = [name for name, spec in DATASETS.items() if spec.is_bundled or session.data_dir()]
    dataset = columns[1].selectbox(
        "Trained on", names, format_func=lambda name: DATASETS[name].title, key="form-data", **kept
    )
    maps, kernel, stride = "", 1, 1
    pool, is_residual = POOLS[0], False
    if kind == "cnn":
        columns = st.columns([2, 1, 1, 1.4])
        maps = columns[0].text_input(
            "Maps of each convolution", "8, 16", key="form-maps", max_chars=120, **kept
        )
        kernel = columns[1].selectbox("Kernel", (3, 1, 5, 7), key="form-kernel", **kept)
        stride = columns[2].selectbox("Stride", (1, 2), key="form-stride", **kept)
        pool = columns[3].selectbox(
            "Pooling behind each",
            POOLS,
            index=1,
            format_func=lambda name: POOL_TITLES[name],
            key="form-pool",
            **kept,
        )
    columns = st.columns([2, 1, 1])
    hidden = columns[0].text_input(
        "Units of each hidden layer",
        "32",
        help="Comma between; empty for none.",
        key="form-hidden",
        max_chars=120,
        **kept,
    )
    activation = columns[1].selectbox("Activation", ACTIVATIONS, key="form-activation", **kept)
    dropout = columns[2].number_input("Dropout", 0.0, 0.9, 0.0, 0.05, key="form-dropout", **kept)
    columns = st.columns([1, 1, 1, 1, 1], vertical_alignment="bottom")
    norm = columns[0].checkbox("Batch normalisation", key="form-norm", **kept)
    if kind == "cnn":
        is_residual = columns[1].checkbox("Skip connections", key="form-residual", **kept)
    epochs = columns[2].number_input("Epochs", 1, MAX_EPOCHS, 5, key="form-epochs", **kept)
    seed = columns[3].number_input("Seed", 0, 2**31 - 1, 1, key="form-seed", **kept)
    spec = find_dataset(str(dataset))
    form = Form(
        str(kind),
        spec.input_shape,
        len(spec.classes),
        read_sizes("units of the hidden layers", hidden),
        tuple(Conv(width, int(kernel), int(stride), str(pool)) for width in read_sizes("maps", maps)),
        str(activation),
        bool(norm),
        round(float(dropout), 6),
        bool(is_residual),
    )
    pressed = columns[4].button("Train", type="primary", key="form-train", width="stretch")
    shape = "×".join(map(str, form.input_shape))
    st.caption(plain(f"{form.title}: {form.parameters:,} weights, for images of {shape}."))
    if pressed:
        training.start_form(form.name, str(dataset), int(epochs), int(seed))
        st.rerun()
    training.follow(training.Kind.FORM)
