"""A network packed for the browser: one small header and typed arrays, far below a megabyte.

Layout of the bytes: `NCV1`, the header's length as a little-endian uint32, the header as JSON padded with spaces to a
multiple of eight, then the arrays that the header names by dtype, offset and length. The body never changes while
someone works with a network, so a page packs it once and keeps it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ncviz.plots import palette
from ncviz.plots.network.closeup import (
    ALL,
    HIDDEN,
    MAP_ORDERS,
    SHOWN,
    Closeup,
    Shown,
    place_shown,
    shown_nodes,
)
from ncviz.plots.network.header import (
    ArrayEntry,
    Block,
    CloseupHeader,
    Header,
    LayoutHeader,
    RankedOrder,
    Roomy,
    Sight,
    Tokens,
)
from ncviz.plots.network.layout import Layout
from ncviz.plots.network.line_arrays import SelectionLines, join_arrays, line_arrays, node_type
from ncviz.plots.network.lines import (
    NetworkView,
    TokenMap,
    drawn_edges,
    edges_of,
    layer_subtitle,
    some_links,
)
from ncviz.plots.network.marks import Marks
from ncviz.plots.network.ranks import Forward, ranked_orders
from ncviz.plots.network.spread import spreads
from ncviz.values import NEVER_ACTIVE

MAGIC = b"NCV1"
WHOLE = Closeup()
# Boxes that the layout is computed for; the browser takes the one of nearest shape and stretches it to fit.
_PORTRAIT_BOXES = ((340, 620), (360, 420))
_LANDSCAPE_BOXES = ((560, 460), (800, 460), (1200, 460), (1800, 460), (2600, 460))
# Of a network with so many units that their coordinates outweigh its edges, fewer boxes travel.
_MANY_UNITS = 20_000
_FEW_BOXES = (_PORTRAIT_BOXES[1], _LANDSCAPE_BOXES[1])
# So many layers are drawn longer than the frame that shows them, each with so much room.
_ROOMY: Roomy = {"layers": 16, "portrait": 46, "landscape": 92}
_GRID = 65535  # coordinates travel as 16-bit shares of the box


@dataclass(frozen=True)
class NetworkPayload:
    """What the network canvas draws: a header that JSON can carry, and the arrays' bytes."""

    header: Header
    body: bytes

    @property
    def size(self) -> int:
        """Bytes that travel to the browser, to within the few of the header's volatile part."""
        return len(pack(self, {}))


