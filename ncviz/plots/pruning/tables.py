"""Tables of numbers as pictures: how much of each layer goes, what criteria share, which confusions grow."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from ncviz.plots.figure_frame import FONT, INK, MUTED, PAPER, WIDTH, axis, paper
from ncviz.plots.palette import Theme
from ncviz.plots.pruning.styles import amounts, changes
from ncviz.text import minus

Floats = npt.NDArray[np.float64]

ROW = 34
# More columns than this leave no room for numbers.
MOST_NUMBERS = 14
# Over the cells: room for the buttons, which then cover nothing. Under them: for the names of the columns.
_LETTER, _ABOVE, _BELOW, _TITLE = 6.6, 30, 44, 18
# So many letters stand abreast under a table in half a page; names that need more stand aslant.
_LETTERS_ABREAST = 40
_SIGNS = 6
# From here on a cell is nearer to the ink than to the paper.
_STRONG = {"light": 0.55, "dark": 0.75}


def layer_heatmap(
    removed: Floats,
    criteria: Sequence[str],
    layers: Sequence[str],
    theme: Theme = "light",
    *,
    width: int = WIDTH,
) -> go.Figure:
    """Draw which share of each layer each criterion removes; a layer that is emptied is framed and named.

    Args:
        removed: float64 [criteria, layers], in [0, 1].
        criteria: Their names.
        layers: Their names.
        theme: Which variant of the colours.
        width: Pixels that the figure has.
    """
    emptied = removed >= 1
    text = [
        ["collapse" if gone else f"{100 * share:.0f}%" for share, gone in zip(row, line, strict=True)]
        for row, line in zip(removed, emptied, strict=True)
    ]
    is_narrow = width < 620
    names = [layer.split(" ")[0] if is_narrow else layer for layer in layers]
    told = [
        [
            f"{escape(layer)}<br>{escape(name)}: {share:.2%} removed"
            for layer, share in zip(layers, row, strict=True)
        ]
        for name, row in zip(criteria, removed, strict=True)
    ]
    figure = _table(removed, text, criteria, names, told, theme, amounts(theme), (0.0, 1.0))
    for row, column in np.argwhere(emptied).tolist():
        ends = {"x0": column - 0.47, "x1": column + 0.47, "y0": row - 0.44, "y1": row + 0.44}
        figure.add_shape(type="rect", line={"color": INK[theme], "width": 2}, **ends)
    if is_narrow:
        figure.update_xaxes(title={"text": "layer", "standoff": 4})
    return figure


def overlap_heatmap(
    shared: Floats,
    criteria: Sequence[str],
    theme: Theme = "light",
    *,
    jaccard: Floats,
    chance: float | None = None,
) -> go.Figure:
    """Draw which share of what one criterion (row) removes another (column) removes as well.

    Args:
        shared: float64 [criteria, criteria], in [0, 1].
        criteria: Their names.
        theme: Which variant of the colours.
        jaccard: float64 [criteria, criteria], intersection over union.
        chance: The share that random orders have in common, if that is one number for all.
    """
    # Many criteria leave no room for the sign; what is under the pointer has it.
    sign = "%" if len(criteria) <= _SIGNS else ""
    text = [[f"{100 * value:.0f}{sign}" for value in row] for row in shared]
    by_chance = "" if chance is None else f" (by chance {chance:.1%})"
    told = [
        [
            f"{escape(one)} and {escape(other)}<br>{shared[i, j]:.1%} in common{by_chance}"
            f"<br>Jaccard {jaccard[i, j]:.3f}"
            for j, other in enumerate(criteria)
        ]
        for i, one in enumerate(criteria)
    ]
    return _table(shared, text, criteria, criteria, told, theme, amounts(theme), (0.0, 1.0))


def confusion_heatmap(
    change: npt.NDArray[np.int64], classes: Sequence[str], theme: Theme = "light", *, most: int | None = None
) -> go.Figure:
    """Draw how many more images of each class (row) are taken for each other class (column) than before.

    Args:
        change: int64 [classes, classes]; the diagonal is left out.
        classes: Their names.
        theme: Which variant of the colours.
        most: Change at which the colours end, so that figures beside each other can be compared; without it, the
            largest of this one.
    """
    values = change.astype(np.float64)
    np.fill_diagonal(values, np.nan)
    end = max(1.0, float(np.nanmax(np.abs(values), initial=1.0))) if most is None else float(max(1, most))
    text = [
        ["" if np.isnan(value) or not value else minus(f"{value:+.0f}") for value in row] for row in values
    ]
    told = [
        [
            minus(f"{escape(one)} taken for {escape(other)}: {change[i, j]:+d} images")
            for j, other in enumerate(classes)
        ]
        for i, one in enumerate(classes)
    ]
    figure = _table(values, text, classes, classes, told, theme, changes(theme), (-end, end))
    figure.update_yaxes(title={"text": "class", "standoff": 4})
    figure.layout.margin.l += _TITLE
    figure.update_xaxes(title={"text": "taken for", "standoff": 4})
    return figure


def _table(
    values: Floats,
    text: list[list[str]],
    rows: Sequence[str],
    columns: Sequence[str],
    told: list[list[str]],
    theme: Theme,
    scale: list[list[float | str]],
    ends: tuple[float, float],
) -> go.Figure:
    is_small = len(columns) <= MOST_NUMBERS
    row = ROW if len(rows) <= MOST_NUMBERS else max(8, 480 // len(rows))
    gap = 2 if is_small else 0
    trace = go.Heatmap(
        z=values, x=np.arange(len(columns)), y=np.arange(len(rows)), xgap=gap, ygap=gap,
        colorscale=scale, zmin=ends[0], zmax=ends[1], showscale=False,
        customdata=np.array(told, dtype=object), hovertemplate="%{customdata}<extra></extra>", hoverongaps=False,
    )  # fmt: skip
    left = 16 + _LETTER * max((len(name) for name in rows), default=0)
    longest = max((len(name) for name in columns), default=0)
    is_aslant = len(columns) > MOST_NUMBERS or longest * len(columns) > _LETTERS_ABREAST
    below = _BELOW + (0.75 * _LETTER * longest if is_aslant else 0)
    layout: dict[str, Any] = {
        "height": _ABOVE + row * len(rows) + below,
        "margin": {"l": left, "r": 6, "t": _ABOVE, "b": below},
        **paper(theme),
        "font": {"family": FONT, "size": 12, "color": MUTED[theme]},
        "xaxis": _names_axis(theme, columns, -50 if is_aslant else 0),
        "yaxis": _names_axis(theme, rows) | {"autorange": "reversed"},
        "dragmode": False,
    }
    if is_small:
        layout["annotations"] = [
            _number(text[i][j], i, j, values[i, j], ends, theme)
            for i in range(len(rows))
            for j in range(len(columns))
            if text[i][j]
        ]
    return go.Figure(trace, layout)


def _number(
    text: str, row: int, column: int, value: float, ends: tuple[float, float], theme: Theme
) -> dict[str, Any]:
    # Ink on a pale cell, paper on a strong one.
    strength = abs(value) / max(abs(ends[0]), abs(ends[1]))
    colour = PAPER[theme] if strength > _STRONG[theme] else INK[theme]
    return {"text": text, "x": column, "y": row, "showarrow": False, "font": {"color": colour, "size": 12}}


def _names_axis(theme: Theme, names: Sequence[str], angle: int = 0) -> dict[str, Any]:
    every = max(1, len(names) // 25)
    return axis(
        theme,
        tickvals=list(range(0, len(names), every)),
        ticktext=[escape(name) for name in names[::every]],
        tickfont={"color": INK[theme]},
        showline=False,
        ticks="",
        fixedrange=True,
        tickangle=angle,
    )
