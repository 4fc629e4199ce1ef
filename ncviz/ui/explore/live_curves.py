"""What the live panel draws for one network: the orders it offers, and their stored curves."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from ncviz.config import ORDERS
from ncviz.scene.flow_choices import flow_titles
from ncviz.scene.tables import cut_value
from ncviz.scene.wording import settings_words, short_word
from ncviz.tasks import CRITERIA
from ncviz.ui.components.live.data import Band, Curves, NeverActive, Order, SliderStep, Sweep, panel_data
from ncviz.ui.components.live.scale import slider_stops
from ncviz.ui.server import resources
from ncviz.ui.server.fine_curves import FineCurve
from ncviz.ui.session.subject import Subject
from ncviz.values import NEVER_ACTIVE

PANEL_ORDERS = (
    Order(
        "curvature/redundant", "Redundant first", "removes κ > {value}", "Highest curvature goes first", "redundant"
    ),
    Order(
        "curvature/bottlenecks", "Bottlenecks first", "removes κ < {value}", "Lowest curvature goes first", "bottleneck"
    ),
    Order("magnitude/redundant", "Magnitude, smallest first", "removes |w| < {value}"),
    Order("magnitude/bottlenecks", "Magnitude, largest first", "removes |w| > {value}"),
    Order("random/redundant", "Random"),
)  # fmt: skip
OUTLINE_POINTS = 50
# A caption has room for so many steps by hand.
MOST_TOLD = 5
ORDER_LABELS = {order.key: order.label for order in PANEL_ORDERS}


def slider_step(subject: Subject) -> SliderStep:
    """Return where a side's slider stands."""
    return SliderStep(
        subject.side.name, subject.total, subject.removed, subject.order, subject.least, subject.most
    )


def by_hand_words(subject: Subject) -> str:
    """Return such as "906 cut, 25 kept, 3 scaled by hand"; "" where nothing is."""
    if subject.by_hand is None:
        return ""
    told = ", ".join(f"{count:,} {word}" for word, count in subject.left.counts().items())
    return f"{told} by hand" if told else ""


def told_by_hand(subject: Subject, most: int | None = None) -> str:
    """Return what everything that is taken away says of what was done by hand, step by step; "" for nothing.

    Args:
        subject: The network with its results.
        most: How many steps are told, the last ones; None for all.
    """
    if subject.by_hand is None:
        return ""
    words, name = subject.by_hand.words, subject.view.hand_name
    shown = words if most is None else words[-most:]
    more = f"{len(words) - len(shown)} earlier steps; " if len(shown) < len(words) else ""
    called = f"“{name}”, " if name else ""
    return f"{called}{by_hand_words(subject) or 'nothing changed by hand'}: {more}{'; '.join(shown)}"


def thresholds(subject: Subject, removed: np.ndarray) -> np.ndarray:
    """Return the score at the cut in the criterion's own unit.

    Args:
        subject: The network in the order that its view has.
        removed: How many weights are removed, int64 [m].

    Returns:
        float64 [m], NaN where nothing stays, or what stays first is never active, which has no κ; empty where there is
        no single value, as layer by layer.
    """
    view = subject.view
    if view.scope != "global" or view.criterion == "random":
        return np.empty(0)
    by_hand = subject.by_hand
    ordered = (
        resources.ordered_scores(subject.network, subject.record, view.criterion, view.never)
        if by_hand is None
        else by_hand.scores
    )
    found = cut_value(ordered, np.maximum(removed - subject.least, 0), view.order)
    if view.criterion != "curvature":
        return found
    return np.where(np.isinf(found) | (found <= -NEVER_ACTIVE), np.nan, -found)


def threshold(subject: Subject) -> float | None:
    """Return the κ over all images of the first weight that stays; None where no one κ cuts all layers."""
    if subject.view.criterion != "curvature":
        return None
    found = thresholds(subject, np.array([subject.removed]))
    return float(found[0]) if len(found) and np.isfinite(found[0]) else None


def can_cut(subject: Subject) -> bool:
    """Whether one κ cuts all layers: where all weights compete by curvature, and by nothing that is done by hand."""
    view = subject.view
    return view.criterion == "curvature" and view.scope == "global" and subject.by_hand is None


