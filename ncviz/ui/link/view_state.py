"""What a person is looking at, as one frozen value that fits into a link: each field with all that is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

from ncviz.config import (
    BATCHNORM,
    COMPARED,
    COMPARED_DRAWS,
    MAX_SAMPLES_PER_CLASS,
    NEVER_ACTIVE_PLACES,
    ORDERS,
    REPAIRS,
    SCALES,
    SCOPES,
    CurvatureConfig,
    check_alpha,
)
from ncviz.errors import NcvizError
from ncviz.plots.network import closeup
from ncviz.plots.small_graphs import PRESETS
from ncviz.scene.selection import read_edge, read_flow, read_selection
from ncviz.scene.small_graph.text import read_graph, write_graph
from ncviz.scene.surgery.files import read_name
from ncviz.scene.surgery.steps import LONGEST_LINK, read_group
from ncviz.tasks import CRITERIA, MODELS
from ncviz.ui.link.by_hand import IN_FILE, link_text, read_by_hand
from ncviz.ui.link.finetune_fields import normalise
from ncviz.ui.link.readers import (
    CRITERION_NAME,
    LONGEST,
    Reader,
    criterion_or_none,
    flag,
    layer_name,
    matching,
    nearest,
    one_of,
    parsed_by,
    several_of,
    whole,
    within,
)

T = TypeVar("T")
DEFAULT_MODEL = "lenet-mnist-relu"
DEFAULT_GRAPH = "bridge"
VIEW_TITLES = {
    "network": "Network", "matrix": "Matrix", "distribution": "Distribution", "free": "Free layout",
}  # fmt: skip
VIEWS = tuple(VIEW_TITLES)
DETAILS = ("channels", "units", "positions")
# What the lines of the picture show: κ, or how much of the image that is chosen flows through them.
LINES = ("curvature", "flow")
# What a link can take off the pages, so that a class sees only what a lesson is about.
HIDE_TITLES = {
    "sidebar": "Sidebar", "navigation": "Other pages", "settings": "Settings under the picture (Explore)",
    "classes": "Accuracy of each class (Explore)", "tabs": "Tabs below (Explore)",
    "orders": "Other orders (Explore)", "views": "Other views (Explore)",
}  # fmt: skip
HIDEABLE = tuple(HIDE_TITLES)
# Of large layers the first maps in this order are shown.
MAP_ORDERS = tuple(closeup.MAP_ORDERS)
# Scales of the sparsity: as it is, the share that is kept in powers of ten, and the share that is removed.
AXES = ("linear", "kept", "removed")
# Scales of the slider: finer towards both ends, or as it is.
SLIDER_SCALES = ("ends", "linear")
# Tabs of the Pruning page.
LAB_TABS = ("compare", "layers", "breaks", "tune", "robust", "plans")
MAX_SEEDS = 10
EDGE_CAPS = (500, 1000, 2000, 5000, 10000, 20000, 50000, 200000)
DEFAULT_EDGE_CAP = 5000
ALL_LAYERS = ""
# What each of two pictures has of its own; the second's fields are called other_….
OF_SIDE = ("model", "criterion", "order", "removed", "hand", "hand_name", "group", "group_count")
# Of these, what names weights or images of one network and says nothing about another.
OF_NETWORK = ("hand", "hand_name", "group", "group_count")
# What is done by hand, and what means nothing without.
_TOLD_BY_HAND = ("hand", "removed", "hand_name")
# Fields that slide: the browser's history makes no entry of a change of them alone.
SLIDING = ("removed", "other_removed", "idleness", "lab_sparsity", "lab_lost")


def _row(default: T, read: Reader, doc: str) -> T:
    """Return a field of the view: its default, what reads it from a link, and what it is."""
    found: T = field(default=default, metadata={"read": read, "doc": doc})
    return found


def _idleness(text: str) -> float:
    return check_alpha(float(text))


def _drawn(text: str) -> str:
    graph = read_graph(text)
    return "" if graph is None else write_graph(graph)


def other(name: str) -> str:
    """Return what a field of one picture's own is called for the second."""
    return f"other_{name}"


