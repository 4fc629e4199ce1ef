"""How criteria are told apart in every figure: a colour, a dash and a mark each, that never change."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ncviz.plots.figure_frame import MUTED, PAPER
from ncviz.plots.palette import Theme, end_colours

# Which end of the curvature goes first in an order, and gives it its colour.
_ENDS = {"redundant": "redundant", "bottlenecks": "bottleneck"}
# Red and blue mean curvature in this app. These hues differ in lightness too, and dash and mark say the same again.
_COLOURS: dict[Theme, tuple[str, ...]] = {
    "light": ("#b8620a", "#00806a", "#8a3fb0", "#8a7a00", "#c0458f", "#1b7f9e", "#7a4a2b", "#5c6b2f", "#5a5fb0",
              "#3f8a1e", "#9a3b6e", "#2f6f5a", "#6a3fd0"),
    "dark": ("#f0a04b", "#3fc7a8", "#c08ae6", "#d9c94a", "#ee8cc4", "#67c6e0", "#c79a78", "#a9bd6b", "#9aa0f0",
             "#8fe06a", "#e06aa8", "#86d9bd", "#b39cff"),
}  # fmt: skip
_DASHES = ("solid", "dash", "dot", "dashdot")
_SYMBOLS = (
    "circle", "square", "diamond", "triangle-up", "x", "triangle-down", "pentagon", "star", "cross", "hexagon",
    "hourglass", "bowtie", "diamond-tall", "star-diamond",
)  # fmt: skip
# Of amounts without a sign: nothing is the paper, much is strong.
_FULL: dict[Theme, str] = {"light": "#5b3fa8", "dark": "#a78bfa"}
_LESS: dict[Theme, str] = {"light": "#00806a", "dark": "#3fc7a8"}
_MORE: dict[Theme, str] = {"light": "#b8620a", "dark": "#f0a04b"}


@dataclass(frozen=True)
class Style:
    """How one criterion is drawn: CSS colour, plotly's dash and mark, and width in pixels."""

    colour: str
    dash: str
    symbol: str
    width: float


def styles(
    names: Sequence[str], floor: Collection[str], theme: Theme, order: str = "redundant"
) -> dict[str, Style]:
    """Return a style for each criterion: the curvature's own for the first, grey dots for the floor, a hue for others.

    Args:
        names: All criteria that there are, so that each keeps its style whatever is shown beside it.
        floor: Those that every other must beat, such as a random order.
        theme: Which variant of the colours.
        order: Which end goes first: blue where that is the redundant, red where it is the bottlenecks.
    """
    found, hues, number = {}, _COLOURS[theme], 0
    for index, name in enumerate(names):
        if name in floor:
            found[name] = Style(MUTED[theme], "dot", "circle-open", 1.5)
        elif index == 0:
            found[name] = Style(end_colours(theme)[_ENDS[order]], "solid", "circle", 3)
        else:
            dash = _DASHES[(number + 1) % len(_DASHES)]
            found[name] = Style(hues[number % len(hues)], dash, _SYMBOLS[(number + 1) % len(_SYMBOLS)], 2)
            number += 1
    return found


def line_colours(theme: Theme) -> dict[str, str]:
    """Return the colours of the slider's other criteria, as ``styles`` has them for all that there are."""
    return {"magnitude": _COLOURS[theme][1], "random": MUTED[theme]}


def amounts(theme: Theme) -> list[list[float | str]]:
    """Return a colour scale for amounts from nothing to much."""
    return [[0.0, PAPER[theme]], [1.0, _FULL[theme]]]


def changes(theme: Theme) -> list[list[float | str]]:
    """Return a colour scale for changes: fewer, none, more; to be centred on 0."""
    return [[0.0, _LESS[theme]], [0.5, PAPER[theme]], [1.0, _MORE[theme]]]


def pale(colour: str, opacity: float) -> str:
    """Return a CSS colour "#rrggbb" as "rgba(…)"."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"
