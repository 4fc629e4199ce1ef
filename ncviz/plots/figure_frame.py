"""What the plotly figures of the views have in common: paper and ink, the colour bar, and what is shown in words."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from string import Template
from typing import Any

from ncviz.plots.palette import HIGH_NAME, LOW_NAME, Scale, Theme, plotly_colorscale

PAPER: dict[Theme, str] = {"light": "#ffffff", "dark": "#171614"}
INK: dict[Theme, str] = {"light": "#2f2d2b", "dark": "#edebe8"}
MUTED: dict[Theme, str] = {"light": "#626875", "dark": "#a3a9b5"}
LINE: dict[Theme, str] = {"light": "#d5d8de", "dark": "#3a404b"}
# Between paper and line: what is there, but says little.
AREA: dict[Theme, str] = {"light": "#e9ebee", "dark": "#2b2e34"}
FONT = '"Source Sans", "Source Sans Pro", system-ui, sans-serif'
# What a figure is laid out for where nothing else is said: the main column of a laptop's window.
WIDTH = 960
# Narrower than this, the words stand under the colour bar instead of beside it.
BESIDE = 620
# Up to here it is a phone.
PHONE = 420
# Right of the axes: room for the buttons, which then cover nothing.
RIGHT = 34
# Of the colour bar: its length, the room that the names of its ends need left and right, and how high it is with them.
BAR_PIXELS, BAR_ENDS, BAR_ROOM = 220, 34, 48
LINE_ROOM = 16
# Letters of the words are about so wide.
LETTER = 5.5

# Without it, a figure stands in a frame of the browser's own white.
_HEAD = Template(
    '<meta name="viewport" content="width=device-width, initial-scale=1"><title>$title</title>'
    "<style>html{background:$paper;color-scheme:$scheme}body{margin:0;padding:12px}</style>"
)


def frame(
    theme: Theme,
    scale: Scale,
    width: int,
    height: int,
    words: Sequence[str],
    *,
    above: int,
    below: int,
    left: int,
) -> dict[str, Any]:
    """Return the layout around the axes: colours, colour bar and words, all part of every export.

    Args:
        theme: Which variant of the colours.
        scale: What the colours mean; what is coloured has values of ``Scale.share``.
        width: Of the whole figure in pixels; it may be shown wider.
        height: Of the axes, in pixels.
        words: Sentences beside or under the colour bar, plain text; also the figure's ``meta``, for a screen reader.
        above: Pixels over the axes.
        below: Pixels under them that the axes themselves need.
        left: Pixels left of the axes.
    """
    bar = BAR_PIXELS + 2 * BAR_ENDS
    is_beside = width >= BESIDE
    start = bar + 12 if is_beside else 6
    lines = wrapped(" ".join(words), int((width - start - 6) / LETTER))
    text = LINE_ROOM * len(lines)
    bottom = below + (max(BAR_ROOM, text) if is_beside else BAR_ROOM + text) + 6
    total = above + height + bottom
    drop = 0 if is_beside else BAR_ROOM
    return {
        "meta": " ".join(words),
        "height": total,
        "margin": {"l": left, "r": RIGHT, "t": above, "b": bottom},
        **paper(theme),
        "font": {"family": FONT, "size": 11, "color": MUTED[theme]},
        "coloraxis": {
            "cmin": -1,
            "cmax": 1,
            "colorscale": plotly_colorscale(theme),
            "colorbar": _bar(theme, scale, (bottom - below - 4) / total),
        },
        "annotations": [
            note(
                "<br>".join(map(escape, lines)),
                0.0,
                0.0,
                -below - drop,
                top=True,
                shift=start - left,
                size=12,
            )
        ],
        "modebar": buttons(theme),
        # A finger on a phone scrolls the page.
        "dragmode": "zoom" if width >= PHONE else False,
    }


def figure_page(figure: Any, title: str, colours: Theme) -> bytes:
    """Return a figure as an HTML file that works without a network."""
    page: str = figure.to_html(include_plotlyjs=True, config={"displaylogo": False, "responsive": True})
    head = _HEAD.substitute(title=escape(title), paper=PAPER[colours], scheme=colours)
    return page.replace("<head>", f"<head>{head}", 1).encode()


def paper(theme: Theme) -> dict[str, Any]:
    """Return the part of a layout that colours the ground and what is told under the pointer."""
    return {
        "paper_bgcolor": PAPER[theme],
        "plot_bgcolor": PAPER[theme],
        "hoverlabel": {"bgcolor": PAPER[theme], "bordercolor": LINE[theme], "font": {"color": INK[theme]}},
    }


def buttons(theme: Theme) -> dict[str, Any]:
    """Return plotly's row of buttons, upright beside the axes."""
    return {"orientation": "v", "bgcolor": "rgba(0,0,0,0)", "color": MUTED[theme], "activecolor": INK[theme]}


def framed(theme: Theme, height: int) -> dict[str, Any]:
    """Return a layout of this height with the legend above the axes, in the theme's colours."""
    grid = {"gridcolor": LINE[theme], "linecolor": LINE[theme], "zeroline": False, "automargin": True}
    return {
        "height": height,
        "margin": {"l": 56, "r": 12, "t": 12, "b": 44},
        **paper(theme),
        "font": {"family": FONT, "size": 12, "color": INK[theme]},
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "xanchor": "left"},
        "xaxis": grid,
        "yaxis": grid,
        "dragmode": False,
    }


def note(
    text: str, x: float, y: float, rise: float, *, top: bool = False, shift: float = 0.0, **font: Any
) -> dict[str, Any]:
    """Return words at a place of the paper, ``rise`` pixels higher; the text may hold plotly's tags."""
    return {
        "text": text, "align": "left", "showarrow": False, "font": font,
        "x": x, "xref": "paper", "xanchor": "left", "xshift": shift,
        "y": y, "yref": "paper", "yanchor": "top" if top else "bottom", "yshift": rise,
    }  # fmt: skip


def axis(theme: Theme, **more: Any) -> dict[str, Any]:
    """Return an axis with thin lines, and no grid unless asked for."""
    return {"showgrid": False, "zeroline": False, "linecolor": LINE[theme], "gridcolor": LINE[theme], **more}


def _bar(theme: Theme, scale: Scale, top: float) -> dict[str, Any]:
    ticks = [(at, words) for at, words in scale.ticks]
    ticks[0], ticks[-1] = (-1.0, f"{ticks[0][1]}<br>{LOW_NAME}"), (1.0, f"{ticks[-1][1]}<br>{HIGH_NAME}")
    return {
        "orientation": "h", "thickness": 10, "thicknessmode": "pixels", "outlinewidth": 0,
        "len": BAR_PIXELS + 2 * BAR_ENDS, "lenmode": "pixels",
        "x": 0, "xanchor": "left", "xref": "container", "xpad": BAR_ENDS,
        "y": top, "yanchor": "top", "yref": "container", "ypad": 0,
        "tickvals": [at for at, _ in ticks], "ticktext": [words for _, words in ticks],
        "tickfont": {"color": INK[theme], "size": 12}, "ticks": "", "tickangle": 0,
    }  # fmt: skip


def wrapped(sentence: str, letters: int) -> list[str]:
    """Return a sentence in lines of at most so many letters, as far as its words allow."""
    lines = [""]
    for word in sentence.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > letters:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
