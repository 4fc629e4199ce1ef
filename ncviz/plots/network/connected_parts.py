"""The connected parts of what is negative: where the bottlenecks of a network hang together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ncviz.text import plural

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True)
class Component:
    """A part of the network that bottlenecks alone hold together.

    Attributes:
        name: "A" for the largest, and so on.
        nodes: Its nodes, as the graph names them, growing.
        layers: How many layers it reaches.
        bottlenecks: How many edges with κ < 0 it has.
        lowest: Their least κ.
        narrowest: Where it is narrowest between its two ends, such as "linear 3 · 14" for a single unit or "linear 3
            (3 units)"; empty if it has no inside.
        noun: What its nodes are.
    """

    name: str
    nodes: tuple[int, ...]
    layers: int
    bottlenecks: int
    lowest: float
    narrowest: str
    noun: str = "units"

    @property
    def description(self) -> str:
        """All of it in one phrase."""
        where = f", narrowest at {self.narrowest}" if self.narrowest else ""
        return (
            f"{self.name}: {len(self.nodes)} {self.noun} in {self.layers} layers, "
            f"{plural(self.bottlenecks, 'bottleneck')}{where}"
        )


def bottlenecks(graph: nx.DiGraph) -> nx.DiGraph:
    """Return the edges of a graph with κ < 0, and the units at their ends."""
    return graph.edge_subgraph(
        [(source, target) for source, target, kappa in graph.edges(data="curvature") if kappa < 0]
    ).copy()


def bottleneck_components(graph: nx.DiGraph) -> list[Component]:
    """Return the weakly connected components of the bottlenecks, the one with the most edges first.

    Args:
        graph: From ``ncviz.plots.network.free_layout.to_graph``.
    """
    import networkx as nx

    negative = bottlenecks(graph)
    parts = [negative.subgraph(nodes) for nodes in nx.weakly_connected_components(negative)]
    parts.sort(key=lambda part: (-part.number_of_edges(), min(part)))
    return [_component(letters(number), part) for number, part in enumerate(parts)]


def letters(number: int) -> str:
    """Return A for 0, B for 1, AA for 26, and so on."""
    name = ""
    number += 1
    while number:
        number, digit = divmod(number - 1, 26)
        name = chr(ord("A") + digit) + name
    return name


def _component(name: str, part: nx.DiGraph) -> Component:
    layer_of = dict(part.nodes(data="layer"))
    sizes = Counter(layer_of.values())
    inside = [layer for layer in sorted(sizes) if min(sizes) < layer < max(sizes)]
    narrowest, noun = "", part.graph.get("noun", "units")
    if inside:
        least = min(inside, key=lambda layer: sizes[layer])
        labels = [part.nodes[node]["label"] for node in sorted(part) if layer_of[node] == least]
        layer_name = labels[0].rsplit(" · ", 1)[0]
        narrowest = labels[0] if len(labels) == 1 else f"{layer_name} ({len(labels)} {noun})"
    return Component(
        name,
        tuple(sorted(part)),
        len(sizes),
        part.number_of_edges(),
        min(kappa for _, _, kappa in part.edges(data="curvature")),
        narrowest,
        noun,
    )
