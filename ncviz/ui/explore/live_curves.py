"""What the live panel draws for one network: the orders it offers, and their stored curves."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import numpy as np

from ncviz.scene.tables import cut_value
from ncviz.tasks import CRITERIA, SweepRecord
from ncviz.ui.components.live.data import Order, Sweep, panel_data
from ncviz.ui.server import resources
from ncviz.ui.session.subject import Subject

PANEL_ORDERS = (
    Order(
        "curvature/redundant",
        "Redundant first",
        "removes κ > {value}",
        "Highest curvature goes first",
        "redundant",
    ),
    Order(
        "curvature/bottlenecks",
        "Bottlenecks first",
        "removes κ < {value}",
        "Lowest curvature goes first",
        "bottleneck",
    ),
    Order("magnitude/redundant", "Magnitude, smallest first", "removes |w| < {value}"),
    Order("magnitude/bottlenecks", "Magnitude, largest first", "removes |w| > {value}"),
    Order("random/redundant", "Random"),
)
ORDER_LABELS = {order.key: order.label for order in PANEL_ORDERS}


def thresholds(
    criterion: str, order: str, scope: str, removed: np.ndarray, ordered: Callable[[str], np.ndarray]
) -> np.ndarray:
    """Return the score at the cut in the criterion's own unit.

    Args:
        criterion: What ranks the weights.
        order: Which end goes first.
        scope: Within what the weights compete.
        removed: How many are removed, int64 [m].
        ordered: Gives a criterion's scores of all weights, growing, float64 [N].

    Returns:
        float64 [m], NaN where nothing stays; empty where there is no single value, as layer by layer.
    """
    if scope != "global" or criterion == "random":
        return np.empty(0)
    sign = -1.0 if criterion == "curvature" else 1.0
    return sign * cut_value(ordered(criterion), removed, order)


def thresholds_of(subject: Subject, removed: np.ndarray) -> np.ndarray:
    """Return ``thresholds`` of a network in the order that its view has."""
    view = subject.view
    return thresholds(view.criterion, view.order, view.scope, removed, ordered_scores(subject))


def threshold_of(subject: Subject) -> float | None:
    """Return the κ over all images of the first weight that stays; None where no one κ cuts all layers."""
    if subject.view.criterion != "curvature":
        return None
    found = thresholds_of(subject, np.array([subject.removed]))
    return float(found[0]) if len(found) and np.isfinite(found[0]) else None


def ordered_scores(subject: Subject) -> Callable[[str], np.ndarray]:
    """Return what gives a criterion's scores of all weights, growing, float64 [N]."""
    return partial(resources.ordered_scores, subject.network, subject.record)


def curves(
    sweep: SweepRecord,
    scope: str,
    ordered: Callable[[str], np.ndarray],
    criteria: Collection[str] = CRITERIA,
) -> dict[str, Sweep]:
    """Return the stored curve of each order, by the panel's key, such as "curvature/redundant".

    Args:
        sweep: The stored accuracies.
        scope: Within what the weights compete.
        ordered: Gives a criterion's scores of all weights, growing, float64 [N].
        criteria: Those whose curves carry the score at the cut; the other curves have accuracies only.
    """
    found = {}
    for (criterion, order), accuracy in sweep.accuracy.items():
        at = np.empty(0)
        if criterion in criteria:
            at = thresholds(criterion, order, scope, sweep.removed, ordered)
        found[f"{criterion}/{order}"] = Sweep(sweep.removed.tolist(), accuracy.tolist(), at.tolist())
    return found


def offline_panel(
    sweep: SweepRecord,
    scope: str,
    ordered: Callable[[str], np.ndarray],
    *,
    channel: str,
    removed: int,
    order: str,
    word: str = "accuracy",
) -> dict[str, Any]:
    """Return a panel's data for a page that has no Python behind it: it reads its curves and keeps its own history.

    Args:
        sweep: The stored accuracies.
        scope: Within what the weights compete.
        ordered: Gives a criterion's scores of all weights, growing, float64 [N].
        channel: The name that the canvas on the page is given too.
        removed: How many weights are removed at first.
        order: In which of ``PANEL_ORDERS``, by its key.
        word: What the share of right answers is called.
    """
    return panel_data(
        channel=channel,
        total=sweep.total,
        removed=removed,
        order=order,
        orders=PANEL_ORDERS,
        sweeps=curves(sweep, scope, ordered),
        baseline=sweep.baseline,
        is_live=False,
        is_offline=True,
        sweep_label=f"read off the curve measured on {sweep.images:,} images",
        word=word,
    )