def curves(subject: Subject, criteria: Collection[str] = CRITERIA) -> dict[str, Sweep]:
    """Return the stored curve of each order, by the panel's key, such as "curvature/redundant"; all on one grid.

    Args:
        subject: The network with its results.
        criteria: Those whose curves carry the score at the cut; the other curves have accuracies only.
    """
    found: dict[str, Sweep] = {}
    if subject.by_hand is not None:
        # They were measured on the network as it was.
        return found
    removed = subject.sweep.removed
    for (criterion, order), accuracy in subject.sweep.accuracy.items():
        name = f"{criterion}/{order}"
        at = thresholds(subject.at(name), removed) if criterion in criteria else np.empty(0)
        found[name] = Sweep(removed.tolist(), accuracy.tolist(), at.tolist())
    return found


def steps(subject: Subject, fine: FineCurve | None = None) -> Sweep:
    """Return what is known of the order in use at the stops of the slider: the score at the cut, and the accuracy.

    Args:
        subject: The network in that order.
        fine: The accuracy at the stops, None where it is not measured.
    """
    stops = slider_stops(subject.most, subject.least)
    at = thresholds(subject, stops).tolist()
    if fine is None:
        return Sweep(stops.tolist(), (), at)
    known = dict(zip(fine.removed.tolist(), fine.accuracy.tolist(), strict=True))
    return Sweep(stops.tolist(), [known.get(removed) for removed in stops.tolist()], at, fine.images)


def outline(fine: FineCurve) -> Sweep:
    """Return the curve of what is changed by hand, of which none is stored: as fine as stored ones are."""
    every = max(1, len(fine.removed) // OUTLINE_POINTS)
    chosen = np.unique([*range(0, len(fine.removed), every), len(fine.removed) - 1])
    return Sweep(fine.removed[chosen].tolist(), fine.accuracy[chosen].tolist())


def never_active(subject: Subject) -> NeverActive | None:
    """Return the weights that are never active, and where they lie in the orders by curvature; None without any."""
    record, view = subject.record, subject.view
    if not record.never_active_count:
        return None
    bands = {}
    if view.scope == "global" and view.never != "median":
        bands = _bands((record.key, view.hand), view.never, subject)
    rule = "never-active weights at their layer's median cost" if view.never == "median" else ""
    return NeverActive(record.never_active_count, len(record.labels), bands, rule)


@st.cache_resource(max_entries=24)
def _bands(key: tuple[str, str], place: str, _subject: Subject) -> dict[str, Band]:
    is_never = np.concatenate([mask.reshape(-1) for mask in _subject.record.never_active.values()])
    found = {}
    for order in ORDERS:
        ranks = _subject.at(f"curvature/{order}").ranks[is_never]
        start, end = int(ranks.min()), int(ranks.max()) + 1
        if end - start == len(ranks):
            found[f"curvature/{order}"] = Band(start, end, (place == "first") == (order == ORDERS[0]))
    return found


def draw_words(subject: Subject) -> str:
    """Return on which draw of the calibration images the orders rest."""
    return f"one draw, seed {subject.record.meta['config']['seed']}"


def about_words(subject: Subject) -> str:
    """Return of which network and settings a saved picture is, and of which image's flow."""
    chosen = subject.view.flow
    told = f"{subject.network.title}: {settings_words(subject.network, subject.view.config)}"
    if chosen == "all":
        return told
    return f"{told}; flow of {flow_titles(subject.record, subject.classes).get(chosen, chosen)}"


def offline_panel(subject: Subject, channel: str, fine: FineCurve | None = None) -> dict[str, Any]:
    """Return a panel's data for a page that has no Python behind it: it reads its curves and keeps its own history.

    Args:
        subject: The network at the step with which the page begins.
        channel: The name that the canvas on the page is given too.
        fine: The accuracy at the stops in the order in use, which alone is known of what is changed by hand.
    """
    label = f"read off the curve measured on {subject.sweep.images:,} images"
    never = never_active(subject)
    own = {order.key: steps(subject.at(order.key)) for order in PANEL_ORDERS if order.tone}
    drawn = curves(subject)
    if fine is not None:
        own[subject.order] = steps(subject, fine)
        drawn = drawn or {subject.order: outline(fine)}
    known = Curves(
        drawn,
        subject.sweep.baseline,
        label,
        short_word(subject.network),
        never,
        own,
        draw_words(subject),
        about_words(subject),
        told_by_hand(subject, MOST_TOLD),
    )
    step = replace(slider_step(subject), channel=channel)
    return panel_data(
        step,
        PANEL_ORDERS,
        known,
        by_hand=by_hand_words(subject),
        scale=subject.view.scale,
        is_live=False,
        is_offline=True,
    )