def payload(
    view: NetworkView,
    ranks: Mapping[str, npt.ArrayLike],
    limit: int = 2000,
    connection: int | None = None,
    activity: Sequence[npt.ArrayLike] | None = None,
    forward: Forward | None = None,
    marks: Marks | None = None,
    closeup: Closeup = WHOLE,
    sights: Sequence[Closeup] = (),
) -> NetworkPayload:
    """Choose the edges to draw and pack them with everything that their picture needs.

    Args:
        view: the network.
        ranks: per pruning order, the place of each parameter in it: [N], 0 is removed first. With k parameters
            removed, member m of an edge is left if `ranks[order][parameter[m]] >= k`, and the edge if any is.
        limit: the most edges to draw.
        connection: draw only this weight layer.
        activity: per layer how active each unit is, uint8 [units]; without it, nodes are plain.
        closeup: which of its layers, and which maps of large ones, are shown.
        forward: what the network does to an image, for a browser that follows it; without it, the server does.
        marks: weights that are lit, or changed by hand.
        sights: other closeups that a reader without a server can choose, with the lines that are drawn here.

    Returns:
        The payload; pure data, fit for a cache.
    """
    shown = shown_nodes(view, closeup, activity)
    is_shown, is_hidden = shown.state == SHOWN, shown.state == HIDDEN
    anyway = None if marks is None else marks.drawn_anyway(view)
    if anyway is not None:
        anyway = anyway[~(is_hidden[view.source[anyway]] | is_hidden[view.target[anyway]])]
    drawn = drawn_edges(view, limit, connection, anyway, None if is_shown.all() else is_shown)
    arrays, orders = line_arrays(view, drawn, ranks)
    if marks is not None:
        arrays |= marks.arrays(view, drawn)
    if view.left_out is not None:
        arrays["leftOut"] = view.left_out.astype(np.uint8)
    if view.links is not None and connection is None:
        own = is_shown if view.left_out is None else is_shown & ~view.left_out
        some = some_links(view.links, None if own.all() else np.flatnonzero(own))
        arrays |= {
            "linkSource": view.links.source[some].astype(node_type(view)),
            "linkTarget": view.links.target[some].astype(node_type(view)),
            "linkOf": view.links.link[some].astype(np.uint16),
        }
        if view.links.weigher is not None and (view.links.weigher >= 0).any():
            # What no image weighs has the number after the last node's.
            own_weigher = view.links.weigher[some]
            arrays["linkWeigher"] = np.where(own_weigher < 0, view.node_count, own_weigher).astype(np.uint32)
    if forward is not None:
        arrays["flowValues"] = forward.values
        # A forward pass needs to know of all weights, not only of those that are drawn.
        _, ranked = ranked_orders(view.parameter_count, ranks)
        arrays |= {f"flowRank{number}": own for number, own in enumerate(ranked)}
        if forward.factor is not None:
            arrays["flowFactor"] = forward.factor.astype(np.float32)
    if activity is not None:
        arrays["activity"] = np.concatenate(
            [np.asarray(layer, dtype=np.uint8).reshape(-1) for layer in activity]
        )
    if not is_shown.all():
        arrays["rest"] = shown.state
    layouts = _places(view, shown, "", arrays)
    offered: list[Sight] = []
    for number, sight in enumerate(sights):
        near, name = shown_nodes(view, sight, activity), f"sight{number}"
        arrays[f"{name}rest"] = near.state
        offered.append(
            {"name": name, "closeup": _told(sight, near), "layouts": _places(view, near, name, arrays)}
        )
    body, index = join_arrays(arrays)
    header = _describe(view, connection, orders, len(drawn), layouts, index)
    header["closeup"] = _told(closeup, shown)
    header["sights"] = offered
    header["program"] = None if forward is None else forward.program
    header["digest"] = hashlib.blake2b(body + json.dumps(header).encode(), digest_size=12).hexdigest()
    return NetworkPayload(header, body)


def _told(closeup: Closeup, shown: Shown) -> CloseupHeader:
    layer = closeup.layer if shown.is_near else ALL
    return {"layer": layer, "by": closeup.by, "orders": MAP_ORDERS, "shown": shown.counts}


def _places(
    view: NetworkView, shown: Shown, name: str, arrays: dict[str, npt.NDArray[Any]]
) -> list[LayoutHeader]:
    """Add where nodes are in each box to the arrays, and return the rest of these layouts."""
    layouts = []
    for number, (width, height) in enumerate(_boxes(view, sum(count > 0 for count in shown.counts))):
        placed = place_shown(view, shown, width, height)
        layouts.append(_layout_header(placed))
        arrays[f"{name}x{number}"] = np.rint(placed.x / width * _GRID).astype(np.uint16)
        arrays[f"{name}y{number}"] = np.rint(placed.y / height * _GRID).astype(np.uint16)
    return layouts


def _boxes(view: NetworkView, layers: int) -> tuple[tuple[int, int], ...]:
    """The boxes that a network is laid out for, of which so many layers are shown."""
    steps = layers - 1
    if steps >= _ROOMY["layers"]:
        return (360, steps * _ROOMY["portrait"]), (steps * _ROOMY["landscape"], 300)
    return _FEW_BOXES if view.node_count > _MANY_UNITS else (*_PORTRAIT_BOXES, *_LANDSCAPE_BOXES)


def _means(view: NetworkView) -> tuple[list[float | None], list[Block]]:
    """The mean curvature of what ends in each layer, and in each block, as far as it is ever active.

    None where there is nothing.
    """
    kappa, target = view.curvature, view.target
    if view.members is not None:
        kappa, target = view.members.curvature, np.repeat(view.target, np.diff(view.members.start))
    own = np.flatnonzero(kappa < NEVER_ACTIVE)
    layer = np.searchsorted(np.asarray(view.layer_offsets), target[own], side="right") - 1
    count = np.bincount(layer, minlength=len(view.layer_shapes))
    total = np.bincount(layer, weights=kappa[own], minlength=len(view.layer_shapes))

    def mean(first: int, end: int) -> float | None:
        n = count[first:end].sum()
        return round(float(total[first:end].sum() / n), 4) if n else None

    blocks: list[Block] = [
        {"forms": list(own.forms), "first": own.first, "end": own.end, "mean": mean(own.first, own.end)}
        for own in view.blocks
    ]
    return [mean(at, at + 1) for at in range(len(view.layer_shapes))], blocks


