"""Six lessons, from moving mass to pruning LeNet: what each sets, and when its task is done."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ncviz.plots.small_graphs import PRESETS, Edge, SmallGraph, preset
from ncviz.scene.small_graph import workbench
from ncviz.ui.link.view_state import ViewState

Page = Literal["learn", "explore"]
TINY = 1e-6
DIGITS = "mlp-digits-relu"


@dataclass(frozen=True)
class Facts:
    """What a task is judged by.

    Attributes:
        view: What the session looks at.
        graph: The Learn page's graph.
        selected: The edge that is selected in it.
        accuracy: Accuracy of the network as it is pruned, None if it is not known.
    """

    view: ViewState
    graph: SmallGraph
    selected: Edge | None = None
    accuracy: float | None = None

    @property
    def curvature(self) -> dict[Edge, float]:
        """κ of every edge of the graph."""
        return workbench.curvature(self.graph, self.view.idleness)


@dataclass(frozen=True)
class Lesson:
    """A lesson.

    Attributes:
        title: Its name.
        text: What it says, in a sentence or two.
        task: What the reader is to do.
        page: Where.
        is_reached: Whether what the task is after holds, in whichever way.
        sets: Fields of the view; all others but ``hide`` take their defaults.
        edge: Which edge of the graph is selected at the start.
        by_adding: Whether the task is to be done by adding edges to the lesson's graph, and by nothing else.
    """

    title: str
    text: str
    task: str
    page: Page
    is_reached: Callable[[Facts], bool]
    sets: Mapping[str, Any] = field(default_factory=dict)
    edge: Edge | None = None
    by_adding: bool = False

    def is_done(self, facts: Facts) -> bool:
        """Return whether the task is done."""
        return self.is_reached(facts) and not self.obstacle(facts)

    def obstacle(self, facts: Facts) -> str:
        """Return what else was changed that the task does not ask for, and how to go on; "" if nothing was."""
        return _other_change(facts, self.sets["graph"], self.sets["idleness"]) if self.by_adding else ""


def changes(number: int) -> dict[str, Any]:
    """Return the values that a lesson gives to the fields of the view; what is hidden stays so, and what is ticked."""
    fields = {name: value for name, value in vars(ViewState()).items() if name not in ("hide", "ticked")}
    return {**fields, **LESSONS[number].sets, "lesson": number}


def opened(view: ViewState, named: Collection[str]) -> ViewState:
    """Return the view that a link with a lesson opens: the lesson's, but for what the link names itself."""
    given = {name: value for name, value in changes(view.lesson).items() if name not in named}
    return replace(view, **given)


def _lowest(facts: Facts) -> bool:
    # Where all lengths are 1, the most work is the lowest κ.
    found = facts.curvature
    if facts.selected is None or facts.selected not in found:
        return False
    low, high = min(found.values()), max(found.values())
    return low < high - TINY and found[facts.selected] < low + TINY


def _has_positive(facts: Facts) -> bool:
    return max(facts.curvature.values(), default=0.0) > TINY


def _bridge_is_flat(facts: Facts) -> bool:
    bridge = facts.graph.edge(4, 5)
    return bridge is not None and facts.curvature[bridge] >= -TINY


def _detour(facts: Facts) -> bool:
    return facts.curvature.get((7, 9), -4.0) >= -2.0 - TINY


def _other_change(facts: Facts, name: str, alpha: float) -> str:
    # The graph that a lesson begins with never has what is asked for, so without these changes an edge was added.
    begun, now = preset(name), facts.graph
    if facts.view.graph != name:
        return f"This lesson needs the graph “{PRESETS[name].title}”."
    if abs(facts.view.idleness - alpha) > TINY:
        return f"α was changed; set it back to {alpha:g}."
    if begun.places.keys() - now.places.keys() or any(now.edge(*edge) is None for edge in begun.lengths):
        return "Something was removed; undo that, or reset the graph."
    kept = {now.edge(*edge): length for edge, length in begun.lengths.items()}
    if any(length != kept.get(edge, 1.0) for edge, length in now.lengths.items()):
        return "A length was changed; undo that, or reset the graph."
    return ""


def _collapses(facts: Facts) -> bool:
    view, accuracy = facts.view, facts.accuracy
    is_so = _prunes(view, "bottlenecks") and 0 < view.removed < 0.1 and view.model == DIGITS
    return is_so and accuracy is not None and accuracy < 0.5


def _survives(facts: Facts) -> bool:
    view, accuracy = facts.view, facts.accuracy
    is_so = _prunes(view, "redundant") and view.removed >= 0.6 and view.model.startswith("lenet")
    return is_so and accuracy is not None and accuracy >= 0.95


def _prunes(view: ViewState, order: str) -> bool:
    return (view.criterion, view.order) == ("curvature", order)


LESSONS = {
    1: Lesson(
        "Mass moves along edges",
        "Each end of an edge has a heap of mass on its neighbours (a share α stays on the end itself). W is the least "
        "work, mass × distance, that moves one heap onto the other.",
        "Click the edge whose mass has the most work to do.",
        "learn", _lowest, {"graph": "bridge", "idleness": 0.0}, (1, 2),
    ),
    2: Lesson(
        "Curvature compares work with distance",
        "κ = 1 − W/d. On a long cycle all mass moves on by exactly one step, so W = d and κ = 0. Where the neighbours "
        "of both ends are close to each other, W is less.",
        "Click one node, then another, to add an edge that makes some κ positive.",
        "learn", _has_positive, {"graph": "cycle", "idleness": 0.0}, (1, 2), by_adding=True,
    ),
    3: Lesson(
        "A bridge is a bottleneck",
        "Everything between the two groups goes over 4–5, so mass has to go a long way: κ < 0. Other ways across would "
        "relieve it.",
        "Add edges until the bridge 4–5 has κ ≥ 0. Two are enough.",
        "learn", _bridge_is_flat, {"graph": "bridge", "idleness": 0.5}, (4, 5), by_adding=True,
    ),
    4: Lesson(
        "In a network, mass goes one way",
        "Mass now comes from those that the edge's source hears from, and goes to those that its target speaks to. "
        "Strong weights are short edges (length 1/|w|). The edge 7 → 9 is the strongest bottleneck.",
        "Add one connection that lifts 7 → 9 to κ ≥ −2. Where does its mass have to go?",
        "learn", _detour, {"graph": "layered", "idleness": 0.5}, (7, 9), by_adding=True,
    ),
    5: Lesson(
        "Bottlenecks carry the network",
        "This network reads handwritten digits, and each of its connections has a κ. Bottlenecks go first now: "
        "the most negative κ.",
        "Remove less than 10 % of the weights so that the accuracy falls below 50 %.",
        "explore", _collapses, {"model": DIGITS, "order": "bottlenecks"},
    ),
    6: Lesson(
        "Prune the redundant ones of LeNet",
        "Redundant weights have other ways around them. Taken first, they are hardly missed.",
        "Remove at least 60 % of the weights and keep an accuracy of 95 % or more.",
        "explore", _survives, {"model": "lenet-mnist-relu"},
    ),
}  # fmt: skip
