"""The Pruning page's first tab: accuracy over sparsity of every criterion, and what that comes to in numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from ncviz import tasks
from ncviz.config import ORDERS, PruningConfig
from ncviz.data.datasets import find_dataset
from ncviz.plots.figure_frame import WIDTH
from ncviz.plots.pruning.curves import Curve, accuracy_curves
from ncviz.pruning.compare import Spread, area_under, mean_and_deviation, removable_within
from ncviz.scene.return_files import file_stem
from ncviz.scene.wording import part_words, short_word, word_for
from ncviz.tasks import SweepRecord
from ncviz.text import percent, plural
from ncviz.ui.components.shared.width import column_width
from ncviz.ui.explore.charts import camera_choice
from ncviz.ui.link.view_state import AXES
from ncviz.ui.pruning import curves as curve_runs
from ncviz.ui.pruning import files
from ncviz.ui.pruning.comparison import Lab
from ncviz.ui.pruning.controls import ORDER_TITLES, calibration_words
from ncviz.ui.pruning.run_settings import criterion_styles
from ncviz.ui.session import session
from ncviz.ui.session.theme import theme

AXIS_TITLES = {"linear": "Linear", "kept": "Log of what is kept", "removed": "Log of what is removed"}
AXIS_HELP = (
    "Linear: the fraction removed. Log of what is kept opens the high end, where a network breaks. Log of what is "
    "removed opens the first percent, where bottlenecks go."
)
# Words of a criterion's source that are an address.
_ARXIV = re.compile(r"arXiv (\d{4}\.\d{4,5})")


def show(of: tasks.Network, lab: Lab, spreads: Mapping[str, Spread]) -> None:
    """Draw the figure, the table and the downloads."""
    axis, lost = st.columns([3, 1.2], vertical_alignment="bottom")
    axis.segmented_control(
        "Scale",
        AXES,
        format_func=lambda name: AXIS_TITLES[name],
        required=True,
        help=AXIS_HELP,
        **session.bound("lab_axis"),
    )
    lost.number_input(
        f"Points of {short_word(of)} that may be lost",
        0.0,
        100.0,
        step=0.5,
        help="For the table's “removed at”: percentage points below the whole network.",
        **session.bound("lab_lost"),
    )
    with st.container(gap=None):
        figure = _figure(of, lab, spreads, column_width("width-lab", WIDTH))
        st.plotly_chart(
            figure,
            theme=None,
            config=files.chart_config(of, "curves"),
            key="lab-curves",
            alt=figure.layout.meta,
        )
    found = table(of, lab, spreads, session.view().lab_lost)
    lost_name, at_name = names_of(lab, session.view().lab_lost)
    st.dataframe(
        _bold(found, [lost_name, "mean accuracy", at_name], is_high=lab.order == ORDERS[0]),
        hide_index=True,
        column_config={
            "paper": st.column_config.LinkColumn(display_text=r"abs/(.*)"),
            lost_name: st.column_config.NumberColumn(
                help="The largest measured fraction up to which the accuracy never falls further, mean over the draws. "
                "Nothing is interpolated.",
            ),
            "mean accuracy": st.column_config.NumberColumn(
                f"mean {short_word(of)}",
                help="Area under the curve by the trapezoid rule, over its width.",
            ),
            at_name: st.column_config.NumberColumn(
                at_name.replace("accuracy", short_word(of)), help="Mean over the draws."
            ),
            "±": st.column_config.TextColumn(help="Sample standard deviation of that over the draws."),
        },
    )
    best = "the best of each column" if lab.order == ORDERS[0] else "what breaks the network fastest"
    st.caption(f"{words(of, lab, spreads)[-1]} Bold: {best}.")
    # A download is made outside the session's own run.
    curves, colours, word = curve_runs.known(of, lab), theme(), short_word(of)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        files.button(
            "Curves (CSV)",
            lambda: curves_csv(of.name, curves, word),
            f"{file_stem(of)}-curves.csv",
            "text/csv",
        )
        files.button(
            "Figure (HTML)",
            lambda: files.figure_page(figure, f"{of.title} · pruning", colours),
            f"{file_stem(of)}-curves.html",
            "text/html",
            "One file that can be zoomed and hovered over, and needs no network. PNG and SVG: the figure's camera.",
        )
        camera_choice()


def table(of: tasks.Network, lab: Lab, spreads: Mapping[str, Spread], lost: float) -> pd.DataFrame:
    """Return a row for each criterion with what its curves come to.

    The best comes first: of the least important weights those that cost least, of the most important ones those that
    cost most.
    """
    from ncviz.pruning.scores import SCORES

    lost_name, at_name = names_of(lab, lost)
    rows: list[dict[str, Any]] = []
    classes = len(find_dataset(of.dataset).classes)
    for name, spread in spreads.items():
        score, paper = SCORES[name], _ARXIV.search(SCORES[name].source)
        mean, deviation = mean_and_deviation(spread.at(lab.sparsity))
        each = [spread.each[draw] for draw in range(spread.draws)]
        rows.append(
            {
                "criterion": score.title,
                lost_name: float(np.mean([removable_within(spread.sparsity, own, lost) for own in each])),
                "mean accuracy": float(np.mean([area_under(spread.sparsity, own) for own in each])),
                at_name: mean,
                "±": "–" if math.isnan(deviation) else f"{deviation:.2%}",
                "calibration images": lab.samples_per_class * classes if score.needs_images else 0,
                "draws": spread.draws,
                "paper": f"https://arxiv.org/abs/{paper[1]}" if paper else "",
                "source": _ARXIV.sub("", score.source).rstrip(", "),
            }
        )
    return pd.DataFrame(rows).sort_values(
        at_name, ascending=lab.order != ORDERS[0], kind="stable", ignore_index=True
    )


def names_of(lab: Lab, lost: float) -> tuple[str, str]:
    """Return what the columns are called that hang on what was chosen."""
    points = plural(lost, "point")
    return f"removed at ≤ {points} lost", f"accuracy at {percent(lab.sparsity)}"


def curves_csv(
    network: str, curves: Sequence[tuple[PruningConfig, SweepRecord]], word: str = "accuracy"
) -> bytes:
    """Return a row for each curve and sparsity; what a criterion does not look at is left empty.

    Args:
        network: Name of the network.
        curves: The curves with their settings.
        word: What the share of right answers is called.
    """
    from ncviz.pruning.scores import SCORES

    rows: list[dict[str, Any]] = []
    for config, record in curves:
        score = SCORES[config.criterion]
        facts = {
            "network": network,
            "criterion": config.criterion,
            "order": config.order,
            "scope": config.scope,
            "samples_per_class": config.samples_per_class if score.needs_images else None,
            "alpha": config.alpha if score.needs_curvature else None,
            "seed": config.seed if score.needs_images or score.is_drawn else None,
            "protected": " ".join(config.protected),
            "images": record.images,
        }
        accuracy = record.accuracy[config.criterion, config.order]
        rows += [
            {**facts, "sparsity": removed / max(1, record.total), "removed": removed, word: value}
            for removed, value in zip(record.removed.tolist(), accuracy.tolist(), strict=True)
        ]
    table = pd.DataFrame(rows).astype({"samples_per_class": "Int64", "seed": "Int64"})
    return table.to_csv(index=False).encode()


def words(of: tasks.Network, lab: Lab, spreads: Mapping[str, Spread]) -> list[str]:
    """Return what the figure shows, as sentences that go into it."""
    first = next(iter(curve_runs.needed(of, lab).values()))
    record = curve_runs.curve(of, first)
    images = "" if record is None else f" on {record.images:,} images it has not learnt from"
    way = ORDER_TITLES[lab.order].lower()
    among = "over all layers together" if lab.scope == "global" else "the same share of every layer"
    layers = plural(len(lab.protected), "layer")
    held = f"; {layers} protected" if lab.protected else ""
    pool = calibration_words(lab.samples_per_class, len(find_dataset(of.dataset).classes), len(lab.seeds))
    band = (
        " Band: from the worst to the best draw."
        if any(spread.draws > 1 for spread in spreads.values())
        else ""
    )
    part = part_words(first.calibration, len(curve_runs.shapes(of)))
    part = f" Curvature of a part alone ({part}); what has none goes last." if part else ""
    return [
        f"{of.title}, {word_for(of)}{images}, without training again. {way.capitalize()}, {among}{held}.{band}{part}",
        f"Criteria that look at images look at {pool}; the others at none.",
    ]


def _figure(of: tasks.Network, lab: Lab, spreads: Mapping[str, Spread], width: int) -> Any:
    from ncviz.pruning.scores import SCORES

    drawn = criterion_styles()
    curves = [
        Curve(
            SCORES[name].title,
            spread.sparsity,
            spread.mean,
            spread.low,
            spread.high,
            spread.draws,
            drawn[name],
        )
        for name, spread in spreads.items()
    ]
    lost = session.view().lab_lost
    whole = float(next(iter(spreads.values())).mean[0])
    figure = accuracy_curves(
        curves,
        theme(),
        words(of, lab, spreads),
        scale=session.view().lab_axis,
        chosen=lab.sparsity,
        least=whole - lost / 100,
        least_name=f"{plural(lost, 'point')} below the whole network",
        width=width,
    )
    figure.update_yaxes(title_text=short_word(of))
    return figure


def _bold(found: pd.DataFrame, columns: list[str], *, is_high: bool) -> Any:
    """Mark the best of each column; of equals, all."""

    def mark(values: pd.Series) -> list[str]:
        best = values.max() if is_high else values.min()
        return ["font-weight: bold" if value == best else "" for value in values]

    return found.style.apply(mark, subset=columns).format(dict.fromkeys(columns, "{:.2%}"))
