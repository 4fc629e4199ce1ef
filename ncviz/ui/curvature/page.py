"""The Curvature page: the settings of a computation, the button that starts it, its result and robustness."""

from __future__ import annotations

import streamlit as st

from ncviz import tasks
from ncviz.config import BATCHNORM, SCALES, CurvatureConfig, GraphConfig
from ncviz.scene.wording import part_words
from ncviz.text import plain, plural
from ncviz.ui.curvature.negative_edges import draw_negative_edges
from ncviz.ui.curvature.results import draw_results
from ncviz.ui.curvature.spread import draw_spread
from ncviz.ui.session import session
from ncviz.ui.session.problems import telling_errors
from ncviz.ui.session.results import current_results, follow_sharpening, look_at, offer_curvature
from ncviz.ui.session.subject import first_side

ALPHA_HELP = (
    "Share of the mass that stays where it is. From 1/2 on the curvature no longer depends on it and a closed form "
    "is used; below, every edge's full transport problem is solved, which takes far longer."
)
NORM_TITLES = {"own": "left out", "folded": "folded in"}
NORM_HELP = (
    "Left out: it joins nothing and weighs nothing, so that every edge has the network's own weight, as in the paper. "
    "Folded in: it multiplies the weights before it, as exporters do, and puts each channel's scale into the order."
)

SCALE_TITLES = {"own": "their own", "fan-in": "over the fan-in", "channel-fan-in": "over each channel's"}
SCALE_HELP = (
    "What lengths are made of. Their own: 1/|w|, as in the paper. Over the fan-in: each layer's weights are divided, "
    "in the graph alone, by the sum of |w| that comes into one of its units on average, so that no layer is long or "
    "short as a whole; over each channel's: by that of the units of its own output channel."
)


def draw_page() -> None:
    """Draw the page."""
    network = session.network()
    st.title("Curvature")
    _draw_settings(network)
    record, _ = current_results(network)
    numbers, spread, robustness = st.tabs(
        ["In numbers", "Error bars", "Bottlenecks and robustness"], key="curvature-tabs", on_change="rerun"
    )
    if numbers.open:
        with numbers:
            if record is None:
                offer_curvature(network, first_side())
                _draw_earlier(network)
            else:
                follow_sharpening(network, record, first_side())
                draw_results(network, record)
    if spread.open:
        with spread:
            draw_spread(network)
    if robustness.open:
        with robustness:
            draw_negative_edges(network, None if record is None else record.number_of_edges)


def _draw_earlier(of: tasks.Network) -> None:
    """Draw the result of the last settings until that of the new ones is there."""
    good: CurvatureConfig | None = st.session_state.get("good_settings")
    earlier = None if good is None else session.context().look_up(tasks.Curvature(of, good))
    if good is None or earlier is None:
        return
    images = plural(good.samples_per_class, "image")
    sharp = "" if earlier.intervals is None else f" {earlier.intervals.sentence()}"
    st.caption(f"Until then, as before: {images} per class, α = {good.alpha:g}, seed {good.seed}.{sharp}")
    draw_results(of, earlier)


def _draw_settings(of: tasks.Network) -> None:
    """Draw the settings; the view follows them only when Compute is pressed."""
    view = session.view()
    with st.form("curvature-settings", border=True):
        columns = st.columns(6 if of.has_batchnorm else 5, vertical_alignment="bottom")
        # No bounds here: a field with bounds refuses in silence, and the sentence is what helps.
        samples = columns[0].number_input(
            "Samples per class",
            value=view.samples,
            help="Correctly classified calibration images of each class.",
        )
        alpha = columns[1].number_input("Idleness α", value=view.alpha, step=0.05, help=ALPHA_HELP)
        seed = columns[2].number_input(
            "Seed", value=view.seed, help="0 takes the first images of each class; any other number draws."
        )
        batchnorm = view.batchnorm
        if of.has_batchnorm:
            batchnorm = columns[3].selectbox(
                "BatchNorm",
                BATCHNORM,
                index=BATCHNORM.index(view.batchnorm),
                format_func=lambda name: NORM_TITLES[name],
                help=NORM_HELP,
            )
        scale = columns[-2].selectbox(
            "Weights",
            SCALES,
            index=SCALES.index(view.weight_scale),
            format_func=lambda name: SCALE_TITLES[name],
            help=SCALE_HELP,
        )
        pressed = columns[-1].form_submit_button("Compute", type="primary", width="stretch")
    _draw_scope(of)
    if pressed:
        look_at(of, int(samples), float(alpha), int(seed), GraphConfig(batchnorm, scale))


def _draw_scope(of: tasks.Network) -> None:
    """Say what is computed on what, and whether it is a part alone, with the way back to all of it."""
    with telling_errors(then=st.stop):
        pool = of.dataset_spec.title
    st.caption(
        plain(
            f"{of.title}, calibrated on {pool} training images, on {session.device()} (change it in the sidebar)."
        )
    )
    part = part_words(session.view().config)
    if part:
        words, whole = st.columns([4, 1], vertical_alignment="center")
        words.info(f"Of a part alone: {part}. What is left out has no curvature.")
        if whole.button("Look at all of it", key="whole-network", width="stretch"):
            session.change(parts="", channels=0)
            st.rerun()
