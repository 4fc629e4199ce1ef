"""What the live panel is given, as plain JSON: shared by the page and by the file that works without a server."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Literal

from ncviz.plots.palette import Theme, end_colours
from ncviz.plots.pruning.styles import line_colours

Tone = Literal["bottleneck", "redundant"]
THEMES: tuple[Theme, ...] = ("light", "dark")
DIGITS = 5
FLAGS = {
    # Accuracies are measured during a drag, and not only at its end.
    "is_live": True,
    # The accuracy of this step is being measured.
    "is_measuring": False,
    # The order has one κ at which all layers can be cut.
    "can_cut": False,
    # Something that Python draws follows a drag, so that it has to hear of every step.
    "is_followed": False,
    # There is no Python to ask: the panel keeps its own history, and reads its curves.
    "is_offline": False,
    "can_undo": False,
    "can_redo": False,
}


@dataclass(frozen=True)
class Order:
    """A pruning order that the panel offers.

    `rule` says what is removed, with `{value}` where the threshold stands, such as "removes κ > {value}". An order
    with a `tone` is a segment of the switch and has that end's colour; the others share a menu.
    """

    key: str
    label: str
    rule: str = ""
    hint: str = ""
    tone: Tone | None = None


@dataclass(frozen=True)
class Sweep:
    """Points of one order: accuracy and score at the threshold at growing numbers removed; either may be missing.

    With `images`, there is a point for each stop of the slider, measured on so many images: no more to be asked.
    """

    removed: Sequence[int]
    accuracy: Sequence[float | None]
    threshold: Sequence[float] = ()
    images: int = 0


@dataclass(frozen=True)
class Answer:
    """What was measured at one threshold."""

    seq: int  # of the newest request that had been seen when this was measured
    removed: int
    order: str
    accuracy: float | None
    images: int = 0
    threshold: float | None = None  # the score at the threshold, in the order's own unit


@dataclass(frozen=True)
class SliderStep:
    """Where a picture's slider stands.

    `channel` is the name on which the picture, its panel and its heading meet within the page. `removed` of `total`
    prunable parameters are removed, in the order of the key `order`: `zeros` at least, which are zero already or cut by
    hand, and `most` at most (None for all).
    """

    channel: str
    total: int
    removed: int
    order: str
    zeros: int = 0
    most: int | None = None


@dataclass(frozen=True)
class Band:
    """Where one order removes never-active weights and no others: from `start` to `end` weights removed.

    `is_first` says that it stands before all weights that were ever active, and not behind them.
    """

    start: int
    end: int
    is_first: bool


@dataclass(frozen=True)
class NeverActive:
    """The weights without a live edge on any of `images` calibration images.

    `count` is how many they are; `bands` says by order where they lie, if they lie together there. `rule` takes the
    place of an order's rule where they lie among the others.
    """

    count: int
    images: int
    bands: Mapping[str, Band]
    rule: str = ""


@dataclass(frozen=True)
class Curves:
    """The stored curves. What was read off one has `label` beside it.

    `sweeps` holds them by order key, all on one grid, and may lack some; it is None for those that were sent last.
    `steps` holds what is known at the stops of the slider, which are finer, likewise. `baseline` is the accuracy with
    nothing removed, and `word` what that share of right answers is called: agreement, where nobody knows the right
    ones. `draw` says on which calibration images the orders rest, `about` of which network and settings a saved picture
    is, `told` what was done to it by hand, step by step. `never` are the weights that are never active, None where
    there are none or nobody looked.
    """

    sweeps: Mapping[str, Sweep] | None
    baseline: float | None
    label: str = "read off the curve"
    word: str = "accuracy"
    never: NeverActive | None = None
    steps: Mapping[str, Sweep] | None = None
    draw: str = ""
    about: str = ""
    told: str = ""


def panel_data(
    step: SliderStep,
    orders: Sequence[Order],
    curves: Curves,
    *,
    seq: int = 0,
    answer: Answer | None = None,
    basis: str = "",
    note: str = "",
    by_hand: str = "",
    scale: str = "ends",
    **flags: bool,
) -> dict[str, Any]:
    """Return all that the panel shows, as plain JSON.

    Args:
        step: Where the slider stands, as the network canvas on this page was told too.
        orders: What can be chosen.
        curves: The stored curves.
        seq: The newest `LiveRequest.seq` that was dealt with, 0 at first.
        answer: What was measured last, or None.
        basis: What the answers are about; once it differs, older answers are forgotten.
        note: A line under the numbers, such as why nothing is measured yet.
        by_hand: What is done by hand, such as "906 cut by hand"; "" for nothing.
        scale: Of slider and curve: "ends", finer towards both, or "linear".
        flags: What differs from `FLAGS`.

    Raises:
        TypeError: If there is no such flag.
    """
    if unknown := flags.keys() - FLAGS.keys():
        raise TypeError(f"the panel has no flag {', '.join(sorted(unknown))}")
    return {
        "channel": step.channel,
        "total": int(step.total),
        "removed": int(step.removed),
        "zeros": int(step.zeros),
        "most": int(step.total if step.most is None else step.most),
        "order": step.order,
        "seq": int(seq),
        "orders": [asdict(item) for item in orders],
        "sweeps": _plain_sweeps(curves.sweeps),
        "steps": _plain_sweeps(curves.steps),
        "baseline": _number(curves.baseline),
        "answer": None if answer is None else _plain_answer(answer),
        "never": None if curves.never is None else asdict(curves.never),
        "basis": basis,
        **FLAGS,
        **flags,
        "note": note,
        "by_hand": by_hand,
        "scale": scale,
        "sweep_label": curves.label,
        "word": curves.word,
        "draw": curves.draw,
        "about": curves.about,
        "told": curves.told,
        "tones": tones(),
        "lines": lines(),
    }


def _plain_sweeps(sweeps: Mapping[str, Sweep] | None) -> dict[str, Any] | None:
    return None if sweeps is None else {name: _plain_sweep(sweep) for name, sweep in sweeps.items()}


def _plain_sweep(sweep: Sweep) -> dict[str, Any]:
    """A sweep as lists that JSON can carry, numpy numbers included."""
    return {
        "removed": [int(value) for value in sweep.removed],
        "accuracy": [_number(value) for value in sweep.accuracy],
        "threshold": [_number(value) for value in sweep.threshold],
        "images": int(sweep.images),
    }


def _plain_answer(answer: Answer) -> dict[str, Any]:
    """An answer as JSON can carry it."""
    numbers = {"accuracy": _number(answer.accuracy), "threshold": _number(answer.threshold)}
    whole = {name: int(getattr(answer, name)) for name in ("seq", "removed", "images")}
    return {**whole, **numbers, "order": answer.order}


def _number(value: float | None) -> float | None:
    """A number that JSON has: infinities and not-a-number count as unknown."""
    return round(float(value), DIGITS) if value is not None and math.isfinite(value) else None


@cache
def tones() -> dict[str, dict[str, str]]:
    """The colours of the two ends of the scale, by theme."""
    return {theme: end_colours(theme) for theme in THEMES}


@cache
def lines() -> dict[str, dict[str, str]]:
    """The colours of the criteria that have no end of the scale, by theme: those of the Pruning page."""
    return {theme: line_colours(theme) for theme in THEMES}
