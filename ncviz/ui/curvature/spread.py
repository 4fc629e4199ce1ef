"""The tab with error bars on κ: how it differs from draw to draw, and who is right where |w| says otherwise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.plots.curvature_spread import OpposedWeights, spread_figure
from ncviz.scene.cards.spread import opposed_table
from ncviz.scene.return_files import file_stem
from ncviz.scene.wording import private_title
from ncviz.spreadsheet import table_csv
from ncviz.tasks.curvature.spread import MAX_SPREAD_DRAWS, SPREAD_DRAWS, CurvatureSpread, SpreadRecord
from ncviz.text import plain, plural
from ncviz.ui.session import jobs, session
from ncviz.ui.session.following import follow_task
from ncviz.ui.session.problems import telling_errors
from ncviz.ui.session.theme import theme


@telling_errors()
def draw_spread(of: tasks.Network) -> None:
    """Draw the tab."""
    st.markdown(
        "How much does κ depend on which calibration images were drawn? And where curvature and magnitude disagree "
        "most about a weight, which of them was right: what does removing it alone cost?"
    )
    view = session.view()
    columns = st.columns([1, 4], vertical_alignment="bottom")
    draws = columns[0].number_input(
        "Draws",
        2,
        MAX_SPREAD_DRAWS,
        SPREAD_DRAWS,
        key="spread-draws",
        persist_state="session",
        help="Each is a curvature of its own, with the settings above and a seed of its own; those that are known are "
        "not computed again.",
    )
    task, context = CurvatureSpread(of, view.config, int(draws)), session.context()
    if follow_task(task):
        return
    found = context.look_up(task)
    if found is None:
        unknown = sum(not context.knows(each) for each in task.curvatures)
        columns[1].caption(
            f"{plural(unknown, 'curvature')} to compute; then the weights in question are removed one by one."
        )
        if st.button("Measure", type="primary", key="measure-spread"):
            jobs.start(tasks.Series([task]), f"Spread of κ of {private_title(of)}")
            st.rerun()
        return
    _draw_known(of, found)


def _draw_known(of: tasks.Network, found: SpreadRecord) -> None:
    words = found.sentences()
    if not found.has_pairs:
        st.markdown(plain(" ".join(words)))
        return
    groups = [
        _group("curvature", found, found.by_curvature, found.change_by_curvature),
        _group("magnitude", found, found.by_magnitude, found.change_by_magnitude),
    ]
    told = " ".join(words)
    st.markdown(
        f"Removed alone, in **{found.share:.0%}** of all pairs the weight that curvature holds important costs more "
        "than the one that magnitude does (chance: 50%)."
    )
    figure = spread_figure(groups, told, theme())
    st.plotly_chart(figure, theme=None, config={"displaylogo": False}, key="spread", alt=told)
    st.caption(plain(told))
    st.download_button(
        "These weights (CSV)",
        lambda: table_csv(opposed_table(of, found)),
        f"{file_stem(of)}-spread.csv",
        "text/csv",
        key="download-spread",
        on_click="ignore",
    )


def _group(title: str, found: SpreadRecord, chosen: np.ndarray, change: np.ndarray) -> OpposedWeights:
    own, names = found.spread, found.places(chosen)
    labels: Sequence[str] = [f"{name} {at}" for name, at in names]
    return OpposedWeights(title, own.mean[chosen], own.low[chosen], own.high[chosen], change, labels)
