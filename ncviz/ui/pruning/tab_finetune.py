"""The tab Fine-tune: how much accuracy comes back when the weights that are left are trained on."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd
import streamlit as st

from ncviz import tasks
from ncviz.config import PruningConfig
from ncviz.data.datasets import Dataset, load_dataset
from ncviz.plots.pruning.finetuning import TunedCurve, accuracy_curves, loss_curves
from ncviz.pruning.finetune import FineTuneConfig, steps_of
from ncviz.scene.return_files import file_stem
from ncviz.scene.wording import has_labels
from ncviz.tasks.finetuning import FineTuneRecord, PruneAndTune, tuned_checkpoint, tuned_network
from ncviz.text import about, plain
from ncviz.ui.link.finetune_fields import BATCH_SIZES, LEARNING_RATES, MOST_EPOCHS, MOST_SEED, WEIGHT_DECAYS
from ncviz.ui.pruning import comparison, controls, finetune_runs, run_settings
from ncviz.ui.pruning import curves as curve_runs
from ncviz.ui.pruning.comparison import Lab
from ncviz.ui.pruning.run_settings import linked, tied
from ncviz.ui.session import session, visitors
from ncviz.ui.session.problems import tell_failure, telling_errors
from ncviz.ui.session.theme import theme

POLL_SECONDS = 0.8
# Up to so many training images, more epochs are needed for as many steps.
FEW_IMAGES = 5000
EPOCHS, EPOCHS_OF_FEW = 2, 10
# Of a step, beside the images themselves; and what learning from an image takes, in classifications.
_STEP_SECONDS, _LEARNING = 0.005, 5.0
_PLAIN = {"displayModeBar": False}


@telling_errors()
def show(of: tasks.Network) -> None:
    """Draw the tab."""
    lab = comparison.current()
    if not lab.criteria:
        st.info("Choose at least one criterion above.")
        return
    if refusal := _refusal(of, lab):
        st.info(refusal)
        return
    train, test = (load_dataset(of.dataset, split, session.data_dir()) for split in ("train", "test"))
    _introduction(lab, train, test)
    chosen, tuning = _controls(lab, train)
    if not chosen:
        st.info("Choose at least one criterion.")
        return
    asked = {name: PruneAndTune(run_settings.first_draw(lab, name), lab.sparsity, tuning) for name in chosen}
    known = finetune_runs.known(of, asked)
    _start_or_follow(of, asked, known, len(train), len(test))
    if known:
        _results(of, known, tuning)


def _refusal(of: tasks.Network, lab: Lab) -> str:
    """Return why there is nothing to fine-tune, or ""."""
    if not has_labels(of):
        return "Fine-tuning learns from labels, and these images have none: bring them in a folder for each class."
    if nothing := controls.nothing_to_remove(of, lab):
        return nothing
    removed = curve_runs.removed_at(of, lab)
    if removed == 0:
        return "With nothing removed there is nothing to win back: choose a larger fraction removed above."
    if removed == sum(math.prod(shape) for shape in comparison.shapes(of).values()):
        return "With every weight removed nothing is left to train: choose a smaller fraction removed above."
    return ""


def _introduction(lab: Lab, train: Dataset, test: Dataset) -> None:
    st.markdown(
        f"Each criterion removes **{100 * lab.sparsity:.4g}%** of the weights; then the others are trained on, "
        "while the removed ones stay zero."
    )
    sample = (
        ""
        if train.is_complete
        else " To learn from more, name a folder with all of the data: Model page, tab Data."
    )
    st.caption(f"Learns from {train.description}; accuracy on {test.description}.{sample}")


def _controls(lab: Lab, train: Dataset) -> tuple[list[str], FineTuneConfig]:
    chosen = run_settings.criteria("lab_tune", "Fine-tune", lab)
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
    return chosen, FineTuneConfig(int(epochs), int(batch), float(rate), float(decay), int(seed))


def _start_or_follow(
    of: tasks.Network,
    asked: Mapping[str, PruneAndTune],
    known: Mapping[str, FineTuneRecord],
    train_images: int,
    test_images: int,
) -> None:
    job = finetune_runs.job(of, asked)
    if job is not None and job.is_active:
        run_settings.follow(job)
        st.fragment(_live, run_every=visitors.every(POLL_SECONDS))(
            job.key, next(iter(asked.values())).tuning, train_images
        )
        return
    tell_failure(job)
    todo = {name: config for name, config in asked.items() if name not in known}
    if not todo:
        return
    tuning = next(iter(todo.values())).tuning
    image = run_settings.image_seconds(of)
    learning = steps_of(train_images, tuning) * (_STEP_SECONDS + _LEARNING * image * tuning.batch_size)
    seconds = len(todo) * (learning + (tuning.epochs + 2) * test_images * image)
    names = ", ".join(plain(run_settings.title(name)) for name in todo)
    columns = st.columns([1, 3], vertical_alignment="center")
    if columns[0].button("Fine-tune", type="primary", key="start-finetune", width="stretch"):
        finetune_runs.start(of, todo, asked)
        st.rerun()
    columns[1].markdown(
        f"{names}: {about(seconds, 'a second or two', 2)}, beside what ranking the weights takes where that is new."
    )


def _live(key: str, tuning: FineTuneConfig, train_images: int) -> None:
    """Draw the loss as it falls; at the end the page is drawn anew."""
    job = finetune_runs.job_of(key)
    if job is None or not job.is_active:
        st.rerun(scope="app")
    drawn = run_settings.criterion_styles()
    curves = [
        TunedCurve(run_settings.title(name), drawn[name], run.losses, run.accuracies)
        for name, run in finetune_runs.progress_of(key).items()
        if len(run.losses)
    ]
    if curves:
        figure = loss_curves(curves, steps_of(train_images, tuning), theme())
        st.plotly_chart(figure, config=_PLAIN, key="finetune-live")


def _results(of: tasks.Network, known: Mapping[str, FineTuneRecord], tuning: FineTuneConfig) -> None:
    st.dataframe(
        table(known),
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
        TunedCurve(run_settings.title(name), drawn[name], record.loss, record.accuracy)
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
    note = run_settings.orders_note([record_config(record) for record in known.values()])
    st.caption(
        f"{first.removed:,} of {first.total:,} weights removed and held at zero. {note} Masks alone make a network "
        "neither smaller nor faster."
    )
    _take_away(of, known)


def record_config(record: FineTuneRecord) -> PruningConfig:
    """Return by what a record's network was pruned."""
    asked = record.meta["pruning"]
    return PruningConfig(**{**asked, "protected": tuple(asked["protected"])})


def table(known: Mapping[str, FineTuneRecord]) -> pd.DataFrame:
    """Return a row for each criterion, the best after fine-tuning first; accuracies in per cent."""
    rows = [
        {
            "criterion": run_settings.title(name),
            "whole": 100 * record.whole,
            "pruned": 100 * record.before,
            "fine-tuned": 100 * record.after,
            "gained": 100 * (record.after - record.before),
            "short of whole": 100 * (record.whole - record.after),
        }
        for name, record in known.items()
    ]
    return pd.DataFrame(rows).sort_values("fine-tuned", ascending=False, kind="stable")


def _take_away(of: tasks.Network, known: Mapping[str, FineTuneRecord]) -> None:
    best = max(known, key=lambda name: known[name].after)
    columns = st.columns([2, 2, 2], vertical_alignment="bottom")
    name = columns[0].selectbox(
        "Fine-tuned network",
        list(known),
        format_func=run_settings.title,
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
            session.add_network(tuned_network(of, record, f"{stem}.safetensors"))
            st.toast("The fine-tuned network is chosen; its curvature can be computed on the Curvature page.")
            st.rerun()
