"""The Learn page's graph in one session: its edits, their history, and what each did to the curvature."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ncviz.errors import NcvizError
from ncviz.plots.small_graphs import LENGTH, Edge, SmallGraph, preset
from ncviz.scene.history import History
from ncviz.text import number

if TYPE_CHECKING:
    from ncviz.ricci import EdgeTransport

# Curvatures that differ by less are the same but for rounding.
SAME = 1e-9
MANY = 3


@dataclass
class Workbench:
    """A graph on the Learn page.

    Attributes:
        begun: Name of the preset that it began with.
        graph: The graph as it is now.
        selected: The edge whose problem is shown.
        before: The graph before the last edit, None if there was none.
        said: What the last edit was.
        refused: Why what was asked for last was not done.
        refused_length: Why the length that was asked for last was not taken.
        seq: Number of the last action of the browser that was dealt with.
    """

    begun: str
    graph: SmallGraph
    selected: Edge | None = None
    before: SmallGraph | None = None
    said: str = ""
    refused: str = ""
    refused_length: str = ""
    seq: int = 0
    history: History = field(default_factory=History)

    @staticmethod
    def begin(name: str, alpha: float, selected: Edge | None = None) -> Workbench:
        """Return a preset, untouched, with this edge selected or, without one, its strongest bottleneck."""
        graph = preset(name)
        kappas = curvature(graph, alpha)
        return Workbench(name, graph, min(kappas, key=kappas.__getitem__) if selected is None else selected)

    def go_on_with(self, graph: SmallGraph, alpha: float) -> None:
        """Show what a link says has become of the preset, which is one step back."""
        self.history.push(self.graph, graph)
        self.graph = graph
        if self.selected not in graph.lengths:
            kappas = curvature(graph, alpha)
            self.selected = min(kappas, key=kappas.__getitem__, default=None)

    def take(self, action: Mapping[str, Any]) -> None:
        """Do what the browser asks for; what makes no sense is said, and changes nothing."""
        kind, self.refused, self.refused_length = str(action.get("action")), "", ""
        try:
            if kind in _STEPS:
                _STEPS[kind](self)
            elif kind == "select":
                self.selected = self.graph.edge(_node(action, "u"), _node(action, "v"))
            elif kind == "clear":
                self.selected = None
            elif kind in _EDITS:
                self.change(*_edited(self.graph, action))
        except NcvizError as error:
            self.refused = str(error)

    def lengthen(self, length: float) -> None:
        """Give the selected edge another length; one that is not possible is said, and changes nothing."""
        self.refused = self.refused_length = ""
        if self.selected is None:
            return
        name = edge_name(self.selected, self.graph.is_directed)
        try:
            self.change(self.graph.with_length(*self.selected, length), f"Length of {name} set to {length:g}")
        except NcvizError as error:
            self.refused_length = f"{str(error).removesuffix('.')}; {name} keeps its length."

    def change(self, after: SmallGraph, said: str) -> None:
        """Go on with another graph, which can be undone."""
        self.history.push(self.graph, after)
        self._show(after, said)

    def _show(self, after: SmallGraph, said: str) -> None:
        is_move = after.lengths == self.graph.lengths and len(after.places) == len(self.graph.places)
        if not is_move:
            self.before, self.said = self.graph, said
        new = set(after.lengths) - set(self.graph.lengths)
        self.graph = after
        if self.selected not in after.lengths:
            self.selected = next(iter(new)) if len(new) == 1 else None

    def _step_to(self, after: SmallGraph, said: str) -> None:
        if after is not self.graph:
            self._show(after, said)

    def undo(self) -> None:
        """Take the last edit back."""
        self._step_to(self.history.undo(self.graph), "Undone")

    def redo(self) -> None:
        """Do the edit again that was taken back last."""
        self._step_to(self.history.redo(self.graph), "Done again")

    def reset(self) -> None:
        """Go back to the preset; this too can be undone."""
        self.change(preset(self.begun), "Back to the beginning")

    def changes(self, alpha: float) -> dict[Edge, tuple[float, float]]:
        """Return κ before and after the last edit, for the edges that it changed and that are still there."""
        if self.before is None:
            return {}
        before, after = curvature(self.before, alpha), curvature(self.graph, alpha)
        return {
            edge: (before[edge], kappa)
            for edge, kappa in after.items()
            if edge in before and abs(before[edge] - kappa) > SAME
        }

    def summary(self, alpha: float) -> str:
        """Say in a sentence what the last edit did, the selected edge first, then where most changed."""
        if self.refused or self.before is None:
            return self.refused
        changes = self.changes(alpha)
        if not changes:
            return f"{self.said}: no other edge's κ changed."
        order = sorted(
            changes, key=lambda edge: (edge != self.selected, -abs(changes[edge][1] - changes[edge][0]))
        )
        named = [
            f"κ of {edge_name(edge, self.graph.is_directed)}: {' → '.join(number(kappa, 2) for kappa in changes[edge])}"
            for edge in order[:MANY]
        ]
        rest = len(order) - len(named)
        more = f", and {rest} more" if rest else ""
        return f"{self.said}: {', '.join(named)}{more}."


def curvature(graph: SmallGraph, alpha: float) -> dict[Edge, float]:
    """Return κ of every edge, as the neural curvature has it: Ollivier's divided by 1 − α."""
    return _curvature(tuple(graph.lengths.items()), graph.is_directed, alpha)


