"""What the Edge page says of an edge: names of its units, what its κ means, what its pictures show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ncviz.scene.feature_maps import drawn_shapes
from ncviz.scene.names import output_title, unit_layer_titles
from ncviz.scene.token_maps import token_maps
from ncviz.tasks import CurvatureRecord
from ncviz.text import minus, number

if TYPE_CHECKING:
    from ncviz.tasks import EdgeExplanation, EdgeProblem

# From here on an edge is called a bottleneck or redundant; nearer to 0 it is neither.
NEUTRAL = 0.05
# The slider of the weight reaches 32 times up and down, in quarters of a doubling.
STEPS, STEPS_PER_DOUBLING = 20, 4
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def short_name(record: CurvatureRecord, layer: int, index: int, classes: Sequence[str]) -> str:
    """Return such as "unit 5", "ch 3 (2, 5)", "pixel (2, 5)" or "class 7"."""
    if layer == len(record.layer_shapes) - 1:
        return output_title(index, classes)
    drawn = drawn_shapes(record)[layer]
    if len(drawn) < 2:
        return f"unit {index}"
    at = [int(part) for part in np.unravel_index(index, drawn)]
    tokens = token_maps(record)[layer]
    if tokens is not None:
        return f"ch {at[-3]} ({tokens.words(at[-1])})"
    is_row = len(at) > 2 and drawn[-2] == 1
    name = f"ch {at[-3]}" if len(at) > 2 and (drawn[-3] > 1 or layer > 0) else "place" if is_row else "pixel"
    return f"{name} ({at[-1]})" if is_row else f"{name} ({at[-2]}, {at[-1]})"


def plan_names(
    record: CurvatureRecord, found: EdgeExplanation, classes: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return the names of the plan's rows and columns, the edge's ends first."""
    (before, after), titles = found.layers, unit_layer_titles(record)
    left = [f"i = {short_name(record, before, found.source, classes)}"]
    right = [f"j = {short_name(record, after, found.target, classes)}"]
    ends = (left, found.in_layers, found.in_units), (right, found.out_layers, found.out_units)
    for names, layers, units in ends:
        # Neighbours in several layers would have the same name.
        is_one = len(np.unique(layers)) < 2
        for layer, unit in zip(layers.tolist(), units.tolist(), strict=True):
            name = short_name(record, layer, unit, classes)
            names.append(name if is_one else f"{name}, {titles[layer]}")
    return left, right


def meaning(found: EdgeExplanation, layers: int) -> str:
    """Return in plain words what the edge's κ means, as Markdown.

    Args:
        found: The edge.
        layers: Number of the network's layers of units.
    """
    if found.is_dead:
        return (
            "**Silent on this image.** One end of the edge has activation 0, so nothing flows here. Its κ is 1 by "
            "definition and says nothing about the weight. Choose another image to see it at work."
        )
    far = 1.0 - found.curvature
    if not len(found.in_units) and not len(found.out_units):
        return "**Neither.** No neighbour carries mass, so all of it goes along the edge itself, and κ is 0."
    task = "apart from what lies on the two ends, the mass has to travel"
    if found.curvature < -NEUTRAL:
        words = (
            f"**A bottleneck.** The edge is a short link between two neighbourhoods that lie far apart: {task} "
            f"{far:.4g} times the edge's own length."
        )
    elif found.curvature > NEUTRAL:
        some = f"only {far:.4g} times the edge's own length"
        cost = some if far >= 0.005 else "no farther than the edge saves"
        words = (
            "**Redundant.** The neighbourhoods of its two ends lie close together for so long an edge: "
            f"{task} {cost}. Other ways serve as well."
        )
    else:
        words = (
            "**Neither.** The neighbourhoods of its two ends lie about as far apart as the edge is long: "
            f"{task} {far:.4g} times that."
        )
    return f"{words} {_where(found, layers)}".rstrip()


