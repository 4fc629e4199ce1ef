"""The Pruning page's third tab: which classes suffer, what is taken for what, and which images flip."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.plots.pruning.classes import ClassRow, class_change
from ncviz.plots.pruning.tables import confusion_heatmap
from ncviz.scene.comparison import REPAIR_WORDS, Comparison, weight_count
from ncviz.scene.verdict import draw_words
from ncviz.scene.wording import word_for
from ncviz.tasks.criteria import Spread, class_accuracy, confusion, criterion_title, flips
from ncviz.text import percent
from ncviz.ui.components.shared.picture import draw_picture
from ncviz.ui.pruning import comparison, curves, files
from ncviz.ui.pruning.run_settings import criterion_styles
from ncviz.ui.server.evaluation import Measured
from ncviz.ui.session import session
from ncviz.ui.session.theme import theme

# Images of each kind that are shown, and how wide, in pixels.
SHOWN, THUMBNAIL, WIDE_THUMBNAIL = 10, 64, 112
# Names of classes that are longer want wider images over them.
SHORT_NAME = 4
NONE = ""


def draw_criterion_choice(spreads: Mapping[str, Spread], *, beside: bool = True) -> list[str]:
    """Let the reader choose one criterion, and a second beside it; return those that are looked at."""
    names, view = list(spreads), session.view()
    first = view.lab_look if view.lab_look in names else names[0]
    columns = st.columns([1, 1, 2])
    columns[0].selectbox(
        "Criterion",
        names,
        format_func=criterion_title,
        **session.shows("lab_look", first, lambda name: session.change(lab_look=name)),
    )
    if not beside:
        return [first]
    others = [NONE, *(name for name in names if name != first)]
    second = view.lab_beside if view.lab_beside in others else NONE
    columns[1].selectbox(
        "Beside it",
        others,
        format_func=lambda name: criterion_title(name) if name else "none",
        **session.shows("lab_beside", second, lambda name: session.change(lab_beside=name)),
    )
    return [first, second] if second else [first]


def draw_classes(of: tasks.Network, compared: Comparison, spreads: Mapping[str, Spread]) -> None:
    """Draw what breaks at the chosen sparsity, for one criterion or two."""
    names = draw_criterion_choice(spreads)
    removed = curves.removed_at(of, compared)
    whole = curves.measured(of, None, 0)
    pruned = {name: curves.measured(of, curves.first_known(of, compared, name), removed) for name in names}
    images = session.context().images(of, "test")
    classes = images.classes
    before = confusion(whole.labels, whole.predictions, len(classes))
    after = {name: confusion(own.labels, own.predictions, len(classes)) for name, own in pruned.items()}
    total = weight_count(comparison.shapes(of))
    told = [
        f"{criterion_title(name)} {own.accuracy:.2%}{draw_words(spreads[name], removed / total)}"
        for name, own in pruned.items()
    ]
    st.markdown(
        f"**{percent(removed / total)} removed"
        + (f", {REPAIR_WORDS[compared.repair]}" if compared.is_repaired else "")
        + f"**, {word_for(of)}: whole network {whole.accuracy:.2%}; "
        f"{'; '.join(told)}. On "
        f"{len(whole.labels):,} evaluation images."
    )
    st.subheader("Class by class")
    style = criterion_styles()
    rows = [ClassRow(criterion_title(name), class_accuracy(own), style[name]) for name, own in after.items()]
    files.draw_chart(
        of, class_change(class_accuracy(before), rows, classes, theme()), "classes", key="lab-classes"
    )
    changed = {name: own - before for name, own in after.items()}
    most = max(int(np.abs(own - np.diag(np.diag(own))).max()) for own in changed.values())
    for column, name in zip(st.columns(len(names), gap="large"), names, strict=True):
        with column:
            st.subheader(f"{criterion_title(name)}: what is taken for what")
            st.caption("How many images more (orange) or fewer (green) than with the whole network.")
            files.draw_chart(
                of,
                confusion_heatmap(changed[name], classes, theme(), most=most),
                "confusion",
                key=f"lab-confusion-{name}",
            )
            _draw_flips(whole, pruned[name], images.pictures().numpy(), classes)


def _draw_flips(whole: Measured, pruned: Measured, pictures: np.ndarray, classes: tuple[str, ...]) -> None:
    found = flips(whole.labels, whole.predictions, pruned.predictions)
    width = THUMBNAIL if max(map(len, classes)) <= SHORT_NAME else WIDE_THUMBNAIL
    for title, numbers, told in (
        ("Right before, wrong now", found.lost, "Under each image: its class → what it is taken for now."),
        ("Wrong before, right now", found.gained, "Under each image: what it was taken for → its class."),
    ):
        st.markdown(f"**{title}: {len(numbers):,} images**")
        if not len(numbers):
            continue
        with st.container(horizontal=True, gap="small"):
            for number in _pick_varied(numbers, whole.labels):
                was, now = classes[whole.predictions[number]], classes[pruned.predictions[number]]
                words = f"Image {number}: taken for {was} before, for {now} now"
                draw_picture(_enlarge(pictures[number], width), words, width=width, caption=f"{was} → {now}")
        st.caption(told)


def _pick_varied(numbers: np.ndarray, labels: np.ndarray) -> list[int]:
    """Return a few images, one class after the other, so that the largest does not hide the rest."""
    turn: dict[int, int] = {}
    place = []
    for number in numbers.tolist():
        label = int(labels[number])
        turn[label] = turn.get(label, 0) + 1
        place.append((turn[label], label, number))
    return [number for _, _, number in sorted(place)[:SHOWN]]


def _enlarge(image: np.ndarray, width: int) -> np.ndarray:
    """Return an image [C, H, W] as the browser wants it, each pixel enlarged without smoothing."""
    scale = max(1, -(-2 * width // image.shape[-1]))
    grey_or_colour = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
    enlarged = grey_or_colour.repeat(scale, axis=0).repeat(scale, axis=1)
    return np.asarray((255 * enlarged.clip(0, 1)).astype(np.uint8))
