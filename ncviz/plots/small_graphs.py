"""Small graphs to learn from: presets with a place for every node, and the edits that a reader makes."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ncviz.errors import NcvizError

# networkx takes a third of a second to import, which the other pages have no use for.
if TYPE_CHECKING:
    import networkx as nx

Edge = tuple[int, int]
Place = tuple[float, float]

MAX_NODES = 40
SHORTEST, LONGEST = 0.1, 10.0
LENGTH = "length"


@dataclass(frozen=True)
class SmallGraph:
    """A graph with a place for every node; every edit gives a new one.

    Between two nodes there is one edge at most, also in a directed graph, so that a pair of nodes names an edge.

    Attributes:
        places: Node → (x, y) in the unit square, y downwards.
        lengths: (u, v) → length of the edge; from u to v if the graph is directed.
        is_directed: Whether edges have a direction.
    """

    places: Mapping[int, Place] = field(default_factory=dict)
    lengths: Mapping[Edge, float] = field(default_factory=dict)
    is_directed: bool = False

    def edge(self, u: int, v: int) -> Edge | None:
        """Return the edge between two nodes as the graph names it, None if there is none."""
        return next((edge for edge in ((u, v), (v, u)) if edge in self.lengths), None)

    def to_networkx(self) -> nx.Graph:
        """Return it as a networkx Graph or DiGraph, with the attribute "length"."""
        import networkx as nx

        graph = nx.DiGraph() if self.is_directed else nx.Graph()
        graph.add_nodes_from(self.places)
        graph.add_edges_from((u, v, {LENGTH: length}) for (u, v), length in self.lengths.items())
        return graph

    def add_node(self, place: Place | None = None) -> SmallGraph:
        """Return the graph with one more node, where it is asked for or where there is most room.

        Raises:
            NcvizError: If there are `MAX_NODES` already.
        """
        if len(self.places) >= MAX_NODES:
            raise NcvizError(f"A graph here has at most {MAX_NODES} nodes; remove one to add another.")
        free = next(name for name in range(1, MAX_NODES + 1) if name not in self.places)
        at = self._emptiest() if place is None else _inside(place)
        return replace(self, places={**self.places, free: at})

    def remove_node(self, node: int) -> SmallGraph:
        """Return the graph without a node and its edges."""
        self._check(node)
        return replace(
            self,
            places={name: place for name, place in self.places.items() if name != node},
            lengths={edge: length for edge, length in self.lengths.items() if node not in edge},
        )

    def move_node(self, node: int, place: Place) -> SmallGraph:
        """Return the graph with a node elsewhere."""
        self._check(node)
        return replace(self, places={**self.places, node: _inside(place)})

    def add_edge(self, u: int, v: int) -> SmallGraph:
        """Return the graph with one more edge, of length 1.

        Raises:
            NcvizError: If a node is not there, both are the same, or they are joined already.
        """
        self._check(u)
        self._check(v)
        if u == v:
            raise NcvizError(f"An edge joins two nodes; {u} cannot be joined to itself.")
        if self.edge(u, v) is not None:
            raise NcvizError(f"The nodes {u} and {v} are joined already.")
        return replace(self, lengths={**self.lengths, (u, v): 1.0})

    def remove_edge(self, u: int, v: int) -> SmallGraph:
        """Return the graph without an edge."""
        edge = self._known(u, v)
        return replace(
            self, lengths={other: length for other, length in self.lengths.items() if other != edge}
        )

    def with_length(self, u: int, v: int, length: float) -> SmallGraph:
        """Return the graph with an edge made longer or shorter.

        Raises:
            NcvizError: If there is no such edge, or the length lies outside `SHORTEST` to `LONGEST`.
        """
        edge = self._known(u, v)
        if not SHORTEST <= length <= LONGEST:
            raise NcvizError(f"A length here must lie between {SHORTEST:g} and {LONGEST:g}, got {length:g}.")
        return replace(self, lengths={**self.lengths, edge: float(length)})

    def _check(self, node: Hashable) -> None:
        if node not in self.places:
            raise NcvizError(f"There is no node {node}.")

    def _known(self, u: int, v: int) -> Edge:
        edge = self.edge(u, v)
        if edge is None:
            raise NcvizError(f"There is no edge between {u} and {v}.")
        return edge

    def _emptiest(self) -> Place:
        """Return the point of a grid that is farthest from all nodes."""
        grid = [(column / 8, row / 8) for row in range(1, 8) for column in range(1, 8)]
        return max(grid, key=lambda at: min((math.dist(at, own) for own in self.places.values()), default=0))


@dataclass(frozen=True)
class Preset:
    """A graph to begin with: its name for people, what is to be seen in it, and how it is made."""

    title: str
    hint: str
    make: Callable[[], SmallGraph]


def preset(name: str) -> SmallGraph:
    """Return a graph of `PRESETS`.

    Raises:
        NcvizError: If there is none of this name.
    """
    if name not in PRESETS:
        raise NcvizError(f"The graph must be one of {', '.join(PRESETS)}, got '{name[:40]}'.")
    return PRESETS[name].make()


def _barbell() -> SmallGraph:
    left = {1: (0.11, 0.1), 2: (0.03, 0.58), 3: (0.22, 0.93), 4: (0.35, 0.42)}
    right = {9 - node: (1 - x, y) for node, (x, y) in left.items()}
    pairs = [(1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4), (4, 5)]
    return _graph({**left, **dict(sorted(right.items()))}, [*pairs, *((9 - v, 9 - u) for u, v in pairs[:-1])])


def _clique() -> SmallGraph:
    return _graph(_circle(6), [(u, v) for u in range(1, 7) for v in range(u + 1, 7)])


def _cycle() -> SmallGraph:
    return _graph(_circle(6), [*((u, u + 1) for u in range(1, 6)), (1, 6)])


def _tree() -> SmallGraph:
    places = {
        node: ((node - 2**depth + 0.5) / 2**depth, 0.06 + 0.88 * depth / 3)
        for depth in range(4)
        for node in range(2**depth, 2 ** (depth + 1))
    }
    return _graph(places, [(node // 2, node) for node in range(2, 16)])


def _grid(rows: int = 4, columns: int = 5) -> SmallGraph:
    places = {
        1 + row * columns + column: (0.05 + 0.9 * column / (columns - 1), 0.06 + 0.88 * row / (rows - 1))
        for row in range(rows)
        for column in range(columns)
    }
    right = [(node, node + 1) for node in places if node % columns]
    return _graph(places, right + [(node, node + columns) for node in places if node + columns in places])


def _layered() -> SmallGraph:
    layers = ((1, 2, 3), (4, 5, 6, 7), (8, 9, 10), (11, 12))
    places = {
        node: (0.04 + 0.92 * depth / 3, 0.5 + 1.2 * ((at + 0.5) / len(layer) - 0.5))
        for depth, layer in enumerate(layers)
        for at, node in enumerate(layer)
    }
    return SmallGraph(places, _LAYERED, is_directed=True)


def _karate() -> SmallGraph:
    import networkx as nx

    club = nx.karate_club_graph()
    found = nx.kamada_kawai_layout(club, weight=None)
    low = [min(place[axis] for place in found.values()) for axis in (0, 1)]
    span = [max(place[axis] for place in found.values()) - low[axis] for axis in (0, 1)]
    places = {
        node + 1: (
            0.03 + 0.94 * float((place[0] - low[0]) / span[0]),
            0.04 + 0.92 * float((place[1] - low[1]) / span[1]),
        )
        for node, place in found.items()
    }
    return _graph(places, [(u + 1, v + 1) for u, v in club.edges])


def _graph(places: dict[int, Place], edges: list[Edge]) -> SmallGraph:
    return SmallGraph(places, dict.fromkeys(edges, 1.0))


def _circle(count: int) -> dict[int, Place]:
    turn = 2 * math.pi / count
    return {
        at + 1: (0.5 + 0.34 * math.sin(turn * (at + 0.5)), 0.5 - 0.46 * math.cos(turn * (at + 0.5)))
        for at in range(count)
    }


def _inside(place: Place) -> Place:
    x, y = (min(max(float(value), 0.0), 1.0) if math.isfinite(value) else 0.5 for value in place)
    return x, y


# Lengths of a layered net, 1/|weight|: all of one length would make every way between two layers equally long.
_LAYERED = {
    (1, 5): 1.0, (2, 4): 3.0, (2, 5): 0.5, (2, 6): 1.0, (2, 7): 0.5, (3, 5): 1.0,
    (4, 9): 2.0, (5, 8): 1.0, (5, 10): 3.0, (6, 8): 2.0, (6, 9): 3.0, (6, 10): 1.0,
    (7, 8): 3.0, (7, 9): 1.0, (7, 10): 2.0,
    (8, 11): 1.0, (9, 12): 3.0, (10, 11): 2.0,
}  # fmt: skip

PRESETS = {
    "bridge": Preset("Two groups and a bridge", "Only the bridge leads from one group to the other.", _barbell),
    "clique": Preset("Clique", "Everyone is joined to everyone: every edge has many ways around it.", _clique),
    "cycle": Preset("Cycle", "Flat: what an edge joins is moved on by one step, no more and no less.", _cycle),
    "tree": Preset("Tree", "No way around anything: all inner edges are bottlenecks.", _tree),
    "grid": Preset("Grid", "Flat inside, curved at the rim.", _grid),
    "layered": Preset("Layered net", "A small network: mass comes from the left and goes to the right.", _layered),
    "karate": Preset("Karate club", "34 members of a club that split in two (Zachary, 1977).", _karate),
}  # fmt: skip
