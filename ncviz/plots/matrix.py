"""The network as matrices: a heatmap for each connection, a cell for each pair of channels or units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from ncviz.plots.figure_frame import AREA, INK, RIGHT, WIDTH, axis, frame, note
from ncviz.plots.palette import Theme

NEVER_ACTIVE = 2.0
MAX_CELLS = 60_000
# A panel with its axis needs so many pixels; more than five in a row would be too narrow to compare.
PANEL_WIDTH, MAX_COLUMNS = 150, 5
# Over all rows of panels together, so that the slider under the figure stays in sight; no row is lower than this.
AXES_HEIGHT, LOWEST = 330, 88
# Left of a panel, over it, under it; and so many letters of its rows' names fit without more room on the left.
LEFT, ABOVE, BELOW, SHORT_NAME = 46, 22, 40, 3
MAX_NAME, NAME_LETTER, NAME_HEIGHT = 11, 6, 11
# Up to so many rows or columns stand apart by a hair, so that single ones can be counted.
FEW_ROWS, FEW_COLUMNS = 24, 24

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Cells:
    """A connection in cells: what it connects, and the strongest bottleneck that is kept in each.

    Attributes:
        kappa: Least κ of the cell's kept weights, float32 [T, S] (target × source); NaN where none is kept or active.
        is_never: bool [T, S], where weights are kept, but none is ever active.
        kept: Number of weights kept, int32 [T, S].
        place: Where the weight with the least κ stands, int32 [T, S, 2]: row and column in the kernel or the feature
            map; target and source where cells are blocks.
        size: Weights in a cell.
        blocks: How many targets and sources a cell joins.
        shape: Number of targets and sources.
    """

    kappa: FloatArray
    is_never: npt.NDArray[np.bool_]
    kept: npt.NDArray[np.int32]
    place: npt.NDArray[np.int32]
    size: int
    blocks: tuple[int, int]
    shape: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Panel:
    """One connection of the figure.

    Attributes:
        title: Its name.
        cells: What is drawn.
        source: Layer of the columns and what each is, such as ("hidden 1", "channel").
        target: Likewise of the rows.
        targets: Names of the rows, if they have any.
        mark: Rows and columns around which to draw a box, as half-open ranges (t0, t1, s0, s1); None for none.
    """

    title: str
    cells: Cells
    source: tuple[str, str]
    target: tuple[str, str]
    targets: Sequence[str] = ()
    mark: tuple[int, int, int, int] | None = None


def cells(
    curvature: npt.ArrayLike,
    kept: npt.ArrayLike,
    area: tuple[int, int] = (1, 1),
    groups: int = 1,
    columns: npt.NDArray[np.int64] | None = None,
    sources: int | None = None,
) -> Cells:
    """Join the weights of each kernel slice into a cell that has the least κ of those that are kept.

    Args:
        curvature: κ of a weight: [T, S, h, w] of a convolution, [T, S·h·w] of a linear layer; NaN or 2 where it is
            never active.
        kept: bool, of the same shape.
        area: Height and width of the feature maps that a linear layer reads; (1, 1) for one cell a unit.
        groups: Of a convolution; weights [T, S / groups, h, w] fill the diagonal.
        columns: int [groups, S of a group], which columns the sources of a group are; by default one group's after
            another's.
        sources: How many columns there are; by default as many as the groups have sources.

    Raises:
        ValueError: If the shapes do not match.
    """
    values, is_kept = np.asarray(curvature, np.float32), np.asarray(kept, np.bool_)
    if values.shape != is_kept.shape:
        raise ValueError(f"expected kept of shape {values.shape}, got {is_kept.shape}")
    height, width = values.shape[2:] if values.ndim == 4 else area
    targets, size = values.shape[0], height * width
    values, is_kept = values.reshape(targets, -1, size), is_kept.reshape(targets, -1, size)
    own = values.shape[1]
    rows = np.arange(targets)[:, None]
    if columns is None:
        columns = np.arange(own * groups).reshape(groups, own)
    at = (rows, columns[np.arange(targets) // (targets // groups)])
    lowest = np.where(is_kept & (values < NEVER_ACTIVE), values, np.float32(np.inf))
    best = lowest.argmin(axis=2)
    least = np.take_along_axis(lowest, best[..., None], axis=2)[..., 0]
    shape = (targets, own * groups if sources is None else sources)
    count, kappa = np.zeros(shape, np.int32), np.full(shape, np.nan, np.float32)
    place = np.zeros((*shape, 2), np.int32)
    count[at] = is_kept.sum(axis=2)
    kappa[at] = np.where(np.isfinite(least), least, np.nan)
    place[at] = np.stack(np.divmod(best, width), axis=-1)
    return Cells(kappa, (count > 0) & np.isnan(kappa), count, place, size, (1, 1), shape)


def reduced(full: Cells, limit: int) -> Cells:
    """Join neighbouring cells into blocks with the least κ of each, so that at most ``limit`` are left."""
    rows, columns = full.shape
    down = across = 1
    while math.ceil(rows / down) * math.ceil(columns / across) > max(limit, 1):
        # The longer side gives way first, so that blocks are as square as the figure's panels.
        if math.ceil(rows / down) >= math.ceil(columns / across):
            down += 1
        else:
            across += 1
    if down == across == 1:
        return full
    high, wide = math.ceil(rows / down), math.ceil(columns / across)
    edge = ((0, high * down - rows), (0, wide * across - columns))

    def blocks(values: npt.NDArray[Any], fill: float) -> npt.NDArray[Any]:
        padded = np.pad(values, edge, constant_values=fill)
        return padded.reshape(high, down, wide, across).swapaxes(1, 2).reshape(high, wide, -1)

    lowest = blocks(np.where(np.isnan(full.kappa), np.inf, full.kappa), np.inf)
    best = lowest.argmin(axis=2)
    least = np.take_along_axis(lowest, best[..., None], axis=2)[..., 0]
    inner = np.divmod(best, across)
    place = np.stack(
        [np.arange(high)[:, None] * down + inner[0], np.arange(wide)[None, :] * across + inner[1]], axis=-1
    )
    kept = blocks(full.kept, 0).sum(axis=2)
    kappa = np.where(np.isfinite(least), least, np.nan).astype(np.float32)
    return Cells(
        kappa,
        (kept > 0) & np.isnan(kappa),
        kept.astype(np.int32),
        place.astype(np.int32),
        full.size * down * across,
        (down, across),
        full.shape,
    )


def matrix(
    panels: Sequence[Panel], theme: Theme = "light", words: Sequence[str] = (), *, width: int = WIDTH
) -> go.Figure:
    """Draw a heatmap for each connection, with the fixed colour scale, what is shown, and a legend.

    Args:
        panels: The connections; several are set in columns.
        theme: Which variant of the colours.
        words: Sentences under the figure, such as how much of the network is shown.
        width: Pixels that the figure has; it decides how many columns there are.
    """
    most = max(1, min(MAX_COLUMNS, width // PANEL_WIDTH, len(panels)))
    rows = math.ceil(len(panels) / most)
    # As even as can be: six are three and three, not five and one.
    columns = math.ceil(len(panels) / max(rows, 1))
    between = ABOVE + BELOW
    height = max(LOWEST, (AXES_HEIGHT - (rows - 1) * between) // max(rows, 1))
    total = rows * height + (rows - 1) * between
    # Too low for the names, its rows are numbered.
    panels = [
        panel if NAME_HEIGHT * len(panel.targets) <= height else replace(panel, targets=())
        for panel in panels
    ]
    margins = [max(_margin(panel) for panel in panels[column::columns]) for column in range(columns)]
    inner = width - RIGHT - margins[0]
    each = (inner - sum(margins[1:])) / columns
    layout = frame(
        theme,
        width,
        total,
        [*words, *_legend(panels)],
        above=ABOVE,
        below=BELOW,
        left=margins[0],
    )
    traces: list[go.Heatmap] = []
    shapes: list[dict[str, Any]] = []
    for number, panel in enumerate(panels):
        row, column = divmod(number, columns)
        name = "" if number == 0 else str(number + 1)
        left = (column * each + sum(margins[1 : column + 1])) / inner
        top = 1 - row * (height + between) / total
        bottom = max(top - height / total, 0.0)
        layout[f"xaxis{name}"] = axis(
            theme,
            domain=[left, min(left + each / inner, 1.0)],
            anchor=f"y{name}",
            title={"text": escape(panel.source[0]), "standoff": 2, "font": {"size": 11}},
            tickangle=0,
            **_range(panel.cells.shape[1]),
        )
        layout[f"yaxis{name}"] = axis(
            theme,
            domain=[bottom, top],
            anchor=f"x{name}",
            **(_range(panel.cells.shape[0], panel.targets) | {"autorange": False}),
        )
        layout[f"yaxis{name}"]["range"] = layout[f"yaxis{name}"]["range"][::-1]
        edge = 2 - margins[column]
        layout["annotations"].append(
            note(f"<b>{escape(panel.title)}</b>", left, top, 2, shift=edge, color=INK[theme], size=12)
        )
        if _has_short_names(panel):
            side = note(escape(panel.target[0]), left, (top + bottom) / 2, 0, shift=edge, size=11)
            layout["annotations"].append(side | {"textangle": -90, "yanchor": "middle"})
        traces += _heatmaps(panel, theme, f"x{name}", f"y{name}")
        if panel.mark is not None:
            shapes.append(_box(panel.mark, theme, f"x{name}", f"y{name}"))
    layout["shapes"] = shapes
    return go.Figure(traces, layout)


def shares(sizes: Sequence[int], limit: int) -> list[int]:
    """Split ``limit`` cells evenly over connections of these sizes; what one does not need goes to the others."""
    found, left = [0] * len(sizes), limit
    for done, at in enumerate(sorted(range(len(sizes)), key=lambda index: sizes[index])):
        found[at] = min(sizes[at], left // (len(sizes) - done))
        left -= found[at]
    return found


def _heatmaps(panel: Panel, theme: Theme, x: str, y: str) -> list[go.Heatmap]:
    shown = panel.cells
    down, across = shown.blocks
    rows, columns = shown.kappa.shape
    common: dict[str, Any] = {
        "x0": (across - 1) / 2,
        "dx": across,
        "y0": (down - 1) / 2,
        "dy": down,
        "xaxis": x,
        "yaxis": y,
        "xgap": int(columns <= FEW_COLUMNS and rows <= FEW_ROWS),
        "ygap": int(rows <= FEW_ROWS),
        "hoverongaps": False,
    }
    names, more = _hover(panel)
    facts = {} if more is None else {"customdata": more}
    found = [go.Heatmap(z=shown.kappa, coloraxis="coloraxis", hovertemplate=names, **facts, **common)]
    if shown.is_never.any():
        flat = np.where(shown.is_never, np.float32(1), np.float32(np.nan))
        colour = [[0, AREA[theme]], [1, AREA[theme]]]
        never = f"{_ends(panel)}<br>kept, never active<extra></extra>"
        found.append(go.Heatmap(z=flat, colorscale=colour, showscale=False, hovertemplate=never, **common))
    return found


def _has_short_names(panel: Panel) -> bool:
    """Whether the name of the rows' layer fits beside those of the rows; long ones speak for themselves."""
    return max(map(len, panel.targets), default=0) <= SHORT_NAME