def problem(graph: SmallGraph, edge: Edge, alpha: float) -> EdgeTransport:
    """Return one edge's transport problem."""
    # Not at the top: it brings scipy along.
    from ncviz.ricci import edge_transport

    return edge_transport(graph.to_networkx(), edge, alpha, LENGTH)


def neural(found: EdgeTransport) -> float:
    """Return an edge's κ as the neural curvature has it."""
    return found.curvature / (1 - found.alpha)


def parcels(graph: SmallGraph, found: EdgeTransport) -> list[tuple[list[int], list[float], float]]:
    """Return each part of the plan that moves: the nodes of a shortest path, the lengths of its steps, its mass."""
    import networkx as nx

    drawn = graph.to_networkx()
    told = []
    for source, target, mass, cost in moves(found):
        if cost > 0:
            path = nx.shortest_path(drawn, source, target, weight=LENGTH)
            told.append((path, [float(drawn.edges[step][LENGTH]) for step in pairwise(path)], mass))
    return told


def flow(graph: SmallGraph, found: EdgeTransport) -> dict[Edge, float]:
    """Return how much mass the plan moves along each step (x, y) of the graph, each part by a shortest path."""
    moved: dict[Edge, float] = {}
    for path, _, mass in parcels(graph, found):
        for step in pairwise(path):
            moved[step] = moved.get(step, 0.0) + mass
    return moved


def moves(found: EdgeTransport) -> list[tuple[Any, Any, float, float]]:
    """Return source, target, mass and distance of each part of a plan, farthest first."""
    parts = [
        (source, target, float(found.plan[row, column]), float(found.cost[row, column]))
        for row, source in enumerate(found.sources)
        for column, target in enumerate(found.targets)
        if found.plan[row, column] > SAME
    ]
    return sorted(parts, key=lambda part: (-part[3], -part[2]))


def edge_name(edge: Edge, is_directed: bool) -> str:
    """Return such as "3–4", or "3 → 4" in a directed graph."""
    return f"{edge[0]} → {edge[1]}" if is_directed else f"{edge[0]}–{edge[1]}"


@lru_cache(maxsize=64)
def _curvature(lengths: tuple[tuple[Edge, float], ...], is_directed: bool, alpha: float) -> dict[Edge, float]:
    # Not at the top: it brings scipy along.
    from ncviz.ricci import ollivier_ricci

    graph = SmallGraph(lengths=dict(lengths), is_directed=is_directed)
    found: dict[Any, float] = ollivier_ricci(graph.to_networkx(), alpha, LENGTH)
    # networkx turns the ends of an undirected edge round as it likes.
    return {(u, v): found[(u, v) if (u, v) in found else (v, u)] / (1 - alpha) for u, v in graph.lengths}


def _node(action: Mapping[str, Any], name: str) -> int:
    value = action.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise NcvizError("That is no node of the graph.")
    return int(value)


def _place(action: Mapping[str, Any]) -> tuple[float, float]:
    found = []
    for name in ("x", "y"):
        value = action.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise NcvizError("That is no place in the picture.")
        found.append(float(value))
    return found[0], found[1]


def _edited(graph: SmallGraph, action: Mapping[str, Any]) -> tuple[SmallGraph, str]:
    """Return the graph after one of the edits, and what that is called."""
    kind = action["action"]
    if kind == "add_node":
        after = graph.add_node(_place(action) if "x" in action else None)
        (new,) = set(after.places) - set(graph.places)
        return after, f"Added node {new}"
    if kind == "remove_node":
        return graph.remove_node(_node(action, "node")), f"Removed node {_node(action, 'node')}"
    if kind == "move_node":
        return graph.move_node(_node(action, "node"), _place(action)), ""
    edge = _node(action, "u"), _node(action, "v")
    name = edge_name(edge, graph.is_directed)
    if kind == "add_edge":
        return graph.add_edge(*edge), f"Added {name}"
    return graph.remove_edge(*edge), f"Removed {name}"


_STEPS = {"undo": Workbench.undo, "redo": Workbench.redo, "reset": Workbench.reset}
_EDITS = ("add_node", "remove_node", "move_node", "add_edge", "remove_edge")