def of_other(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what changes where something is changed of the second picture: its own fields, and those of both."""
    return {other(name) if name in OF_SIDE else name: value for name, value in values.items()}


_model = one_of("the model", tuple(MODELS))
_never = one_of("the place of never-active weights", NEVER_ACTIVE_PLACES)
_norms = one_of("the way to read BatchNorm", BATCHNORM)
_weight_scale = one_of("the scale of the weights", SCALES)
_maps = one_of("the order of the maps", MAP_ORDERS)
_detail = one_of("the detail", DETAILS)
_looked_at = criterion_or_none("curvature")
_robust = normalise("lab_robust")
_removed = within("the fraction removed", 0, 1)
_points = within("the points of accuracy lost", 0, 100)
_seeds = whole("the number of seeds", 1, MAX_SEEDS)
_samples = whole("samples per class", 1, MAX_SAMPLES_PER_CLASS)
_parts = matching("the layers", r"[\w.-]{1,200}(,[\w.-]{1,200}){0,399}|", "features.0.weight,fc.weight")
# A layer's number and a percentage.
_SHARE = r"\d{1,4}-(?:100|\d{1,2}(?:\.\d{1,2})?)"
_protected = matching("the protected layers", r"\d{1,4}(,\d{1,4})*|", "0,2")
_budgets = matching("the budgets of layers", rf"({_SHARE}(,{_SHARE}){{0,399}})?", "0-30,2-90")
_criteria = matching("the criteria", rf"{CRITERION_NAME}(,{CRITERION_NAME})*", "curvature,magnitude")
_flow = parsed_by(read_flow, "the flow", "all, own, image-3 or class-7")
_selected = parsed_by(read_selection, "the selection", "unit-1-7 or weight-42")
_group = parsed_by(read_group, "the group", "class-0, class-0+3 or image-4+17")
_count = whole("the number of bottlenecks", 0, 10**7)
_ticked = matching("the lessons that are done", r"[1-9]\d?(,[1-9]\d?){0,19}|", "1,3")
_edge = parsed_by(read_edge, "the edge", "1-20-7 (connection, source, target)")


@dataclass(frozen=True)
class ViewState:
    """Model, settings and pruning step that the pages show; every field can stand in a link under its name."""

    model: str = _row(DEFAULT_MODEL, _model, "its name, or that of one of the session's own")
    criterion: str = _row("curvature", one_of("the criterion", CRITERIA), "what the weights are ranked by")
    order: str = _row("redundant", one_of("the order", ORDERS), "which end goes first")
    scope: str = _row("global", one_of("the scope", SCOPES), "within what weights compete")
    never: str = _row(NEVER_ACTIVE_PLACES[0], _never, "where never-active weights go in orders by curvature")
    removed: float = _row(0.0, _removed, "fraction of the weights that is removed, in [0, 1]")
    hand: str = _row("", read_by_hand, "what is cut, held and scaled by hand: see ncviz.scene.surgery.steps")
    hand_name: str = _row("", read_name, "what its maker calls that")
    group: str = _row("", _group, "the classes or images whose own bottlenecks are lit, likewise")
    group_count: int = _row(0, _count, "how many of these, 0 for the usual share")
    scale: str = _row(
        SLIDER_SCALES[0], one_of("the slider's scale", SLIDER_SCALES), "scale of slider and curve"
    )
    layer: str = _row(
        ALL_LAYERS, layer_name, "layer whose edges are drawn, by its name or place; none for all"
    )
    edges: int = _row(DEFAULT_EDGE_CAP, nearest(EDGE_CAPS), "most edges to draw")
    samples: int = _row(1, int, "calibration images of each class")
    alpha: float = _row(0.9, float, "idleness")
    seed: int = _row(0, int, "draw of the calibration images")
    parts: str = _row("", _parts, "weights whose curvature is looked at, comma between; none for all")
    channels: int = _row(0, int, "most channels of a hidden layer that take part, 0 for all")
    batchnorm: str = _row(
        BATCHNORM[0], _norms, "own: BatchNorm is no part of the graph; folded: into its weights"
    )
    weight_scale: str = _row(
        SCALES[0], _weight_scale, "what weights are divided by in the graph: nothing, or their fan-in"
    )
    zoom: str = _row(ALL_LAYERS, layer_name, "layer of units that fills the picture, likewise")
    maps: str = _row(
        MAP_ORDERS[0], _maps, "by what the maps of a large layer are ordered, of which some are shown"
    )
    show: str = _row(VIEWS[0], one_of("the picture", VIEWS), "which picture of the network")
    detail: str = _row(DETAILS[0], _detail, "what is a node, or that weights have all positions")
    flow: str = _row("all", _flow, "what flows, and over which images κ is drawn: see ncviz.scene.selection")
    lines: str = _row(
        LINES[0], one_of("what lines show", LINES), "κ, or the flow |w · a| of the image that is chosen"
    )
    selected: str = _row("", _selected, "unit, channel, weight or kernel slice, likewise; none for nothing")
    edge: str = _row("", _edge, "the edge that is worked out, likewise")
    compare: bool = _row(False, flag, "whether a second picture stands beside the first")
    linked: bool = _row(False, flag, "whether both sliders move together")
    other_model: str = _row("", one_of("the other model", tuple(MODELS)), "its network, none for the same")
    other_criterion: str = _row("curvature", one_of("the other criterion", CRITERIA), "its criterion")
    other_order: str = _row("bottlenecks", one_of("the other order", ORDERS), "which end goes first there")
    other_removed: float = _row(0.0, _removed, "fraction of the weights that is removed there")
    other_hand: str = _row("", read_by_hand, "what is done by hand there")
    other_hand_name: str = _row("", read_name, "what its maker calls that")
    other_group: str = _row("", _group, "whose own bottlenecks are lit there")
    other_group_count: int = _row(0, _count, "how many of these, 0 for the usual share")
    present: bool = _row(
        False, flag, "whether the page stands on a stage: full screen, nothing beside the picture"
    )
    lesson: int = _row(0, whole("the lesson", 0, 99), "which lesson is on, 0 for none")
    hide: str = _row("", several_of("what is hidden", HIDEABLE), "what the pages leave out, comma between")
    graph: str = _row(DEFAULT_GRAPH, one_of("the graph", tuple(PRESETS)), "with which the Learn page begins")
    drawn: str = _row(
        "", _drawn, "what it has become, see ncviz.scene.small_graph.text; none for as it began"
    )
    ticked: str = _row("", _ticked, "numbers of the lessons that are done, comma between")
    idleness: float = _row(0.5, _idleness, "idleness there, where every value is computed at once")
    lab_criteria: str = _row(",".join(COMPARED), _criteria, "what the Pruning page compares, comma between")
    lab_seeds: int = _row(COMPARED_DRAWS, _seeds, "how many draws of the calibration images: seeds 0, 1, …")
    lab_samples: int = _row(1, _samples, "its calibration images of each class")
    lab_scope: str = _row(SCOPES[0], one_of("the scope", SCOPES), "within what weights compete there")
    lab_order: str = _row(ORDERS[0], one_of("the order", ORDERS), "which end goes first there")
    lab_never: str = _row(NEVER_ACTIVE_PLACES[0], _never, "where never-active weights go there")
    lab_repair: str = _row(
        REPAIRS[0], one_of("the repair", REPAIRS), "how it repairs what is left, if at all"
    )
    lab_protect: str = _row("", _protected, "numbers of the layers that lose no weight there, comma between")
    lab_budgets: str = _row(
        "", _budgets, "layers there and the largest percent of each that may go, such as 0-30,2-90"
    )
    lab_sparsity: float = _row(0.8, _removed, "fraction that is removed where it looks closer, in [0, 1]")
    lab_lost: float = _row(1.0, _points, "how many points of accuracy may be lost in its table")
    lab_axis: str = _row(AXES[0], one_of("the scale", AXES), "scale of the sparsity in its figure")
    lab_look: str = _row("", _looked_at, "criterion that it looks at alone, none for the first")
    lab_beside: str = _row("", criterion_or_none("magnitude"), "criterion beside that one, or none")
    lab_tab: str = _row(LAB_TABS[0], one_of("the tab", LAB_TABS), "which of its tabs is open")
    lab_tune: str = _row("", normalise("lab_tune"), "how it fine-tunes: see ncviz.ui.link.finetune_fields")
    lab_robust: str = _row("", _robust, "what happens to the network under Robustness, likewise")

    @property
    def config(self) -> CurvatureConfig:
        """Settings of the curvature that is looked at."""
        layers = tuple(self.parts.split(",")) if self.parts else ()
        return CurvatureConfig(
            self.alpha, self.samples, self.seed, layers, self.channels, self.batchnorm, self.weight_scale
        )

    def to_query(self) -> dict[str, str]:
        """Return the values that differ from the defaults, as a link carries them."""
        values = {row.name: getattr(self, row.name) for row in fields(self)}
        found = {
            row.name: _written(values[row.name]) for row in fields(self) if values[row.name] != row.default
        }
        for hand, *beside in (_TOLD_BY_HAND, map(other, _TOLD_BY_HAND)):
            if hand in found:
                found[hand] = link_text(found[hand])
            if found.get(hand) == IN_FILE:
                # What is removed with steps is another state without them.
                for name in beside:
                    found.pop(name, None)
        if not self.is_graph_in_link:
            del found["drawn"]
        return found

    @property
    def is_graph_in_link(self) -> bool:
        """Whether a link holds what has become of the Learn page's graph."""
        return len(self.drawn) <= LONGEST_LINK

    @property
    def is_whole_in_link(self) -> bool:
        """Whether a link holds all that is done by hand."""
        return IN_FILE not in (link_text(self.hand), link_text(self.other_hand))

    def hides(self, part: str) -> bool:
        """Whether the link takes this part off the pages; a stage holds none of them."""
        return self.present or part in self.hide.split(",")


def from_query(query: Mapping[str, str]) -> tuple[ViewState, list[str]]:
    """Read a link.

    Returns:
        The state, with defaults in place of what is missing or bad, and a sentence for each bad value.
    """
    state, problems = ViewState(), []
    for row in fields(ViewState):
        name = row.name
        if name not in query:
            continue
        try:
            changed = replace(state, **{name: row.metadata["read"](query[name])})
            _ = changed.config
        except (ValueError, OverflowError) as error:
            is_said = isinstance(error, NcvizError)
            reason = str(error) if is_said else f"'{query[name][:LONGEST]}' is no valid value."
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


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    # As many digits as tell one of a hundred million weights from the next.
    return f"{value:.9g}" if isinstance(value, float) else str(value)