def _where(found: EdgeExplanation, layers: int) -> str:
    if not len(found.in_units):
        is_first = found.layers[0] == 0
        whose = "is an input and hears from nobody" if is_first else "hears only from silent units"
        return f"Its source i {whose}, so all the mass starts on i."
    if not len(found.out_units):
        is_last = found.layers[1] == layers - 1
        whose = "is a class and speaks to nobody" if is_last else "speaks only to silent units"
        return f"Its target j {whose}, so all the mass ends on j."
    return ""


def decimals_for(value: float, digits: int) -> int:
    """Return how many decimals show a number with so many digits."""
    return max(0, digits - 1 - math.floor(math.log10(abs(value)))) if value else digits


def significant(value: float, digits: int = 4) -> str:
    """Return a number with so many digits, also of a small one, such as "−0.0009355" or "−2.925·10⁻⁵"."""
    if value and not 1e-4 <= abs(value) < 1e7:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return minus(f"{mantissa}·10{str(int(exponent)).translate(_RAISED)}")
    return number(value, decimals_for(value, digits))


def account_words(found: EdgeExplanation) -> str:
    """Say where the mass comes from and where it goes; which way is for the table beside it."""
    starts, goals = (
        f"{end:.4g}% {verb} {name} and {100 - end:.4g}% {more}" if end < 100 else f"all of it {verb} {name}"
        for end, verb, name, more in (
            (100 * float(found.source_measure[0]), "lies on", "i", "on its active in-neighbours u"),
            (100 * float(found.target_measure[0]), "has to go to", "j", "to its active out-neighbours v"),
        )
    )
    return f"Of the mass, {starts}; {goals}. No unit is on both sides, so none of it can stay."


def alpha_words(kappa: np.ndarray, alphas: np.ndarray, found: EdgeExplanation) -> str:
    """Say what the curve over the idleness shows."""
    if found.is_dead:
        return "A silent edge has κ = 1 for every α."
    if np.ptp(kappa) < 1e-9:
        return "For this edge κ is the same for every α."
    return f"κ goes from {number(kappa[0])} at α = 0 to {number(kappa[-1])}, where it stays for every α from ½ on."


def divided_words(record: CurvatureRecord, connection: int, at: int, weight: float) -> str:
    """Return such as "−0.0512 / 1.83 = −0.028", what the graph has of a weight; "" where it divides by nothing.

    Args:
        record: The curvature.
        connection: Index of the weight layer.
        at: The weight's flat index in the parameter.
        weight: The weight, with what the network multiplies it by folded in.
    """
    divisors = record.divisors(connection)
    if divisors is None:
        return ""
    divisor = float(divisors[at])
    return f"{significant(weight)} / {significant(divisor)} = {significant(weight / divisor)}"


def weight_title(trained: float, step: int) -> str:
    """Return a stop of the weight's slider."""
    value = trained * 2 ** (step / STEPS_PER_DOUBLING)
    text = significant(value)
    return f"{text} (as trained)" if step == 0 else text


def weight_words(problem: EdgeProblem, weights: np.ndarray, kappa: np.ndarray) -> str:
    """Say what the curve over the weight shows."""
    if problem.is_dead:
        return "A silent edge has κ = 1 whatever its weight."
    (first, last), (weak, strong) = (map(number, kappa[[0, -1]]), map(significant, weights[[0, -1]]))
    words = f"A weaker edge is longer: κ goes from {first} at {weak} to {last} at {strong}."
    if problem.shared_by > 1:
        words += f" The other {problem.shared_by - 1:,} edges of this weight keep theirs."
    return words


def matrix_words(found: EdgeExplanation, rows: list[int], columns: list[int], *, is_plan: bool) -> str:
    """Say what a matrix shows, and of how many."""
    what = (
        "Rows: where the mass lies. Columns: where it has to go. The stronger the colour, the more mass."
        if is_plan
        else "Shortest paths through the network, in lengths of the edge: 1 is as long as the edge itself."
    )
    all_rows, all_columns = found.cost.shape
    if len(rows) < all_rows or len(columns) < all_columns:
        what += (
            f" The heaviest {len(rows) - 1} of {all_rows - 1:,} in-neighbours and {len(columns) - 1} of "
            f"{all_columns - 1:,} out-neighbours."
        )
    return what
