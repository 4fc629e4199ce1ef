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

from ncviz.plots.figure_frame import AREA, INK, LINE, RIGHT, WIDTH, axis, frame, note
from ncviz.plots.network.cells import Cells
from ncviz.plots.palette import USUAL, Scale, Theme

# A panel with its axis needs so many pixels; more than five in a row would be too narrow to compare.
PANEL_WIDTH, MAX_COLUMNS = 150, 5
# Over all rows of panels together, so that the slider under the figure stays in sight; no row is lower than this.
AXES_HEIGHT, LOWEST = 330, 88
# Left of a panel, over it, under it; and so many letters of its rows' names fit without more room on the left.
LEFT, ABOVE, BELOW, SHORT_NAME = 46, 22, 40, 3
MAX_NAME, NAME_LETTER, NAME_HEIGHT = 11, 6, 11
# Of a panel's title a letter is about so wide, and so much room stays between it and the next one.
TITLE_LETTER, TITLE_GAP = 6.2, 10
# Up to so many rows or columns stand apart by a hair, so that single ones can be counted.
FEW_ROWS, FEW_COLUMNS = 24, 24


@dataclass(frozen=True, eq=False)
class Panel:
    """One connection of the figure.

    Attributes:
        title: Its name.
        cells: What is drawn.
        source: Layer of the columns and what each is, such as ("conv 0", "channel").
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


def matrix(
    panels: Sequence[Panel],
    theme: Theme = "light",
    scale: Scale = USUAL,
    words: Sequence[str] = (),
    *,
    width: int = WIDTH,
    axes_height: int = AXES_HEIGHT,
) -> go.Figure:
    """Draw a heatmap for each connection, with its colours, what is shown, and a legend.

    Args:
        panels: The connections; several are set in columns.
        theme: Which variant of the colours.
        scale: What the colours mean.
        words: Sentences under the figure, such as how much of the network is shown.
        width: Pixels that the figure has; it decides how many columns there are.
        axes_height: Pixels that all axes have together, above each other.
    """
    most = max(1, min(MAX_COLUMNS, width // PANEL_WIDTH, len(panels)))
    rows = math.ceil(len(panels) / most)
    # As even as can be: six are three and three, not five and one.
    columns = math.ceil(len(panels) / max(rows, 1))
    between = ABOVE + BELOW
    height = max(LOWEST, (axes_height - (rows - 1) * between) // max(rows, 1))
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
        theme, scale, width, total, [*words, *_legend(panels)], above=ABOVE, below=BELOW, left=margins[0]
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
        room = int((each + margins[column] - TITLE_GAP) / TITLE_LETTER)
        title = note(
            f"<b>{escape(_short(panel.title, room))}</b>", left, top, 2, shift=edge, color=INK[theme], size=12
        )
        layout["annotations"].append(title | {"hovertext": escape(panel.title)})
        if _has_short_names(panel):
            side = note(escape(panel.target[0]), left, (top + bottom) / 2, 0, shift=edge, size=11)
            layout["annotations"].append(side | {"textangle": -90, "yanchor": "middle"})
        traces += _heatmaps(panel, theme, scale, f"x{name}", f"y{name}")
        if not panel.cells.size.any():
            layout["annotations"].append(_said("not measured", name, theme))
        if panel.mark is not None:
            shapes.append(_box(panel.mark, theme, f"x{name}", f"y{name}"))
    layout["shapes"] = shapes
    return go.Figure(traces, layout)


def _heatmaps(panel: Panel, theme: Theme, scale: Scale, x: str, y: str) -> list[go.Heatmap]:
    shown = panel.cells
    down, across = shown.blocks
    rows, columns = shown.kappa.shape
    common: dict[str, Any] = {
        "x0": (across - 1) / 2, "dx": across, "xaxis": x, "xgap": int(columns <= FEW_COLUMNS and rows <= FEW_ROWS),
        "y0": (down - 1) / 2, "dy": down, "yaxis": y, "ygap": int(rows <= FEW_ROWS), "hoverongaps": False,
    }  # fmt: skip
    names, more = _hover(panel)
    share = np.where(np.isnan(shown.kappa), np.nan, scale.share(shown.kappa)).astype(np.float32)
    found = [go.Heatmap(z=share, coloraxis="coloraxis", hovertemplate=names, customdata=more, **common)]
    for where, colour, words in (
        (shown.is_never, AREA[theme], "kept, never active"),
        (shown.is_unmeasured, LINE[theme], "not measured"),
    ):
        if where.any():
            flat = np.where(where, np.float32(1), np.float32(np.nan))
            hover = f"{_ends(panel)}<br>{words}<extra></extra>"
            plain = [[0, colour], [1, colour]]
            found.append(go.Heatmap(z=flat, colorscale=plain, showscale=False, hovertemplate=hover, **common))
    return found


def _said(words: str, name: str, theme: Theme) -> dict[str, Any]:
    """Return words in the middle of a panel."""
    found = note(words, 0.5, 0.5, 0, color=INK[theme], size=11)
    middle = {"xanchor": "center", "yanchor": "middle"}
    return found | {"xref": f"x{name} domain", "yref": f"y{name} domain"} | middle


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


def _hover(panel: Panel) -> tuple[str, npt.NDArray[np.float32]]:
    """What a cell says of itself, and the numbers for it."""
    shown = panel.cells
    if shown.size.max(initial=0) <= 1:
        return f"{_ends(panel)}<br>κ = %{{customdata:.3f}}<extra></extra>", shown.kappa.round(4)
    if shown.blocks == (1, 1):
        where = "at row %{customdata[1]}, column %{customdata[2]}"
    else:
        where = f"{escape(panel.source[1])} %{{customdata[2]}} → {escape(panel.target[1])} %{{customdata[1]}}"
    numbers = [shown.kappa.round(4)[..., None], shown.place, shown.kept[..., None], shown.size[..., None]]
    text = (
        f"{_ends(panel)}<br>lowest κ = %{{customdata[0]:.3f}}, {where}<br>"
        "%{customdata[3]:,} of %{customdata[4]:,} weights kept"
    )
    return f"{text}<extra></extra>", np.concatenate(numbers, axis=-1, dtype=np.float32)


def _legend(panels: Sequence[Panel]) -> list[str]:
    """What a cell is, in words."""
    parts = []
    if any(panel.cells.size.max(initial=0) > 1 and panel.cells.blocks == (1, 1) for panel in panels):
        parts.append("A cell of channels has the lowest κ of its weights that are kept.")
    joined = [panel for panel in panels if panel.cells.blocks != (1, 1)]
    if len(panels) == 1 and joined:
        down, across = joined[0].cells.blocks
        parts.append(
            f"A cell joins {down} {joined[0].target[1]}s × {across} {joined[0].source[1]}s: their lowest κ."
        )
    elif joined:
        parts.append("Large matrices are drawn in blocks with the lowest κ of each; choose a layer for more.")
    parts.append("Empty: removed.")
    if any(panel.cells.is_never.any() for panel in panels):
        parts.append("Pale: kept, but never active.")
    if any(panel.cells.is_unmeasured.any() for panel in panels):
        parts.append("Grey: not measured.")
    return parts


def _range(count: int, names: Sequence[str] = ()) -> dict[str, Any]:
    found: dict[str, Any] = {"range": [-0.5, count - 0.5]}
    if names:
        return found | {
            "tickvals": list(range(len(names))),
            "ticktext": [escape(_short(name, MAX_NAME)) for name in names],
        }
    if count <= 8:
        return found | {"tickvals": list(range(count))}
    return found | {"nticks": 5, "tickformat": "d"}


def _short(name: str, most: int) -> str:
    return name if len(name) <= most else f"{name[: most - 1].rstrip(' ,·')}…"


def _box(mark: tuple[int, int, int, int], theme: Theme, x: str, y: str) -> dict[str, Any]:
    t0, t1, s0, s1 = mark
    ends = {"x0": s0 - 0.5, "x1": s1 - 0.5, "y0": t0 - 0.5, "y1": t1 - 0.5}
    return {"type": "rect", "xref": x, "yref": y, **ends, "line": {"color": INK[theme], "width": 2}}