def _margin(panel: Panel) -> int:
    """Pixels that a panel needs at its left for the names of its rows."""
    if _has_short_names(panel):
        return LEFT
    return max(LEFT, NAME_LETTER * min(max(map(len, panel.targets)), MAX_NAME) + 12)


def _ends(panel: Panel) -> str:
    (before, source), (after, target) = (map(escape, side) for side in (panel.source, panel.target))
    if panel.cells.blocks != (1, 1):
        return f"{before}, {source}s around %{{x:.0f}} → {after}, {target}s around %{{y:.0f}}"
    return f"{before}, {source} %{{x}} → {after}, {target} %{{y}}"


def _hover(panel: Panel) -> tuple[str, npt.NDArray[np.uint16] | None]:
    """What a cell says of itself, and the numbers for it."""
    shown = panel.cells
    if shown.size == 1:
        return f"{_ends(panel)}<br>κ = %{{z:.3f}}<extra></extra>", None
    if shown.blocks == (1, 1):
        where = "at row %{customdata[0]}, column %{customdata[1]}"
    else:
        where = f"{escape(panel.source[1])} %{{customdata[1]}} → {escape(panel.target[1])} %{{customdata[0]}}"
    facts = np.concatenate([shown.place, shown.kept[..., None]], axis=-1).astype(np.uint16)
    text = f"{_ends(panel)}<br>lowest κ = %{{z:.3f}}, {where}<br>%{{customdata[2]:,}} of {shown.size:,} weights kept"
    return f"{text}<extra></extra>", facts