def pack(network: NetworkPayload, volatile: Mapping[str, Any], own: SelectionLines | None = None) -> bytes:
    """The payload and what changes from run to run (threshold, selection and its lines) as one message."""
    told, more = (None, b"") if own is None else own.placed(len(network.body))
    header = json.dumps({**network.header, **volatile, "own": told}).encode()
    header += b" " * (-len(header) % 8)
    return MAGIC + len(header).to_bytes(4, "little") + header + network.body + more


def unpack(message: bytes) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Read a message back as the browser does: its header and its arrays by name."""
    if message[:4] != MAGIC:
        raise ValueError(f"expected a message that starts with {MAGIC!r}, got {message[:4]!r}")
    start = 8 + int.from_bytes(message[4:8], "little")
    header: dict[str, Any] = json.loads(message[8:start])
    arrays = {
        name: np.frombuffer(message, np.dtype(entry["dtype"]), entry["length"], start + entry["offset"])
        for name, entry in header["arrays"].items()
    }
    return header, arrays


def _describe(
    view: NetworkView,
    connection: int | None,
    orders: list[RankedOrder],
    drawn: int,
    layouts: list[LayoutHeader],
    arrays: dict[str, ArrayEntry],
) -> Header:
    """Everything about the network but its arrays."""
    means, blocks = _means(view)
    return {
        "layers": [
            {
                "name": name,
                "subtitle": layer_subtitle(shape, view.map_of(layer)),
                "shape": list(shape),
                "grouped": view.is_grouped(layer),
                "tokens": _tokens(view.map_of(layer)),
            }
            for layer, (name, shape) in enumerate(zip(view.layer_names, view.layer_shapes, strict=True))
        ],
        "means": means,
        "blocks": blocks,
        "offsets": list(view.layer_offsets),
        "classes": list(view.classes),
        "connections": list(view.connection_names),
        "spreads": spreads(view),
        "links": []
        if view.links is None
        else [
            {"name": name, "kind": kind, "edges": edges}
            for name, kind, edges in zip(view.links.names, view.links.kinds, view.links.edges, strict=True)
        ],
        "parameters": view.parameter_count,
        "unmeasured": view.unmeasured,
        "note": view.note,
        "ways": view.has_ways,
        "middles": view.has_middles,
        "lines": "edges" if view.members is None else "kernel slices",
        "orders": orders,
        "drawn": drawn,
        "total": int(edges_of(view, connection).size),
        "filter": None if connection is None else view.connection_names[connection],
        "grid": _GRID,
        "roomy": _ROOMY,
        "closeup": {"layer": ALL, "by": "", "orders": {}, "shown": []},
        "sights": [],
        "program": None,
        "ramps": {"light": palette.hex_ramp("light"), "dark": palette.hex_ramp("dark")},
        "scale": {
            "low": view.scale.low,
            "high": palette.HIGH,
            "never": NEVER_ACTIVE,
            "ticks": [{"share": share, "words": words} for share, words in view.scale.ticks],
            "names": [palette.LOW_NAME, palette.HIGH_NAME],
        },
        "layouts": layouts,
        "arrays": arrays,
        "digest": "",
    }


def _tokens(own: TokenMap | None) -> Tokens | None:
    if own is None:
        return None
    words = [own.words(token) for token in range(len(own.cells))]
    return {"rows": own.rows, "columns": own.columns, "cells": list(own.cells), "words": words}


def _layout_header(placed: Layout) -> LayoutHeader:
    """One layout without its coordinates; label anchors as shares of the box."""
    return {
        "width": placed.width,
        "height": placed.height,
        "portrait": placed.is_portrait,
        "radius": [round(r, 3) for r in placed.radius],
        "labels": [[round(x / placed.width, 4), round(y / placed.height, 4)] for x, y in placed.labels],
    }
