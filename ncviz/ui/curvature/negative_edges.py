"""The tab that sets an image's negative edges beside the smallest attack that fools the network on it."""

from __future__ import annotations

import streamlit as st

from ncviz import tasks
from ncviz.config import RadiusConfig
from ncviz.plots.negative_edges import GREY_LEVELS, negative_edges_figure
from ncviz.scene.negative_edges import image_names, negative_edges_table
from ncviz.scene.return_files import file_stem
from ncviz.scene.wording import private_title
from ncviz.spreadsheet import table_csv
from ncviz.tasks.negative_edges.record import MAX_IMAGES, NegativeEdgesConfig, NegativeEdgesRecord
from ncviz.tasks.negative_edges.task import NegativeEdges
from ncviz.text import about, plain
from ncviz.ui.session import jobs, session
from ncviz.ui.session.following import follow_task
from ncviz.ui.session.problems import telling_errors
from ncviz.ui.session.theme import theme

# On two cores: 3e-6 for LeNet, 8e-6 for VGG-9. A first guess, which the progress bar knows better.
SECONDS_PER_EDGE = 5e-6
POLL_SECONDS = 2.0
LARGEST = 64


@telling_errors()
def draw_negative_edges(of: tasks.Network, edges: int | None) -> None:
    """Draw the tab.

    Args:
        of: The network.
        edges: How many edges it has, if that is known.
    """
    st.markdown(
        "Is the network easier to fool on images with many bottlenecks? For each image, the share of its live edges "
        "that are negative (κ < 0), beside the smallest change of its pixels, ε, with which an attack fools the "
        "network. After *Analyzing Neural Network Robustness Using Graph Curvature*, "
        "[arXiv 2410.19607](https://arxiv.org/abs/2410.19607)."
    )
    task = NegativeEdges(of, _draw_settings())
    context = session.context()
    if follow_task(task, lambda: _draw_known(of, task), seconds=POLL_SECONDS):
        return
    found = context.look_up(task)
    if found is None or not found.is_complete:
        _offer(of, task, edges, found)
    _draw_known(of, task, found)


def _draw_settings() -> NegativeEdgesConfig:
    view = session.view()
    columns = st.columns([1, 1, 1, 2], vertical_alignment="bottom")
    images = columns[0].number_input(
        "Images",
        3,
        MAX_IMAGES,
        200,
        key="negative-images",
        persist_state="session",
        help="Evaluation images that the network gets right, drawn at random.",
    )
    largest = columns[1].number_input(
        "Largest ε, in 255ths",
        1,
        GREY_LEVELS,
        LARGEST,
        key="negative-largest",
        persist_state="session",
        help="The most that a pixel may change. Images that no ε up to here fools stay in, as the most robust.",
    )
    seed = columns[2].number_input(
        "Draw",
        0,
        2**31 - 1,
        0,
        key="negative-seed",
        persist_state="session",
        help="Another number draws other images, and other starts of the attack.",
    )
    config = NegativeEdgesConfig(
        int(images),
        int(seed),
        RadiusConfig(int(largest) / GREY_LEVELS),
        view.alpha,
        view.batchnorm,
        view.weight_scale,
    )
    columns[3].caption(
        f"PGD: {config.search.steps} steps, {config.search.restarts} runs at each ε, {config.search.halvings} halvings."
    )
    return config


def _offer(
    of: tasks.Network, task: NegativeEdges, edges: int | None, found: NegativeEdgesRecord | None
) -> None:
    button, words = st.columns([1, 3], vertical_alignment="center")
    if button.button(
        "Measure" if found is None else "Measure the rest", type="primary", key="measure-negative"
    ):
        jobs.start(tasks.Series([task]), f"Negative edges of {private_title(of)}")
        st.rerun()
    if edges is not None:
        seconds = edges * task.config.images * SECONDS_PER_EDGE
        words.caption(
            f"Every edge of every image is worked out: {about(seconds, 'some seconds', 10)} or more."
        )


def _draw_known(of: tasks.Network, task: NegativeEdges, found: NegativeEdgesRecord | None = None) -> None:
    record = found or session.context().look_up(task)
    if record is None or not record.known.any():
        return
    known, classes = record.known, of.dataset_spec.classes
    figure = negative_edges_figure(
        record.share[known],
        record.radius[known],
        record.is_fooled[known],
        image_names(record, classes),
        record.headline,
        theme(),
    )
    words = record.sentences()
    st.plotly_chart(
        figure, config={"displaylogo": False}, key=f"negative-{int(known.sum())}", alt=" ".join(words)
    )
    st.caption(plain(" ".join(words)))
    st.download_button(
        "Images (CSV)",
        lambda: table_csv(negative_edges_table(record, classes)),
        f"{file_stem(of)}-negative-edges.csv",
        "text/csv",
        key="download-negative",
        on_click="ignore",
    )
