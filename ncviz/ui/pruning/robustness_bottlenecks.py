"""The bottlenecks that are one class's own: scaled or taken out, and what that does to each class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.config import CurvatureConfig
from ncviz.plots.pruning.robustness import class_bars
from ncviz.scene.comparison import Comparison
from ncviz.scene.pruning_tables import bottleneck_table
from ncviz.scene.wording import private_title, short_word, word_for
from ncviz.tasks import CurvatureRecord
from ncviz.tasks.criteria import class_accuracy, confusion, factors, specific_bottlenecks
from ncviz.tasks.images import find_dataset
from ncviz.text import about, minus, plain, plural
from ncviz.ui.pruning.run_settings import tied
from ncviz.ui.server import evaluation
from ncviz.ui.session import jobs, session
from ncviz.ui.session.following import follow_task
from ncviz.ui.session.tables import show_table
from ncviz.ui.session.theme import theme

# How many weights are taken at first, and at most: shares of all, and numbers for networks with a million of them.
USUAL_SHARE, USUAL_COUNT = 0.02, 1000
LARGEST_SHARE, LARGEST_COUNT = 0.1, 20_000
# A class alone takes about so much of the time that all images together took: its paths are measured anew.
_CLASS_SHARE = 0.4
# Of the time that both take together, the rest being the classes one by one.
_WHOLE_SHARE = 0.5
LARGEST_FACTOR = 2.0
LISTED = 12
_PLAIN = {"displayModeBar": False}


@dataclass(frozen=True, eq=False)
class Scaled:
    """What scaling some weights did.

    Attributes:
        before: float64 [classes], accuracy on each class's images.
        after: float64 [classes].
        label: The class whose bottlenecks they are.
    """

    before: np.ndarray
    after: np.ndarray
    label: int

    @property
    def own(self) -> float:
        """Change of the class's accuracy, in points."""
        return float(100 * (self.after - self.before)[self.label])

    @property
    def others(self) -> float:
        """Mean change of the other classes' accuracy, in points."""
        return float(100 * np.nanmean(np.delete(self.after - self.before, self.label)))


def draw_bottlenecks(of: tasks.Network, compared: Comparison) -> None:
    """Draw the part: the class, how many of its bottlenecks, by what to multiply them, and each class's accuracy."""
    st.markdown(
        "Which connections are bottlenecks for one class more than for the others? Take them out, or scale them, and "
        "see whether that class alone is hit."
    )
    config = compared.config("curvature").calibration
    found = session.context().look_up(tasks.ClassCurvature(of, config))
    if found is None:
        _draw_missing(of, config)
        return
    record, curvature = found.whole, found.classes
    classes = find_dataset(of.dataset).classes
    label, count, factor = _draw_controls(record.total, classes)
    weights = specific_bottlenecks(curvature, label, count)
    scaled = _measure_scaled(of, record, weights, factor, label, len(classes))
    what = "taken out" if factor == 0 else f"multiplied by {factor:g}"
    st.markdown(
        f"{len(weights):,} of {record.total:,} weights {what}: class **{plain(classes[label])}** goes from "
        f"{scaled.before[label]:.1%} to **{scaled.after[label]:.1%}** ({_points(scaled.own)}); the others change by "
        f"{_points(scaled.others)} on average."
    )
    figure = class_bars(scaled.before, scaled.after, classes, label, theme(), word=short_word(of))
    st.plotly_chart(figure, config=_PLAIN, key="bottleneck-bars")
    images = plural(compared.samples_per_class, "calibration image")
    measured = evaluation.measure(of, session.context()).result()
    st.caption(
        "Ranked by the mean of the other classes' κ less the class's own, among weights with κ < 0 for the class; "
        "where one is never active for another class, that one counts as 2, above every κ; "
        f"{images} of each class. {word_for(of).capitalize()} on {len(measured.labels):,} test images. A simple "
        "definition of ours, "
        "not the paper's."
    )
    if told := found.sentence():
        st.caption(told)
    with st.expander(f"The {min(LISTED, len(weights))} most specific of them"):
        show_table(
            bottleneck_table(record, curvature, weights[:LISTED], label),
            hide_index=True,
            placeholder="never active",
            column_config={
                name: st.column_config.NumberColumn(format="%.2f")
                for name in ("κ for this class", "mean κ for the others")
            },
        )


def _draw_controls(total: int, classes: tuple[str, ...]) -> tuple[int, int, float]:
    columns = st.columns([1.2, 2, 2])
    label = columns[0].selectbox(
        "Class", range(len(classes)), format_func=lambda index: classes[index], **tied("bottleneck_class", 0)
    )
    most = max(2, min(round(LARGEST_SHARE * total), LARGEST_COUNT))
    usual = max(1, min(round(USUAL_SHARE * total), USUAL_COUNT))
    count = columns[1].slider(
        "Bottlenecks of its own",
        1,
        most,
        help="So many at most: only weights that are bottlenecks for this class more than for the others count.",
        **tied(f"bottleneck_count_{total}", usual),
    )
    factor = columns[2].slider(
        "Multiplied by",
        0.0,
        LARGEST_FACTOR,
        step=0.1,
        help="0 takes them out.",
        **tied("bottleneck_factor", 0.0),
    )
    return int(label), int(count), float(factor)


def _measure_scaled(
    of: tasks.Network, record: CurvatureRecord, weights: np.ndarray, factor: float, label: int, classes: int
) -> Scaled:
    context = session.context()
    key = (of.fingerprint, context.fingerprint(of), context.device, weights.tobytes(), factor)
    whole, scaled = (
        _measure_classes((*key[:3], taken, by), of, record, context, classes)
        for taken, by in ((b"", 1.0), (key[3], factor))
    )
    return Scaled(whole, scaled, label)


@st.cache_resource(max_entries=128)
def _measure_classes(
    key: tuple[str, str, str, bytes, float],
    _of: tasks.Network,
    _record: CurvatureRecord,
    _context: tasks.Context,
    _classes: int,
) -> np.ndarray:
    weights = np.frombuffer(key[3], dtype=np.int64)
    found = evaluation.measure(_of, _context, factors(weights, key[4], _record.shapes)).result()
    return class_accuracy(confusion(found.labels, found.predictions, _classes))


def _draw_missing(of: tasks.Network, config: CurvatureConfig) -> None:
    task, context = tasks.ClassCurvature(of, config), session.context()
    if follow_task(task):
        return
    images = plural(config.samples_per_class, "image")
    st.info(
        f"The curvature of each class alone is not known yet, with {images} per class, seed {config.seed}."
    )
    whole = context.look_up(tasks.Curvature(of, config))
    classes = len(find_dataset(of.dataset).classes)
    time = (
        "" if whole is None else f" · {about(classes * _CLASS_SHARE * whole.seconds, 'a second or two', 2)}"
    )
    if st.button(f"Compute it{time}", type="primary", key="start-classes"):
        parts = tasks.Series((tasks.Curvature(of, config), task), ends=(_WHOLE_SHARE, 1.0))
        jobs.start(parts, f"Curvature of {private_title(of)}, class by class")
        st.rerun()


def _points(change: float) -> str:
    return minus(f"{change:+.1f} points")
