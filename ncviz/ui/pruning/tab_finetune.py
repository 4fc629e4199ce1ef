"""The tab Fine-tune: how much accuracy comes back when the weights that are left are trained on."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from ncviz import tasks
from ncviz.jobs import Job
from ncviz.plots.pruning.finetuning import TunedCurve, accuracy_curves, loss_curves
from ncviz.scene.comparison import REPAIR_WORDS, Comparison, nothing_to_remove, weight_count
from ncviz.scene.pruning_tables import finetune_table
from ncviz.scene.return_files import file_stem
from ncviz.scene.wording import has_labels, private_title
from ncviz.tasks.criteria import FineTuneConfig, criterion_title, steps_of
from ncviz.tasks.finetuning import FineTune, FineTuneRecord, PruneAndTune, tuned_checkpoint, tuned_network
from ncviz.tasks.images import Dataset
from ncviz.ui.link.finetune_fields import BATCH_SIZES, LEARNING_RATES, MOST_EPOCHS, MOST_SEED, WEIGHT_DECAYS
from ncviz.ui.pruning import comparison, run_settings, runs
from ncviz.ui.pruning import curves as curve_runs
from ncviz.ui.pruning.run_settings import linked, tied
from ncviz.ui.session import networks, session
from ncviz.ui.session.following import follow
from ncviz.ui.session.problems import tell_failure, telling_errors
from ncviz.ui.session.tables import show_table
from ncviz.ui.session.theme import theme

POLL_SECONDS = 0.8
# Up to so many training images, more epochs are needed for as many steps.
FEW_IMAGES = 5000
EPOCHS, EPOCHS_OF_FEW = 2, 10
# Of a step, beside the images themselves; and what learning from an image takes, in classifications.
_STEP_SECONDS, _LEARNING = 0.005, 5.0
_PLAIN = {"displayModeBar": False}


@telling_errors()
def draw_finetuning(of: tasks.Network) -> None:
    """Draw the tab."""
    compared = comparison.current()
    if not compared.criteria:
        st.info("Choose at least one criterion above.")
        return
    if refusal := _refusal_words(of, compared):
        st.info(refusal)
        return
    train, test = (session.context().images(of, split) for split in ("train", "test"))
    _draw_introduction(compared, train, test)
    names, settings = _draw_settings(compared, train)
    if not names:
        st.info("Choose at least one criterion.")
        return
    asked = {
        name: FineTune(of, PruneAndTune(compared.config(name), compared.sparsity, settings)) for name in names
    }
    known = runs.known(asked)
    _follow_or_offer(of, asked, known, len(train), len(test))
    if known:
        _draw_results(of, known, settings)


def _refusal_words(of: tasks.Network, compared: Comparison) -> str:
    """Return why there is nothing to fine-tune, or ""."""
    if not has_labels(of):
        return "Fine-tuning learns from labels, and these images have none: bring them in a folder for each class."
    if nothing := nothing_to_remove(comparison.shapes(of), compared.protected, of.zeros, compared.budgets):
        return nothing
    removed = curve_runs.removed_at(of, compared)
    if removed == 0:
        return "With nothing removed there is nothing to win back: choose a larger fraction removed above."
    if removed == weight_count(comparison.shapes(of)):
        return "With every weight removed nothing is left to train: choose a smaller fraction removed above."
    return ""


def _draw_introduction(compared: Comparison, train: Dataset, test: Dataset) -> None:
    st.markdown(
        f"Each criterion removes **{100 * compared.sparsity:.4g}%** of the weights; then the others are trained on, "
        "while the removed ones stay zero."
        + (f" It begins with the weights {REPAIR_WORDS[compared.repair]}." if compared.is_repaired else "")
    )
    sample = (
        ""
        if train.is_complete
        else " To learn from more, name a folder with all of the data: Model page, tab Data."
    )
    st.caption(f"Learns from {train.description}; accuracy on {test.description}.{sample}")


def _draw_settings(compared: Comparison, train: Dataset) -> tuple[list[str], FineTuneConfig]:
    names = run_settings.draw_criteria("lab_tune", "Fine-tune", compared)
    usual = EPOCHS_OF_FEW if len(train) <= FEW_IMAGES else EPOCHS
    columns = st.columns(5)
    # Another data set has another usual number.
    epochs = columns[0].number_input("Epochs", 1, MOST_EPOCHS, **linked("lab_tune", "epochs", usual))
    rate = columns[1].selectbox(
        "Learning rate",
        LEARNING_RATES,
        format_func=lambda value: f"{value:g}",
        help="Adam's, the same at every step.",
        **linked("lab_tune", "rate", 0.001),
    )
    batch = columns[2].selectbox("Images in a step", BATCH_SIZES, **linked("lab_tune", "batch", 64))
    decay = columns[3].selectbox(
        "Weight decay",
        WEIGHT_DECAYS,
        format_func=lambda value: f"{value:g}",
        **linked("lab_tune", "decay", 0.0),
    )
    seed = columns[4].number_input(
        "Seed", 0, MOST_SEED, help="Of the order of the images.", **linked("lab_tune", "seed", 0)
    )
    return names, FineTuneConfig(int(epochs), int(batch), float(rate), float(decay), int(seed))


def _follow_or_offer(
    of: tasks.Network,
    asked: Mapping[str, FineTune],
    known: Mapping[str, FineTuneRecord],
    train_images: int,
    test_images: int,
) -> None:
    job = runs.job(asked)
    if job is not None and job.is_active:
        settings = next(iter(asked.values())).config.tuning
        follow(job, lambda: _draw_live(job, settings, train_images), seconds=POLL_SECONDS)
        return
    tell_failure(job)
    todo = {name: task for name, task in asked.items() if name not in known}
    if not todo:
        return
    tuning = next(iter(todo.values())).config.tuning
    image = run_settings.image_seconds(of)
    learning = steps_of(train_images, tuning) * (_STEP_SECONDS + _LEARNING * image * tuning.batch_size)
    seconds = len(todo) * (learning + (tuning.epochs + 2) * test_images * image)
    what = "1 criterion" if len(todo) == 1 else f"{len(todo)} criteria"
    label = f"Fine-tuning {private_title(of)} after pruning, {what}"
    run_settings.offer_run(
        "Fine-tune", list(todo), seconds, "start-finetune", lambda: runs.start(asked, todo, label)
    )


def _draw_live(job: Job, tuning: FineTuneConfig, train_images: int) -> None:
    """Draw the loss as it falls."""
    drawn = run_settings.criterion_styles()
    curves = [
        TunedCurve(
            criterion_title(task.config.pruning.criterion),
            drawn[task.config.pruning.criterion],
            log.losses,
            log.accuracies,
        )
        for task, log in list(job.log.shown.items())
        if len(log.losses)
    ]
    if curves:
        figure = loss_curves(curves, steps_of(train_images, tuning), theme())
        st.plotly_chart(figure, config=_PLAIN, key="finetune-live")


def _draw_results(of: tasks.Network, known: Mapping[str, FineTuneRecord], tuning: FineTuneConfig) -> None:
    show_table(
        finetune_table(known),
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(format=form, help=words)
            for name, form, words in (
                ("whole", "%.2f%%", "Accuracy before pruning."),
                ("pruned", "%.2f%%", "Accuracy without the removed weights."),
                ("fine-tuned", "%.2f%%", "Accuracy after the last epoch."),
                ("gained", "%+.2f", "In percentage points."),
                ("short of whole", "%.2f", "In percentage points."),
            )
        },
    )
    drawn = run_settings.criterion_styles()
    curves = [
        TunedCurve(criterion_title(name), drawn[name], record.loss, record.accuracy)
        for name, record in known.items()
    ]
    left, right = st.columns(2)
    first = next(iter(known.values()))
    with left:
        st.plotly_chart(
            accuracy_curves(curves, tuning.epochs, first.whole, theme()),
            config=_PLAIN,
            key="finetune-accuracy",
        )
    with right:
        st.plotly_chart(loss_curves(curves, len(first.loss), theme()), config=_PLAIN, key="finetune-loss")
    note = run_settings.orders_note([record.pruning for record in known.values()])
    st.caption(
        f"{first.removed:,} of {first.total:,} weights removed and held at zero. {note} Masks alone make a network "
        "neither smaller nor faster."
    )
    _draw_downloads(of, known)


def _draw_downloads(of: tasks.Network, known: Mapping[str, FineTuneRecord]) -> None:
    best = max(known, key=lambda name: known[name].after)
    columns = st.columns([2, 2, 2], vertical_alignment="bottom")
    name = columns[0].selectbox(
        "Fine-tuned network",
        list(known),
        format_func=criterion_title,
        **tied("tune_taken_" + ",".join(known), best),
    )
    record = known[name]
    stem = f"{file_stem(of)}-{name}-{100 * record.removed / record.total:.4g}-fine-tuned"
    columns[1].download_button(
        "Checkpoint (safetensors)",
        lambda: tuned_checkpoint(record),
        f"{stem}.safetensors",
        "application/octet-stream",
        key="download-finetuned",
        on_click="ignore",
        width="stretch",
        help="The state dict with zeros in place of what is removed.",
    )
    if columns[2].button(
        "Use this network",
        key="use-finetuned",
        width="stretch",
        help="Look at it on all pages of this session, beside the one it came from.",
    ):
        with telling_errors():
            networks.add_network(tuned_network(of, record, f"{stem}.safetensors"))
            st.toast("The fine-tuned network is chosen; its curvature can be computed on the Curvature page.")
            st.rerun()
