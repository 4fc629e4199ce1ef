"""What the Pruning page's table shows for this network in a few sentences, each reckoned from what was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ncviz.config import ORDERS
from ncviz.scene.comparison import Comparison
from ncviz.tasks import SweepRecord
from ncviz.tasks.criteria import Spread, criterion_title, removable_within
from ncviz.text import percent, plural

# The criterion that the others have to beat: it looks at nothing but the weights.
PLAIN = "magnitude"
OURS = "curvature"
# Of the weights, where the other end is looked at: bottlenecks are few.
FIRST = 0.005
# Two accuracies that differ by less than so many standard errors of their difference are called equal.
ERRORS = 2.0


@dataclass(frozen=True)
class _Figure:
    """A number of one criterion over its draws."""

    mean: float
    low: float
    high: float

    @staticmethod
    def of(values: Sequence[float]) -> _Figure:
        return _Figure(float(np.mean(values)), min(values), max(values))

    def meets(self, other: _Figure, room: float = 0.0) -> bool:
        """Whether the draws of both reach into each other, or come nearer than ``room``."""
        return self.low <= other.high + room and other.low <= self.high + room


def verdict(
    compared: Comparison, spreads: Mapping[str, Spread], lost: float, images: int, word: str = "accuracy"
) -> list[str]:
    """Return what the table shows, as Markdown sentences; [] where curvature or magnitude is not measured.

    Two criteria are called equal where their draws reach into each other, or where so many images cannot tell them
    apart: where their accuracies differ by less than two standard errors.

    Args:
        compared: What is compared.
        spreads: What is known of each criterion's curve over the draws.
        lost: How many points of accuracy may be lost.
        images: On how many the curves are measured.
        word: What the share of right answers is called.
    """
    if OURS not in spreads or PLAIN not in spreads:
        return []
    at = percent(compared.sparsity)
    right = {name: _Figure.of(spread.at(compared.sparsity).tolist()) for name, spread in spreads.items()}
    ours, plain = right[OURS], right[PLAIN]
    room = ERRORS * math.sqrt(sum(each.mean * (1 - each.mean) for each in (ours, plain)) / max(1, images))
    # Where the means alone would be told apart, the reader has to see the draws that make them equal.
    between = _between(ours) if ours.meets(plain, room) and abs(ours.mean - plain.mean) > room else ""
    shown = f"{ours.mean:.1%}{between} against {plain.mean:.1%}"
    if compared.order != ORDERS[0]:
        return [_of_bottlenecks(ours, plain, room, at, word)]
    gone = {
        name: _Figure.of([removable_within(spread.sparsity, each, lost) for each in spread.each])
        for name, spread in spreads.items()
    }
    told = (
        f"At ≤ {plural(float(lost), 'point')} lost, curvature removes {percent(round(gone[OURS].mean, 3))}"
        f"{_between(gone[OURS])} of the weights, magnitude {percent(round(gone[PLAIN].mean, 3))}"
    )
    is_tied = gone[OURS].meets(gone[PLAIN]), ours.meets(plain, room)
    ahead = gone[OURS].mean > gone[PLAIN].mean, ours.mean > plain.mean
    whose = "**On this network curvature"
    if all(is_tied):
        first = (
            f"{whose} and magnitude tie.** {told}; at {at} removed the {word} is {shown}. For pruning alone magnitude "
            "does as well here, and looks at no image."
        )
    elif any(is_tied) or ahead[0] == ahead[1]:
        at_lost, at_sparsity = (
            "a tie" if tied else "ahead" if is_ahead else "behind"
            for tied, is_ahead in zip(is_tied, ahead, strict=True)
        )
        leads = ahead[1] if is_tied[0] else ahead[0]
        first = (
            f"{whose} prunes {'better' if leads else 'worse'} than magnitude.** {told} ({at_lost}); at {at} removed "
            f"the {word} is {shown} ({at_sparsity})."
        )
    else:
        first = (
            f"{whose} prunes better than magnitude in one place and worse in another.** {told}; at {at} removed the "
            f"{word} is {shown}."
        )
    best = max(right, key=lambda name: right[name].mean)
    if best in (OURS, PLAIN) or any(right[best].meets(each, room) for each in (ours, plain)):
        return [first]
    return [first, f"The best at {at} is {criterion_title(best)} with {right[best].mean:.1%}."]


def other_end(sweep: SweepRecord, word: str = "accuracy") -> str:
    """Say what goes when the first half per cent of the other end goes, by curvature and by magnitude.

    Args:
        sweep: The curves that belong to the curvature's first draw, in both orders.
        word: What the share of right answers is called.
    """
    at = int(np.abs(sweep.removed / max(1, sweep.total) - FIRST).argmin())
    ours, plain = (float(sweep.accuracy[name, ORDERS[1]][at]) for name in (OURS, PLAIN))
    room = ERRORS * math.sqrt((ours * (1 - ours) + plain * (1 - plain)) / max(1, sweep.images))
    share = percent(round(float(sweep.removed[at]) / max(1, sweep.total), 4))
    much = (
        "No different at the other end"
        if abs(ours - plain) <= room
        else "What curvature finds better is the other end"
        if ours < plain
        else "At the other end magnitude finds more"
    )
    return (
        f"{much}: from {sweep.baseline:.1%}, the {word} falls to **{ours:.1%}** without the {share} strongest "
        f"bottlenecks, and to **{plain:.1%}** without the {share} largest weights."
    )


def draw_words(spread: Spread, sparsity: float) -> str:
    """Say which of several draws a number belongs to, and what Compare shows of all of them; "" where there is one."""
    if spread.draws < 2:
        return ""
    return (
        f" (first of {spread.draws} draws; Compare shows their mean, {float(spread.at(sparsity).mean()):.2%})"
    )


def _of_bottlenecks(ours: _Figure, plain: _Figure, room: float, at: str, word: str) -> str:
    shown = f"with {at} gone the {word} is {ours.mean:.1%} by curvature and {plain.mean:.1%} by magnitude"
    if ours.meets(plain, room):
        return f"**On this network curvature and magnitude break it alike**: {shown}."
    more = "curvature breaks it faster" if ours.mean < plain.mean else "magnitude breaks it faster"
    return f"**On this network {more}**: {shown}."


def _between(figure: _Figure) -> str:
    return (
        ""
        if figure.low == figure.high
        else f" ({percent(round(figure.low, 3))} to {percent(round(figure.high, 3))} by draw)"
    )
