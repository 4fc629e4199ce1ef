"""One curvature result in numbers: summary, histograms, strongest bottlenecks, class by class."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import streamlit as st

from ncviz import tasks
from ncviz.config import SCALES
from ncviz.plots.curvature_figures import class_shares, histograms
from ncviz.scene.names import (
    NO_SAMPLES,
    factor_words,
    measured_words,
    module_of,
    short_weight_titles,
    weight_index,
    weight_title,
)
from ncviz.scene.tables import lowest
from ncviz.scene.wording import graph_words, part_words
from ncviz.spreadsheet import table_csv
from ncviz.tasks import CurvatureRecord
from ncviz.text import interval_words, plain, short_paths
from ncviz.ui.session.tables import show_table
from ncviz.ui.session.theme import theme
from ncviz.values import NEVER_ACTIVE

STRONGEST = 200


def draw_results(of: tasks.Network, record: CurvatureRecord) -> None:
    """Draw the result."""
    _draw_summary(of, record)
    names = [weight_title(record, name) for name in record.weights]
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Distribution by layer")
        st.caption(
            "Share of each layer's weights by their curvature; weights that are never active are left out."
        )
        figure = histograms(record.weights, short_weight_titles(record, list(record.weights)), theme())
        st.plotly_chart(figure, config={"displaylogo": False}, key="histograms")
    with right:
        _draw_classes(of, record)
        _draw_strongest(of, record, names)


def _draw_classes(of: tasks.Network, record: CurvatureRecord) -> None:
    st.subheader("Class by class")
    if record.samples is None:
        st.caption(NO_SAMPLES)
        return
    st.caption("How many of the weights that are active on a class's images are bottlenecks for them.")
    measured = [name for name, values in record.weights.items() if not np.isnan(values).all()]
    figure = class_shares(
        {name: record.samples[name] for name in measured},
        record.labels,
        of.dataset_spec.classes,
        short_paths([module_of(name) for name in measured]),
        theme(),
    )
    st.plotly_chart(figure, config={"displaylogo": False}, key="classes")


def _draw_strongest(of: tasks.Network, record: CurvatureRecord, names: list[str]) -> None:
    st.subheader("Strongest bottlenecks")
    table = strongest_bottlenecks(of, record, names)
    show_table(
        table,
        hide_index=True,
        height=330,
        column_config={
            "κ": st.column_config.NumberColumn(format="%.3f"),
            "value": st.column_config.NumberColumn(help=factor_words(record)),
        },
    )
    named = table.assign(batchnorm=record.batchnorm) if record.batchnorm else table
    named = named if record.scale == SCALES[0] else named.assign(scale=record.scale)
    st.download_button("Download the table (CSV)", table_csv(named), "bottlenecks.csv", "text/csv")


def _draw_summary(of: tasks.Network, record: CurvatureRecord) -> None:
    """Draw the figures that tell a result at a glance."""
    flat = np.concatenate([values[~np.isnan(values)] for values in record.weights.values()])
    # Side by side as far as the screen is wide enough, also on a phone.
    with st.container(horizontal=True, gap="large"):
        st.metric(
            "Weights",
            f"{record.total:,}",
            help=f"{record.number_of_edges:,} edges between neurons",
            width="content",
        )
        st.metric("Bottlenecks (κ < 0)", f"{(flat < 0).mean():.1%}", width="content")
        st.metric(
            "Never active",
            f"{record.never_active_count / max(1, record.measured):.1%}",
            help=f"No live edge on any of the {len(record.labels)} calibration images. κ says nothing of these "
            "weights; where they go in the pruning order is a choice (Explore, Never active).",
            width="content",
        )
        # The least of all lies between the least lower and the least upper end.
        ends = (_least(record.weights),) * 2
        if record.intervals is not None:
            ends = _least(record.intervals.lower), _least(record.intervals.upper)
        st.metric(
            "Most negative κ", interval_words(*ends, 2) if ends[0] < NEVER_ACTIVE else "–", width="content"
        )
    device = record.device
    facts = f"{len(record.labels)} images of {record.pool}, computed on {device} in {record.seconds:.1f} s."
    read = graph_words(of, record.config)
    facts += f" {read[:1].upper()}{read[1:]}." if read else ""
    part = part_words(record.config, len(record.weights))
    told = f"Of a part alone: {part}. " if part else ""
    st.caption(plain(f"{told}{measured_words(record)} {facts}".strip()))


def _least(values: Mapping[str, np.ndarray]) -> float:
    """Return the least of all that were measured."""
    return float(
        min((np.nanmin(own) for own in values.values() if not np.isnan(own).all()), default=NEVER_ACTIVE)
    )


def strongest_bottlenecks(of: tasks.Network, record: CurvatureRecord, names: list[str]) -> pd.DataFrame:
    """Return the weights with the lowest curvature as a table."""
    rows = []
    for index, (name, values) in enumerate(record.weights.items()):
        flat = np.where(np.isnan(values), np.inf, values).reshape(-1)
        weights = record.folded(record.connections_of(name)[0], of.arrays)
        rows += [
            {
                "layer": names[index],
                "weight": weight_index(record, name, at),
                "κ": float(flat[at]),
                "value": float(weights[at]),
            }
            for at in lowest(flat, STRONGEST).tolist()
            if flat[at] < NEVER_ACTIVE
        ]
    table = pd.DataFrame(rows, columns=["layer", "weight", "κ", "value"])
    return table.sort_values("κ", kind="stable").head(STRONGEST)
