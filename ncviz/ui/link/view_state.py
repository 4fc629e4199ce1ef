"""What a person is looking at, as one frozen value that fits into a link, and the history of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ncviz.config import (
    COMPARED,
    COMPARED_DRAWS,
    CurvatureConfig,
)
from ncviz.pruning.order import ORDERS, SCOPES

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
        lab_tune: How it fine-tunes, as far as that is not the usual: see ``ncviz.ui.link.finetune_fields``.
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
