"""A small graph as a short text that stands in a link, such as "u~1-110-100_2-30-580~1-2_1-3-2.5"."""

from __future__ import annotations

import re

from ncviz.errors import NcvizError
from ncviz.plots.small_graphs import LONGEST, MAX_NODES, SHORTEST, Edge, Place, SmallGraph

# Places are told in thousandths of the picture.
_UNIT = 1000
_KINDS = {"u": False, "d": True}
_NODE = re.compile(r"([1-9]\d?)-(\d{1,4})-(\d{1,4})", re.ASCII)
_EDGE = re.compile(r"([1-9]\d?)-([1-9]\d?)(?:-(\d{1,2}(?:\.\d{1,4})?))?", re.ASCII)
_MOST_LETTERS = 8000


def write_graph(graph: SmallGraph) -> str:
    """Return a graph as text: its kind, its nodes with their places, its edges with lengths that are not 1."""
    nodes = (f"{node}-{round(_UNIT * x)}-{round(_UNIT * y)}" for node, (x, y) in graph.places.items())
    edges = (
        f"{u}-{v}" if length == 1 else f"{u}-{v}-{round(length, 4):g}"
        for (u, v), length in graph.lengths.items()
    )
    return "~".join(("d" if graph.is_directed else "u", "_".join(nodes), "_".join(edges)))


def read_graph(text: str) -> SmallGraph | None:
    """Return the graph that a text tells, None of an empty one.

    Raises:
        NcvizError: If it tells none: another form, a node or an edge twice, a length or a place out of range, more
            nodes than there is room for.
    """
    if not text:
        return None
    parts = text.split("~")
    if len(text) > _MOST_LETTERS or len(parts) != 3 or parts[0] not in _KINDS:
        raise NcvizError(f"a graph must read such as u~1-110-100_2-30-580~1-2, got '{text[:40]}'.")
    places: dict[int, Place] = {}
    for part in filter(None, parts[1].split("_")):
        found = _NODE.fullmatch(part)
        if found is None or int(found[1]) in places or max(int(found[2]), int(found[3])) > _UNIT:
            raise NcvizError(f"'{part[:40]}' is no node of a graph.")
        places[int(found[1])] = int(found[2]) / _UNIT, int(found[3]) / _UNIT
    if len(places) > MAX_NODES or max(places, default=0) > MAX_NODES:
        raise NcvizError(f"a graph here has at most {MAX_NODES} nodes.")
    lengths: dict[Edge, float] = {}
    for part in filter(None, parts[2].split("_")):
        found = _EDGE.fullmatch(part)
        edge = (int(found[1]), int(found[2])) if found else (0, 0)
        length = float(found[3] or 1) if found else 0.0
        is_new = edge not in lengths and edge[::-1] not in lengths and edge[0] != edge[1]
        if not (is_new and set(edge) <= places.keys() and SHORTEST <= length <= LONGEST):
            raise NcvizError(f"'{part[:40]}' is no edge of the graph.")
        lengths[edge] = length
    return SmallGraph(places, lengths, _KINDS[parts[0]])
