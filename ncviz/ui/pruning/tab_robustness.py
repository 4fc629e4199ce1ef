"""The tab Robustness: pruned networks under attack and on corrupted images, and a class's own bottlenecks."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from ncviz import tasks
from ncviz.config import AttackConfig
from ncviz.plots.pruning.robustness import RobustnessCurve, robustness_curves
from ncviz.scene.comparison import Comparison, nothing_to_remove
from ncviz.scene.pruning_tables import robustness_table
from ncviz.scene.return_files import file_stem
from ncviz.scene.wording import private_title, short_word, word_for
from ncviz.spreadsheet import table_csv
from ncviz.tasks.criteria import CORRUPTIONS, SEVERITIES, CorruptionConfig, Disturbance, criterion_title
from ncviz.tasks.images import Dataset, find_dataset
from ncviz.tasks.robustness import ROBUST_SPARSITIES, Robustness, RobustnessConfig, RobustnessRecord
from ncviz.ui.link.finetune_fields import ATTACKS, GREY_LEVELS, MOST_STEPS, PARTS
from ncviz.ui.pruning import comparison, robustness_bottlenecks, robustness_examples, run_settings, runs
from ncviz.ui.pruning.run_settings import linked
from ncviz.ui.session import session
from ncviz.ui.session.following import follow
from ncviz.ui.session.problems import tell_failure, telling_errors
from ncviz.ui.session.theme import theme

POLL_SECONDS = 1.5
PART_TITLES = {
    "attack": "Attacked images",
    "corruption": "Corrupted images",
    "repair": "One class's bottlenecks",
}
ATTACK_TITLES = {"fgsm": "FGSM", "pgd": "PGD"}
# In grey levels: the paper's own for digits; on photographs a tenth of it already misleads an undefended network.
EPSILON, EPSILON_IN_COLOUR, STEP, STEPS = 11, 2, 2, 10
USUAL_IMAGES = 500
# One step of an attack takes as long as so many classifications, and each batch of a hundred so much besides.
_ATTACK, _BATCH_SECONDS, _BATCH = 3.5, 0.004, 100
_PLAIN = {"displayModeBar": False}


@telling_errors()
def draw_robustness(of: tasks.Network) -> None:
    """Draw the tab."""
    compared = comparison.current()
    part = st.segmented_control(
        "What happens to the network",
        PARTS,
        format_func=PART_TITLES.__getitem__,
        required=True,
        label_visibility="collapsed",
        **linked("lab_robust", "part", PARTS[0]),
    )
    test = session.context().images(of, "test")
    if part == "repair":
        robustness_bottlenecks.draw_bottlenecks(of, compared)
    elif not compared.criteria:
        st.info("Choose at least one criterion above.")
    elif nothing := nothing_to_remove(comparison.shapes(of), compared.protected, of.zeros, compared.budgets):
        st.info(nothing)
    else:
        if compared.is_repaired:
            st.caption("Here the networks are as they were pruned, without the repair that is chosen above.")
        _draw_curves(of, compared, test, is_attack=part == "attack")


def _draw_curves(of: tasks.Network, compared: Comparison, test: Dataset, *, is_attack: bool) -> None:
    disturbance = _draw_attack(of) if is_attack else _draw_corruption()
    columns = st.columns([3, 1], vertical_alignment="top")
    with columns[0]:
        names = run_settings.draw_criteria("lab_robust", "Measure", compared)
    images = columns[1].number_input(
        "Images",
        1,
        len(test),
        help=f"Drawn from {test.description}, once and for all.",
        **linked("lab_robust", "images", min(USUAL_IMAGES, len(test)), len(test)),
    )
    if not names:
        st.info("Choose at least one criterion.")
        return
    asked = {
        name: Robustness(of, RobustnessConfig(compared.config(name), disturbance, int(images)))
        for name in names
    }
    job = runs.job(asked)
    if job is not None and job.is_active:
        follow(job, lambda: _draw_live(of, compared, asked), seconds=POLL_SECONDS)
        return
    tell_failure(job)
    known = runs.known(asked)
    _offer_run(of, asked, known)
    if known:
        _draw_results(of, compared, asked, known, test)


def _draw_attack(of: tasks.Network) -> AttackConfig:
    is_grey = find_dataset(of.dataset).input_shape[0] == 1
    usual = EPSILON if is_grey else EPSILON_IN_COLOUR
    columns = st.columns([1.2, 1, 1, 1])
    kind = columns[0].segmented_control(
        "Attack",
        ATTACKS,
        format_func=ATTACK_TITLES.__getitem__,
        required=True,
        help="FGSM: one step along the sign of the loss's gradient. PGD: many small steps from a random start, each "
        "brought back into the box around the image.",
        **linked("lab_robust", "attack", "pgd"),
    )
    epsilon = columns[1].number_input(
        "ε, in 255ths",
        0,
        GREY_LEVELS,
        help="The most that a pixel may change; pixels stay in [0, 1].",
        **linked("lab_robust", "eps", usual),
    )
    if kind == "fgsm":
        return AttackConfig.fgsm(int(epsilon) / GREY_LEVELS)
    step = columns[2].number_input(
        "Step, in 255ths", 1, GREY_LEVELS, **linked("lab_robust", "step", STEP if is_grey else 1)
    )
    steps = columns[3].number_input(
        "Steps",
        1,
        MOST_STEPS,
        help="The paper takes 40, with ε 11 and step 2.",
        **linked("lab_robust", "steps", STEPS),
    )
    return AttackConfig(int(epsilon) / GREY_LEVELS, int(step) / GREY_LEVELS, int(steps))


def _draw_corruption() -> CorruptionConfig:
    columns = st.columns([1.6, 2])
    name = columns[0].selectbox(
        "Corruption",
        list(CORRUPTIONS),
        format_func=lambda name: CORRUPTIONS[name].title,
        **linked("lab_robust", "corruption", "noise"),
    )
    severity = columns[1].slider("Severity", 1, SEVERITIES, **linked("lab_robust", "severity", 3))
    config = CorruptionConfig(str(name), int(severity))
    st.caption(f"{CORRUPTIONS[config.name].title}: {CORRUPTIONS[config.name].unit} {config.strength:g}.")
    return config


def _offer_run(
    of: tasks.Network, asked: Mapping[str, Robustness], known: Mapping[str, RobustnessRecord]
) -> None:
    """Draw the button that measures what is missing, and how long that takes."""
    points = {
        name: len(ROBUST_SPARSITIES[task.config.pruning.order])
        if name not in known
        else int((~known[name].known).sum())
        for name, task in asked.items()
    }
    if not any(points.values()):
        return
    first = next(iter(asked.values())).config
    image, passes = run_settings.image_seconds(of), 2.0
    batches = -(-first.images // _BATCH)
    if isinstance(first.disturbance, AttackConfig):
        passes += _ATTACK * first.disturbance.steps
    seconds = sum(points.values()) * passes * (first.images * image + batches * _BATCH_SECONDS / _ATTACK)
    run_settings.offer_run(
        "Measure the rest" if any(name in known for name in asked) else "Measure",
        [name for name, count in points.items() if count],
        seconds,
        "start-robustness",
        lambda: runs.start(asked, asked, f"Robustness of {private_title(of)}"),
    )


def _draw_live(of: tasks.Network, compared: Comparison, asked: Mapping[str, Robustness]) -> None:
    """Draw the points as they come."""
    known = runs.known(asked)
    if known:
        _draw_figure(of, compared, known, next(iter(asked.values())).config.disturbance, "robustness-live")


def _draw_figure(
    of: tasks.Network,
    compared: Comparison,
    known: Mapping[str, RobustnessRecord],
    disturbance: Disturbance,
    key: str,
) -> None:
    drawn = run_settings.criterion_styles()
    curves = [
        RobustnessCurve(criterion_title(name), drawn[name], record.sparsity, record.clean, record.under)
        for name, record in known.items()
    ]
    figure = robustness_curves(
        curves,
        "attacked" if isinstance(disturbance, AttackConfig) else "corrupted",
        theme(),
        marked=compared.sparsity,
        is_log=compared.order == "bottlenecks",
        word=short_word(of),
    )
    st.plotly_chart(figure, config=_PLAIN, key=key)


def _draw_results(
    of: tasks.Network,
    compared: Comparison,
    asked: Mapping[str, Robustness],
    known: Mapping[str, RobustnessRecord],
    test: Dataset,
) -> None:
    first = next(iter(known.values()))
    disturbance = next(iter(asked.values())).config.disturbance
    _draw_figure(of, compared, known, disturbance, "robustness-curves")
    what = (
        "The attack knows the network: it is computed on the pruned network itself, anew at each sparsity. "
        f"{short_word(of).capitalize()} counts all images, those too that the pruned network gets wrong unattacked. "
        "A network that gives every image the same class has no gradient to follow."
        if isinstance(disturbance, AttackConfig)
        else "The same corrupted images at every sparsity. After Hendrycks and Dietterich, ICLR 2019."
    )
    drawn = f"{first.images:,} images drawn from " if first.images < len(test) else ""
    verb = "attacked" if isinstance(disturbance, AttackConfig) else "corrupted"
    whole = (
        f"{word_for(of).capitalize()} with nothing removed {first.clean[0]:.1%}, {verb} {first.under[0]:.1%}."
        if first.known[0]
        else ""
    )
    note = run_settings.orders_note([asked[name].config.pruning for name in known])
    st.caption(
        f"On {drawn}{test.description}; the upright line is the fraction removed chosen above. {whole} {what} {note}"
    )
    st.download_button(
        "Curves (CSV)",
        lambda: table_csv(robustness_table(known, short_word(of))),
        f"{file_stem(of)}-robustness.csv",
        "text/csv",
        key="download-robustness",
        on_click="ignore",
    )
    robustness_examples.draw_examples(of, compared, {name: asked[name] for name in known})
