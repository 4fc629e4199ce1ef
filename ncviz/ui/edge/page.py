"""The Edge page's frame: which edge, and on which image."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.scene.edge_text import significant
from ncviz.scene.names import FOLDED, layer_title
from ncviz.scene.tables import parameter_offsets
from ncviz.tasks import CurvatureRecord
from ncviz.text import number, plain
from ncviz.ui.edge import picker
from ncviz.ui.edge.choice import Chosen, chosen_edge, read
from ncviz.ui.session import session
from ncviz.ui.session.problems import telling_errors
from ncviz.values import NEVER_ACTIVE


def choose(of: tasks.Network, record: CurvatureRecord) -> Chosen | None:
    """Draw the picker and return the edge; None if there is none yet, or what the link asks for does not exist."""
    view = session.view()
    edge = read(view.edge)
    problem = None
    if edge is None:
        st.info(
            "No edge chosen yet. Tick a row of the table, or click a connection on Explore and put it under the lens "
            "from its details."
        )
    else:
        with telling_errors(), st.spinner("Measuring the ways around the edge…", show_time=False):
            problem = chosen_edge(of, record, edge)
    with st.expander("Choose another edge" if problem else "Choose an edge", expanded=problem is None):
        picker.show(of, record, edge)
    return problem


def header(chosen: Chosen) -> None:
    """Say which edge on which image this is."""
    problem, record = chosen.problem, chosen.record
    source, target = (plain(chosen.name(is_source=is_source)) for is_source in (True, False))
    st.markdown(f"#### {source} (i) → {target} (j)")
    picture, facts = st.columns([1, 4.2], vertical_alignment="center", gap="medium")
    with picture:
        _image(chosen)
    least = record.weights[record.parameters[problem.connection]].reshape(-1)[chosen.weight]
    # Side by side as far as the screen is wide enough, also on a phone.
    with facts.container(horizontal=True, gap="medium"):
        st.metric(
            "Weight", significant(problem.weight), help=FOLDED if record.is_folded else None, width="content"
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
            else number(float(least)),
            help="Over all its edges and all calibration images: what the weight is pruned by.",
            width="content",
        )
    with facts:
        _choose_image(chosen)
        layer = layer_title(record, problem.connection)
        words = f"Layer {plain(layer)}."
        if problem.shared_by > 1:
            words += f" This weight stands on {problem.shared_by:,} edges; here is one of them."
        if record.config.channels:
            words += f" As in the result, at most {record.config.channels} channels of each layer take part."
        says, way = st.columns([2.2, 1], vertical_alignment="center")
        says.caption(words)
        if way.button("Show it in the network", key="edge-explore", width="stretch"):
            first = parameter_offsets(record)[record.parameters[problem.connection]]
            session.change(selected=f"weight-{first + chosen.weight}")
            st.switch_page("pages/explore.py")


def _image(chosen: Chosen) -> None:
    images = chosen.record.pictures.images
    if chosen.sample < len(images):
        image = images[chosen.sample]
        shown = image.transpose(1, 2, 0) if image.ndim == 3 else image.reshape(1, -1, 1)
        # Enlarged here, pixel by pixel: the browser would blur it.
        size = max(1, 160 // max(shown.shape[:2]))
        shown = shown.repeat(size, axis=0).repeat(size, axis=1)
        st.image(shown.squeeze(-1) if shown.shape[-1] == 1 else shown, width=160)


def _choose_image(chosen: Chosen) -> None:
    record, flow = chosen.record, session.view().flow
    where = f"image {chosen.sample + 1}, class {chosen.classes[record.labels[chosen.sample]]}"
    titles = {"all": "where this weight's κ is least" + (f": {where}" if flow == "all" else "")}
    if flow.startswith("class-"):
        titles[flow] = f"least of class {chosen.classes[record.labels[chosen.sample]]}: {where}"
    titles |= {
        f"image-{at}": f"image {at + 1}, class {chosen.classes[label]}"
        for at, label in enumerate(record.labels.tolist())
    }
    st.selectbox(
        "Calibration image",
        list(titles),
        format_func=lambda name: titles.get(name, name),
        **session.shows(
            "edge-image", flow if flow in titles else "all", lambda name: session.change(flow=name)
        ),
    )