def _legend(panels: Sequence[Panel]) -> list[str]:
    """What a cell is, in words."""
    parts = []
    if any(panel.cells.size > 1 and panel.cells.blocks == (1, 1) for panel in panels):
        parts.append("A cell of channels has the lowest κ of its weights that are kept.")
    joined = [panel for panel in panels if panel.cells.blocks != (1, 1)]
    if len(panels) == 1 and joined:
        down, across = joined[0].cells.blocks
        parts.append(
            f"A cell joins {down} {joined[0].target[1]}s × {across} {joined[0].source[1]}s: their lowest κ."
        )
    elif joined:
        parts.append("Large matrices are drawn in blocks with the lowest κ of each; choose a layer for more.")
    is_never = any(panel.cells.is_never.any() for panel in panels)
    parts.append("Empty: removed. Pale: kept, but never active." if is_never else "Empty: removed.")
    return parts


def _range(count: int, names: Sequence[str] = ()) -> dict[str, Any]:
    found: dict[str, Any] = {"range": [-0.5, count - 0.5]}
    if names:
        return found | {
            "tickvals": list(range(len(names))),
            "ticktext": [escape(_short(name)) for name in names],
        }
    if count <= 8:
        return found | {"tickvals": list(range(count))}
    return found | {"nticks": 5, "tickformat": "d"}


def _short(name: str) -> str:
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…"


def _box(mark: tuple[int, int, int, int], theme: Theme, x: str, y: str) -> dict[str, Any]:
    t0, t1, s0, s1 = mark
    return {
        "type": "rect",
        "xref": x,
        "yref": y,
        "x0": s0 - 0.5,
        "x1": s1 - 0.5,
        "y0": t0 - 0.5,
        "y1": t1 - 0.5,
        "line": {"color": INK[theme], "width": 2},
    }
