"""Where the nodes of a free layout begin: layer by layer, each part that bottlenecks hold together in rows of its own.

Springs alone pull a few hundred edges into one tangle. Here layers stand from left to right; down, each node stands at
the middle of those that it is joined to, found in a few sweeps (the barycentre heuristic of Sugiyama, Tagawa and Toda,
1981), and parts that reach over the same layers stand under each other, so that none lies on another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ncviz.plots.network.connected_parts import Component

if TYPE_CHECKING:
    import networkx as nx

ROW = 46.0  # from node to node of a layer
GAP = 1.0  # rows between parts
ASPECT = 1.7  # of the picture, wide to high
LEAST_COLUMN = 190.0  # from layer to layer
_SWEEPS = 12

Place = tuple[float, float]


def free_places(graph: nx.DiGraph, parts: Sequence[Component] = ()) -> dict[int, Place]:
    """Return where each node of a graph begins.

    Args:
        graph: From ``ncviz.plots.network.free_layout.to_graph``.
        parts: What stands in rows of its own; all other nodes are one more part.
    """
    layer_of: dict[int, int] = dict(graph.nodes(data="layer"))
    column = {layer: at for at, layer in enumerate(sorted(set(layer_of.values())))}
    named = {node for part in parts for node in part.nodes}
    groups = [list(part.nodes) for part in parts if part.nodes[0] in layer_of]
    others = [node for node in graph if node not in named]
    free = [0.0] * len(column)
    row: dict[int, float] = {}
    for group in [*groups, others] if others else groups:
        own = [node for node in group if node in layer_of]
        within = _ordered(graph, own, layer_of)
        reached = [column[layer_of[node]] for node in own]
        span = range(min(reached), max(reached) + 1)
        top = max(free[at] for at in span)
        height = max(within.values()) + 1
        row |= {node: top + at for node, at in within.items()}
        for at in span:
            free[at] = top + height + GAP
    height = ROW * max(free, default=0.0)
    wide = max(LEAST_COLUMN, ASPECT * height / max(len(column) - 1, 1))
    return {node: (column[layer_of[node]] * wide, at * ROW) for node, at in row.items()}


def _ordered(graph: nx.DiGraph, nodes: Sequence[int], layer_of: dict[int, int]) -> dict[int, float]:
    """The row of each node within its part: layers ordered by their neighbours' rows, and centred."""
    inside = set(nodes)
    beside = {
        node: [other for other in (*graph.predecessors(node), *graph.successors(node)) if other in inside]
        for node in nodes
    }
    layers: dict[int, list[int]] = defaultdict(list)
    for node in sorted(nodes):
        layers[layer_of[node]].append(node)
    most = max(map(len, layers.values()))
    row = {node: (at + 0.5) * most / len(own) for own in layers.values() for at, node in enumerate(own)}
    for sweep in range(_SWEEPS):
        for layer in sorted(layers, reverse=bool(sweep % 2)):
            own = layers[layer]
            middle = {
                node: sum(row[other] for other in beside[node]) / len(beside[node])
                if beside[node]
                else row[node]
                for node in own
            }
            own.sort(key=lambda node: (middle[node], node))
            for at, node in enumerate(own):
                row[node] = (at + 0.5) * most / len(own)
    return {node: at - 0.5 for node, at in row.items()}
