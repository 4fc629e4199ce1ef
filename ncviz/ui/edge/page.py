"""The Edge page: which edge, on which image, and what follows from it."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.scene.edge.text import divided_words, significant
from ncviz.scene.names import factor_words, layer_title
from ncviz.scene.selection import Flow, Weight, read_edge, read_flow
from ncviz.scene.surgery.words import AS_IT_CAME
from ncviz.scene.tables import parameter_offsets
from ncviz.scene.wording import CAME_INTO, unusual_words
from ncviz.tasks import CurvatureRecord
from ncviz.text import interval_words, plain
from ncviz.ui.components.shared.picture import draw_picture
from ncviz.ui.edge.choice import ChosenEdge, find_edge
from ncviz.ui.edge.picker import draw_picker, strongest_bottleneck
from ncviz.ui.edge.sliders import draw_sliders
from ncviz.ui.session import session
from ncviz.ui.session.problems import telling_errors
from ncviz.ui.session.results import current_results, follow_sharpening, offer_curvature
from ncviz.ui.session.subject import first_side
from ncviz.values import NEVER_ACTIVE

CHOICE_WIDTH = 520  # pixels at most


def draw_page() -> None:
    """Draw the page."""
    st.title("Edge")
    network = session.network()
    record, _ = current_results(network)
    if record is None:
        offer_curvature(network, first_side())
        st.stop()
    follow_sharpening(network, record, first_side())
    found = _choose(network, record)
    if found is not None:
        _draw_facts(found)
        draw_sliders(found)


def _choose(of: tasks.Network, record: CurvatureRecord) -> ChosenEdge | None:
    """Draw the picker and return the edge; None where what the link asks for does not exist."""
    asked = read_edge(session.view().edge)
    edge, found = asked or strongest_bottleneck(record), None
    if edge is not None:
        with telling_errors(), st.spinner("Measuring the ways around the edge…", show_time=False):
            found = find_edge(of, record, edge)
    if asked is None and found is not None:
        told = (
            "**This is the network’s strongest bottleneck**: of all its edges the one with the least κ."
            if record.intervals is None
            else "**This may be the network’s strongest bottleneck**: of all its edges the one with the least middle "
            "of an interval around κ."
        )
        st.markdown(f"{told} Choose another one below, or click a connection on Explore.")
    with st.expander("Choose another edge" if found else "Choose an edge", expanded=found is None):
        draw_picker(of, record, edge)
    return found


def _draw_facts(found: ChosenEdge) -> None:
    """Say which edge on which image this is."""
    problem, record = found.problem, found.record
    source, target = (plain(found.name(is_source=is_source)) for is_source in (True, False))
    st.markdown(f"#### {source} (i) → {target} (j)")
    picture, facts = st.columns([1, 4.2], vertical_alignment="center", gap="medium")
    with picture:
        _draw_image(found)
    name = record.parameters[problem.connection]
    least = record.weights[name].reshape(-1)[found.weight]
    # Side by side as far as the screen is wide enough, also on a phone.
    with facts.container(horizontal=True, gap="medium"):
        of_graph = _weight_in_graph(found)
        st.metric(
            "Weight in the graph" if of_graph else "Weight",
            significant(problem.weight),
            help=" ".join(filter(None, (of_graph, factor_words(record)))) or None,
            width="content",
        )
        length = 1 / abs(problem.weight)
        st.metric(
            "Length d = 1/|weight|",
            significant(length),
            help="A way past the edge, such as a skip or another edge beside it, is shorter: "
            f"d(i, j) = {significant(problem.past_direct)}."
            if problem.past_direct < length
            else None,
            width="content",
        )
        st.metric(
            "Least κ of this weight",
            "not measured"
            if np.isnan(least)
            else "never active"
            if least >= NEVER_ACTIVE
            else interval_words(*record.interval(name, found.weight)),
            help="Over all its edges and all calibration images: what the weight is pruned by.",
            width="content",
        )
    with facts:
        _choose_image(found)
        layer = layer_title(record, problem.connection)
        words = f"Layer {plain(layer)}."
        if problem.shared_by > 1:
            words += f" This weight stands on {problem.shared_by:,} edges; here is one of them."
        if record.config.channels:
            words += f" As in the result, at most {record.config.channels} channels of each layer take part."
        words += f" This is {AS_IT_CAME}." if session.view().hand else ""
        unusual = unusual_words(record.graph)
        words += f" In the graph: {', '.join(unusual)}." if unusual else ""
        says, way = st.columns([2.2, 1], vertical_alignment="center")
        says.caption(words)
        if way.button("Show it in the network", key="edge-explore", width="content"):
            first = parameter_offsets(record)[record.parameters[problem.connection]]
            session.change(selected=str(Weight(first + found.weight)))
            st.switch_page("pages/explore.py")


def _weight_in_graph(found: ChosenEdge) -> str:
    """Say from what the graph has the edge's weight, "" where it is the network's."""
    problem, record = found.problem, found.record
    divisors = record.divisors(problem.connection)
    if divisors is None:
        return ""
    own = problem.weight * float(divisors[found.weight])
    told = divided_words(record, problem.connection, found.weight, own)
    return f"{told}: the weight by what its {CAME_INTO[record.scale]}, on average."


def _draw_image(found: ChosenEdge) -> None:
    images = found.record.pictures.images
    if found.sample < len(images):
        image = images[found.sample]
        pixels = image.transpose(1, 2, 0) if image.ndim == 3 else image.reshape(1, -1, 1)
        # Enlarged here, pixel by pixel: the browser would blur it.
        size = max(1, 160 // max(pixels.shape[:2]))
        pixels = pixels.repeat(size, axis=0).repeat(size, axis=1)
        label = found.classes[found.record.labels[found.sample]]
        draw_picture(pixels, f"Calibration image {found.sample}, of class {label}", width=160)


def _choose_image(found: ChosenEdge) -> None:
    record, flow = found.record, session.view().flow
    where = f"image {found.sample}, class {found.classes[record.labels[found.sample]]}"
    titles = {str(Flow()): "where this weight's κ is least" + (f": {where}" if flow == str(Flow()) else "")}
    if read_flow(flow).kind == "class":
        titles[flow] = f"least of class {found.classes[record.labels[found.sample]]}: {where}"
    titles |= {
        str(Flow("image", at)): f"image {at}, class {found.classes[label]}"
        for at, label in enumerate(record.labels.tolist())
    }
    st.selectbox(
        "Calibration image",
        list(titles),
        format_func=lambda name: titles.get(name, name),
        width=CHOICE_WIDTH,
        **session.shows(
            "edge-image", flow if flow in titles else str(Flow()), lambda name: session.change(flow=name)
        ),
    )
