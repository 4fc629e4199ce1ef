"""What a person is looking at, as one frozen value that fits into a link, and the history of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ncviz.config import (
    COMPARED,
    COMPARED_DRAWS,
    MAX_SAMPLES_PER_CLASS,
    CurvatureConfig,
    check_alpha,
    check_whole,
)
from ncviz.errors import NcvizError
from ncviz.models.zoo import MODELS
from ncviz.pipeline import CRITERIA
from ncviz.plots.small_graphs import PRESETS
from ncviz.pruning.order import ORDERS, SCOPES
from ncviz.ui import finetune_fields

DEFAULT_MODEL = "mlp-digits-relu"
DEFAULT_GRAPH = "bridge"
VIEWS = ("network", "matrix", "distribution", "free")
DETAILS = ("channels", "units", "positions")
# What a link can take off the pages, so that a class sees only what a lesson is about.
HIDEABLE = ("sidebar", "navigation", "settings", "tabs", "orders", "views")
# Scales of the sparsity: as it is, the share that is kept in powers of ten, and the share that is removed.
AXES = ("linear", "kept", "removed")
# Tabs of the Pruning page.
LAB_TABS = ("compare", "layers", "breaks", "tune", "robust", "plans")
MAX_SEEDS = 10
EDGE_CAPS = (500, 1000, 2000, 5000, 10000, 20000, 50000, 200000)
DEFAULT_EDGE_CAP = 5000
MAX_HISTORY = 200
ALL_LAYERS = -1


@dataclass(frozen=True)
class ViewState:
    """Model, settings and pruning step that the pages show.

    Attributes:
        model: Name in the zoo, or of a network of this session's own.
        criterion: What the weights are ranked by.
        order: Which end goes first.
        scope: "global" or "layer".
        removed: Fraction of the weights that is removed, in [0, 1].
        layer: Connection whose edges are drawn, -1 for all.
        edges: Most edges to draw.
        samples: Calibration images of each class.
        alpha: Idleness.
        seed: Draw of the calibration images.
        parts: Names of the weights whose curvature is looked at, comma between; "" for all.
        channels: Most channels of a hidden layer that take part, 0 for all.
        show: Which picture of the network.
        detail: Whether a feature map is one node, each of its units is, or each weight is drawn at all its positions.
        flow: Whose curvature is drawn: "all" calibration images, "image-3", or "class-7".
        selected: "unit-LAYER-INDEX", "channel-LAYER-CHANNEL", "weight-PARAMETER", or
            "slice-CONNECTION-TARGET-SOURCE" (channels); "" for nothing.
        edge: "CONNECTION-SOURCE-TARGET", the edge under the lens, or "".
        compare: Whether a second picture stands beside the first.
        other_model: Its network, "" for the same.
        other_criterion: Its criterion.
        other_order: Which end goes first there.
        other_removed: Fraction of the weights that is removed there.
        lesson: Which lesson is on, 0 for none.
        hide: What the pages leave out, comma between.
        graph: The small graph that the Learn page begins with.
        idleness: Idleness on the Learn page, where every value is computed at once.
        lab_criteria: The criteria that the Pruning page compares, comma between.
        lab_seeds: How many draws of the calibration images it takes: seeds 0, 1, ….
        lab_samples: Its calibration images of each class.
        lab_scope: Within what weights compete there.
        lab_order: Which end goes first there.
        lab_protect: Numbers of the layers that lose no weight there, comma between.
        lab_sparsity: Fraction of the weights that is removed where it looks closer, in [0, 1].
        lab_lost: How many points of accuracy may be lost in its table.
        lab_axis: Scale of the sparsity in its figure.
        lab_look: Criterion that it looks at alone, "" for the first.
        lab_beside: Criterion beside that one, "" for none.
        lab_tab: Which of its tabs is open.
        lab_tune: How it fine-tunes, as far as that is not the usual: see ``ncviz.ui.finetune_fields``.
        lab_robust: What happens to the network under Robustness, likewise.
    """

    model: str = DEFAULT_MODEL
    criterion: str = "curvature"
    order: str = "redundant"
    scope: str = "global"
    removed: float = 0.0
    layer: int = ALL_LAYERS
    edges: int = DEFAULT_EDGE_CAP
    samples: int = 1
    alpha: float = 0.9
    seed: int = 0
    parts: str = ""
    channels: int = 0
    show: str = VIEWS[0]
    detail: str = DETAILS[0]
    flow: str = "all"
    selected: str = ""
    edge: str = ""
    compare: bool = False
    other_model: str = ""
    other_criterion: str = "curvature"
    other_order: str = "bottlenecks"
    other_removed: float = 0.0
    lesson: int = 0
    hide: str = ""
    graph: str = DEFAULT_GRAPH
    idleness: float = 0.5
    lab_criteria: str = ",".join(COMPARED)
    lab_seeds: int = COMPARED_DRAWS
    lab_samples: int = 1
    lab_scope: str = SCOPES[0]
    lab_order: str = ORDERS[0]
    lab_protect: str = ""
    lab_sparsity: float = 0.8
    lab_lost: float = 1.0
    lab_axis: str = AXES[0]
    lab_look: str = ""
    lab_beside: str = ""
    lab_tab: str = LAB_TABS[0]
    lab_tune: str = ""
    lab_robust: str = ""

    @property
    def config(self) -> CurvatureConfig:
        """Settings of the curvature that is looked at."""
        return CurvatureConfig(
            self.alpha,
            self.samples,
            self.seed,
            tuple(self.parts.split(",")) if self.parts else (),
            self.channels,
        )

    def to_query(self) -> dict[str, str]:
        """Return the values that differ from the defaults, as a link carries them."""
        found = {}
        for name, default in vars(ViewState()).items():
            value = getattr(self, name)
            if value != default:
                found[name] = _written(value)
        return found

    def hides(self, part: str) -> bool:
        """Whether the link takes this part off the pages."""
        return part in self.hide.split(",")


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def from_query(query: Mapping[str, str]) -> tuple[ViewState, list[str]]:
    """Read a link.

    Returns:
        The state, with defaults in place of what is missing or bad, and a sentence for each bad value.
    """
    state, problems = ViewState(), []
    for name, read in _READERS.items():
        if name not in query:
            continue
        try:
            value = read(query[name])
            changed = replace(state, **{name: value})
            _ = changed.config
        except (ValueError, OverflowError) as error:
            reason = (
                str(error) if isinstance(error, NcvizError) else f"'{query[name][:40]}' is no valid value."
            )
            problems.append(f"The link's {name} was left out: {reason}")
            continue
        state = changed
    if "random" in {state.criterion, state.other_criterion}:
        order, other = (
            ORDERS[0] if criterion == "random" else way
            for criterion, way in ((state.criterion, state.order), (state.other_criterion, state.other_order))
        )
        if (order, other) != (state.order, state.other_order):
            state = replace(state, order=order, other_order=other)
            problems.append("The link's order was left out: a random order has no other end.")
    return state, problems


@dataclass
class History:
    """Undo and redo over any values that compare equal when they are the same step."""

    past: list[Any] = field(default_factory=list)
    future: list[Any] = field(default_factory=list)

    def push(self, before: Any, after: Any) -> None:
        """Note a step from ``before`` to ``after``; a step that changes nothing is none."""
        if before == after:
            return
        self.past = [*self.past, before][-MAX_HISTORY:]
        self.future = []

    def undo(self, now: Any) -> Any:
        """Return the step before, or ``now`` if there is none."""
        if not self.past:
            return now
        self.future.append(now)
        return self.past.pop()

    def redo(self, now: Any) -> Any:
        """Return the step that was undone last, or ``now`` if there is none."""
        if not self.future:
            return now
        self.past.append(now)
        return self.future.pop()


def _choice(name: str, choices: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise NcvizError(f"{name} must be one of {', '.join(choices)}, got '{text[:40]}'.")
        return text

    return read


def _pattern(name: str, pattern: str, example: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        # Other alphabets have digits of their own.
        if not re.fullmatch(pattern, text, re.ASCII):
            raise NcvizError(f"{name} must read such as {example}, got '{text[:40]}'.")
        return text

    return read


def _settings(field: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        return finetune_fields.written(field, finetune_fields.parse(field, text))

    return read


def _flag(text: str) -> bool:
    return bool(("0", "1").index(text))


def _lesson(text: str) -> int:
    return check_whole("the lesson", int(text), 0, 99)


def _hidden(text: str) -> str:
    return ",".join(_choice("what is hidden", HIDEABLE)(part) for part in text.split(",") if part)


def _fraction(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise NcvizError(f"the fraction removed must lie in [0, 1], got {text[:40]}.")
    return value


def _points(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 100:
        raise NcvizError(f"the points of accuracy lost must lie in [0, 100], got {text[:40]}.")
    return value


def _layer(text: str) -> int:
    value = int(text)
    if not ALL_LAYERS <= value < 10_000:
        raise NcvizError(f"the layer must be a small whole number, got {text[:40]}.")
    return value


def _cap(text: str) -> int:
    return min(EDGE_CAPS, key=lambda cap: abs(cap - int(text)))


# Which of them exist is known where torch is; what is none is left out there.
_CRITERION = r"[a-z][a-z0-9_-]{0,29}"
_READERS: dict[str, Callable[[str], Any]] = {
    "model": _choice("the model", tuple(MODELS)),
    "criterion": _choice("the criterion", CRITERIA),
    "order": _choice("the order", ORDERS),
    "scope": _choice("the scope", SCOPES),
    "removed": _fraction,
    "layer": _layer,
    "edges": _cap,
    "samples": int,
    "alpha": float,
    "seed": int,
    "parts": _pattern("the layers", r"[\w.-]{1,200}(,[\w.-]{1,200}){0,399}|", "features.0.weight,fc.weight"),
    "channels": int,
    "show": _choice("the picture", VIEWS),
    "detail": _choice("the detail", DETAILS),
    "flow": _pattern("the flow", r"all|(image|class)-\d{1,6}", "all, image-3 or class-7"),
    "selected": _pattern(
        "the selection",
        r"(unit|channel)-\d{1,4}-\d{1,9}|weight-\d{1,9}|slice(-\d{1,9}){3}",
        "unit-1-7 or weight-42",
    ),
    "edge": _pattern("the edge", r"\d{1,4}-\d{1,9}-\d{1,9}", "1-20-7 (connection, source, target)"),
    "compare": _flag,
    "other_model": _choice("the other model", tuple(MODELS)),
    "other_criterion": _choice("the other criterion", CRITERIA),
    "other_order": _choice("the other order", ORDERS),
    "other_removed": _fraction,
    "lesson": _lesson,
    "hide": _hidden,
    "graph": _choice("the graph", tuple(PRESETS)),
    "idleness": lambda text: check_alpha(float(text)),
    "lab_criteria": _pattern("the criteria", rf"{_CRITERION}(,{_CRITERION})*", "curvature,magnitude"),
    "lab_seeds": lambda text: check_whole("the number of seeds", int(text), 1, MAX_SEEDS),
    "lab_samples": lambda text: check_whole("samples per class", int(text), 1, MAX_SAMPLES_PER_CLASS),
    "lab_scope": _choice("the scope", SCOPES),
    "lab_order": _choice("the order", ORDERS),
    "lab_protect": _pattern("the protected layers", r"\d{1,4}(,\d{1,4})*|", "0,2"),
    "lab_sparsity": _fraction,
    "lab_lost": _points,
    "lab_axis": _choice("the scale", AXES),
    "lab_look": _pattern("the criterion", rf"{_CRITERION}|", "curvature"),
    "lab_beside": _pattern("the criterion", rf"{_CRITERION}|", "magnitude"),
    "lab_tab": _choice("the tab", LAB_TABS),
    "lab_tune": _settings("lab_tune"),
    "lab_robust": _settings("lab_robust"),
}
