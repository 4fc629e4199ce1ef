"""The header of a network's message to the browser, field by field; its scripts' types are tested against these."""

from __future__ import annotations

from typing import Any, TypedDict

from ncviz.plots.palette import Theme


class Tokens(TypedDict):
    """How a layer's tokens are drawn as a map, which of its cells each is, and what they are called."""

    rows: int
    columns: int
    cells: list[int]
    words: list[str]


class Layer(TypedDict):
    """A layer of units, or of feature maps where those are drawn as one node each."""

    name: str
    subtitle: str
    shape: list[int]
    grouped: bool
    tokens: Tokens | None


class Link(TypedDict):
    """What joins two layers without weights, and how many pairs of units it joins."""

    name: str
    kind: str
    edges: int


class Block(TypedDict):
    """Layers that belong together, up to the one before ``end``: what they are called, longest first, and mean κ."""

    forms: list[str]
    first: int
    end: int
    mean: float | None


class RankedOrder(TypedDict):
    """A pruning order and the array of its ranks, which a mirrored one counts from behind."""

    key: str
    rank: int
    mirrored: bool


class Tick(TypedDict):
    """A value of the scale: its share of the way to its end, -1 … 1, and what is written there."""

    share: float
    words: str


class Scale(TypedDict):
    """The scale of colours: its ends, what counts as never active, values to write, names of the ends."""

    low: float
    high: float
    never: float
    ticks: list[Tick]
    names: list[str]


class LayoutHeader(TypedDict):
    """One layout without its coordinates; label anchors as shares of the box."""

    width: float
    height: float
    portrait: bool
    radius: list[float]
    labels: list[list[float]]


class ArrayEntry(TypedDict):
    """Where an array's bytes are."""

    dtype: str
    offset: int
    length: int


class Spread(TypedDict):
    """How κ is spread over the weights of a connection: of how many, how many of them are active, some of their values.

    The bars count the active ones in equal steps of the colours' scale, from its red end to its blue one. The inputs
    are those of one unit: the weights behind it.
    """

    inputs: int
    weights: int
    active: int
    low: float
    median: float
    high: float
    negative: int
    bars: list[int]


class OwnLines(TypedDict):
    """All lines of what is selected, drawn above the others: how many there are, and where they are packed."""

    selection: str
    total: int
    orders: list[RankedOrder]
    arrays: dict[str, ArrayEntry]
    digest: str


class CloseupHeader(TypedDict):
    """The layer that fills the picture, -1 for all; by what maps are ordered, of which orders; how many are shown."""

    layer: int
    by: str
    orders: dict[str, str]
    shown: list[int]


class Sight(TypedDict):
    """Another closeup that can be looked at; its places are the arrays that begin with its name."""

    name: str
    closeup: CloseupHeader
    layouts: list[LayoutHeader]


class Roomy(TypedDict):
    """From how many layers on a picture is longer than its frame, and the pixels from layer to layer there."""

    layers: int
    portrait: int
    landscape: int


class FlowTensor(TypedDict):
    """One of the forward's parameters: where its values start among all, and where its ranks do, if it is ranked."""

    name: str
    start: int
    size: int
    ranked: int | None


class FlowProgram(TypedDict):
    """What the forward does to one image; its operations are those of ``ncviz.graph.forward.program``."""

    operations: list[dict[str, Any]]
    layers: list[int]
    tensors: list[FlowTensor]


class Header(TypedDict):
    """Everything about a network but its arrays."""

    layers: list[Layer]
    means: list[float | None]
    blocks: list[Block]
    offsets: list[int]
    classes: list[str]
    connections: list[str]
    spreads: list[Spread]
    links: list[Link]
    parameters: int
    unmeasured: int
    note: str
    ways: bool
    middles: bool
    lines: str
    orders: list[RankedOrder]
    drawn: int
    total: int
    filter: str | None
    ramps: dict[Theme, list[str]]
    scale: Scale
    grid: int
    roomy: Roomy
    program: FlowProgram | None
    layouts: list[LayoutHeader]
    closeup: CloseupHeader
    sights: list[Sight]
    arrays: dict[str, ArrayEntry]
    digest: str
