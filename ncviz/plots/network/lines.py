"""A network as plain arrays, ready to be drawn: which lines are shown, and in which order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from ncviz.plots.network.cells import shares
from ncviz.plots.network.layout import units
from ncviz.plots.palette import USUAL, Scale
from ncviz.values import NEVER_ACTIVE

IntArray = npt.NDArray[np.int32]
FloatArray = npt.NDArray[np.float32]

# Lines of a link say that layers are joined, and need no more.
_LINES_PER_LINK = 48


@dataclass(frozen=True, eq=False)
class Members:
    """The parameters behind each line of a picture, where a line may stand for several: a whole kernel slice.

    Line e stands for the members `start[e]` … `start[e + 1]`, in the order of their places in the weight.
    """

    start: IntArray  # [E + 1]
    parameter: IntArray  # [M] in the flat list of all parameters
    curvature: FloatArray  # [M]
    weight: FloatArray | None = None  # [M]


@dataclass(frozen=True, eq=False)
class Links:
    """What joins layers without weights, a line for each pair of nodes; it has no curvature and is never removed.

    Line e leads from node `source[e]` to `target[e]` and is part of the link `link[e]`, called `names[link[e]]`, of the
    kind "skip", "pool", "scale" or "product"; that link stands for `edges[link[e]]` pairs of units. What an attention
    joins is weighed, on each image, by how active node `weigher[e]` is; that is -1 where nothing is known of it.
    """

    source: IntArray  # [M] node index over all layers
    target: IntArray  # [M]
    link: IntArray  # [M]
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    edges: tuple[int, ...]
    weigher: IntArray | None = None  # [M]; None where no image weighs any


@dataclass(frozen=True)
class TokenMap:
    """How a layer's tokens are drawn as a map: [rows, columns] cells, some of which may be empty.

    Tokens that are no part of the image lie in the first row, above an empty one.
    """

    rows: int
    columns: int
    image: tuple[int, int, int, int]  # top, left, rows and columns of the image in it
    cells: tuple[int, ...]  # [tokens], in which cell each is, counted row by row
    apart: Mapping[int, str]  # names of those that are no part of the image, by token

    def words(self, token: int) -> str:
        """What a token is called: its name, or its row and column."""
        if token in self.apart:
            return self.apart[token]
        row, column = divmod(self.cells[token], self.columns)
        return f"row {row - self.image[0]}, column {column - self.image[1]}"

    def plane(self, values: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Values of the tokens, [tokens], as they are drawn, [rows, columns]; 0 where there is none."""
        found = np.zeros(self.rows * self.columns, dtype=values.dtype)
        found[list(self.cells)] = values
        return found.reshape(self.rows, self.columns)

    @property
    def subtitle(self) -> str:
        """Its size in words: `7×7 + 1`."""
        size = f"{self.image[2]}×{self.image[3]}"
        return f"{size} + {len(self.apart)}" if self.apart else size


@dataclass(frozen=True)
class Block:
    """Layers that follow each other and belong together."""

    forms: tuple[str, ...]  # its name, and what it is called where there is less room, longest first
    first: int
    end: int  # the layer after its last


@dataclass(frozen=True)
class NetworkView:
    """Layers, nodes and edges of one network; a node is named by its index over all layers.

    A node is a unit, or a whole feature map where its layer is `grouped`. An edge belongs to the prunable parameter at
    `parameter[e]` of the flat list of all of them, and to the weight layer `connection[e]`, named in
    `connection_names`. In a convolution several edges share a parameter, if every position is drawn; and where feature
    maps are nodes, an edge is a slice of the kernel: it has `members`, and shows the one of least curvature. Of
    `unmeasured` parameters there is no curvature and so no edge; nodes that are `left_out` took no part in it. Weights
    are those of the network as it came; where they are scaled by hand, `weight_of` multiplies them by their `factor`.
    The `note` says what is unusual about the curvature and stands in every picture's caption; `scale` says what its
    colours mean.
    """

    layer_names: tuple[str, ...]
    layer_shapes: tuple[tuple[int, ...], ...]
    classes: tuple[str, ...]
    source: IntArray  # [E] node index over all layers
    target: IntArray  # [E]
    curvature: FloatArray  # [E]
    weight: FloatArray  # [E]
    parameter: IntArray  # [E] in 0 … parameter_count − 1
    connection: IntArray  # [E] in 0 … len(connection_names) − 1
    connection_names: tuple[str, ...]
    parameter_count: int
    grouped: tuple[bool, ...] = ()  # per layer; () for none
    members: Members | None = None
    links: Links | None = None
    unmeasured: int = 0
    note: str = ""
    scale: Scale = USUAL
    factor: FloatArray | None = None  # [parameter_count] what each is multiplied by, by hand
    left_out: npt.NDArray[np.bool_] | None = None  # [N] per node
    has_ways: bool = False  # whether 1 − κ is how far mass goes: where the idleness is at least 1/2
    has_middles: bool = False  # whether the curvature is the middle of an interval around each κ
    maps: tuple[TokenMap | None, ...] = ()  # per layer how its tokens are drawn as a map; () for none
    blocks: tuple[Block, ...] = ()

    def __post_init__(self) -> None:
        edges = len(self.source)
        for name in ("target", "curvature", "weight", "parameter", "connection"):
            if len(getattr(self, name)) != edges:
                raise ValueError(f"expected {edges} values in {name}, got {len(getattr(self, name))}")
        if len(self.layer_names) != len(self.layer_shapes):
            raise ValueError(
                f"expected one name per layer, got {len(self.layer_names)} for {len(self.layer_shapes)}"
            )
        if self.left_out is not None and len(self.left_out) != self.node_count:
            raise ValueError(f"expected {self.node_count} values in left_out, got {len(self.left_out)}")
        if self.links is not None and len(self.links.source):
            ends = np.concatenate([self.links.source, self.links.target])
            if int(ends.min()) < 0 or int(ends.max()) >= self.node_count:
                raise ValueError(
                    f"expected links in 0 … {self.node_count - 1}, got {ends.min()} … {ends.max()}"
                )
        if self.members is not None and len(self.members.start) != edges + 1:
            raise ValueError(f"expected {edges + 1} starts of members, got {len(self.members.start)}")
        bounds = {
            "source": self.node_count,
            "target": self.node_count,
            "parameter": self.parameter_count,
            "connection": len(self.connection_names),
        }
        for name, bound in bounds.items():
            values = getattr(self, name)
            if edges and (int(values.min()) < 0 or int(values.max()) >= bound):
                raise ValueError(f"expected {name} in 0 … {bound - 1}, got {values.min()} … {values.max()}")

    def is_grouped(self, layer: int) -> bool:
        """Whether each feature map of a layer is one node."""
        return bool(self.grouped) and self.grouped[layer]

    def map_of(self, layer: int) -> TokenMap | None:
        """How a layer's tokens are drawn as a map; None where they are drawn as they are."""
        return self.maps[layer] if self.maps else None

    def weight_of(self, weight: FloatArray, parameter: IntArray) -> FloatArray:
        """Some weights as they are after what was done by hand, given what they were and their parameters."""
        return weight if self.factor is None else weight * self.factor[parameter]

    @property
    def layer_offsets(self) -> tuple[int, ...]:
        """Index of each layer's first node, and the number of nodes at the end: [L + 1]."""
        sizes = (
            units(shape[:-2]) if self.is_grouped(layer) else units(shape)
            for layer, shape in enumerate(self.layer_shapes)
        )
        return tuple(accumulate(sizes, initial=0))

    @property
    def node_count(self) -> int:
        """Nodes of all layers together."""
        return self.layer_offsets[-1]

    @property
    def edge_count(self) -> int:
        """Edges of all connections together, drawn or not."""
        return len(self.source)


def edges_of(view: NetworkView, connection: int | None) -> npt.NDArray[np.int64]:
    """Indices of the edges of one connection, or of all."""
    if connection is None:
        return np.arange(view.edge_count, dtype=np.int64)
    return np.flatnonzero(view.connection == connection).astype(np.int64)


def some_links(links: Links, among: npt.ArrayLike | None = None) -> npt.NDArray[np.int64]:
    """Choose lines of each link, evenly through those of a large one.

    Args:
        links: the links.
        among: only lines between these nodes.

    Returns:
        Indices into the lines of `links`.
    """
    own = np.ones(len(links.source), dtype=np.bool_)
    if among is not None:
        own = np.isin(links.source, among) & np.isin(links.target, among)
    found = [np.flatnonzero(own & (links.link == number)) for number in range(len(links.names))]
    even = [
        lines[np.linspace(0, lines.size - 1, min(lines.size, _LINES_PER_LINK)).astype(np.int64)]
        for lines in found
    ]
    return np.concatenate([np.empty(0, np.int64), *even])


def strength(curvature: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """How much an edge stands out: |κ|, but nothing for one that was never active.

    Such an edge carries 2, the upper bound, as a mark rather than a measurement.
    """
    values = np.asarray(curvature, dtype=np.float64)
    return np.where(values >= NEVER_ACTIVE, 0.0, np.abs(values))


def drawn_edges(
    view: NetworkView,
    limit: int,
    connection: int | None = None,
    anyway: npt.NDArray[np.int64] | None = None,
    among: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.int64]:
    """Choose at most `limit` edges, and the order in which to draw them.

    The strongest alone would be one sign of one layer in a large network, and would show nothing of its pruning. So
    every weight layer gets an equal share, what it does not need goes to the others; half of a share are its
    strongest edges, equally many of either sign, the other half an even sample of all its curvatures.

    Edges without a finite curvature are left out. Ties go to the lower index, so the choice never flickers. The
    order runs from weak to strong within each sign, and mixes the signs evenly: whichever sign is the weaker, half
    of it is on top of half of the other, and the strongest edges of both come last.

    Args:
        view: the network.
        limit: the most edges to return.
        connection: only edges of this weight layer.
        anyway: edges that are drawn beyond the limit and to any node, as far as they are of this weight layer.
        among: only edges between these nodes, bool [N].

    Returns:
        Indices into the edges of `view`: [≤ limit, and those that are drawn anyway].
    """
    candidates = edges_of(view, connection)
    candidates = candidates[np.isfinite(view.curvature[candidates])]
    whole = candidates
    if among is not None:
        candidates = candidates[among[view.source[candidates]] & among[view.target[candidates]]]
    layer = view.connection[candidates]
    groups = [candidates[layer == c] for c in range(len(view.connection_names))]
    limits = shares([group.size for group in groups], max(limit, 0))
    parts = [_of_layer(view.curvature, group, share) for group, share in zip(groups, limits, strict=True)]
    chosen = np.concatenate(parts) if parts else candidates
    if anyway is not None:
        chosen = np.union1d(chosen, np.intersect1d(anyway, whole))
    return chosen[np.lexsort((chosen, _interleaved(view.curvature[chosen])))]


def _of_layer(curvature: FloatArray, group: npt.NDArray[np.int64], share: int) -> npt.NDArray[np.int64]:
    """Half of the share the strongest of either sign, the other half evenly through the curvatures."""
    if share >= group.size:
        return group
    own = curvature[group]
    order = in_order(-strength(own))
    strongest = _from_both_ends(order, own[order] < 0, share // 2)
    is_rest = np.ones(group.size, dtype=np.bool_)
    is_rest[strongest] = False
    rest = np.flatnonzero(is_rest)
    by_curvature = rest[in_order(own[rest])]
    even = np.linspace(0, rest.size - 1, share - strongest.size).round().astype(np.int64)
    return group[np.concatenate([strongest, by_curvature[even]])]


def in_order(values: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Indices that sort values in single precision, ties by index: a stable argsort, ten times faster for millions."""
    # Value and index as one whole number: its bits sort like the value once the sign is turned about.
    bits = (np.asarray(values, dtype=np.float32) + np.float32(0)).view(np.uint32)
    keys = np.where(bits >> 31, ~bits, bits | np.uint32(2**31)).astype(np.uint64) << np.uint64(32)
    keys |= np.arange(keys.size, dtype=np.uint64)
    return (np.sort(keys) & np.uint64(2**32 - 1)).astype(np.int64)


def _from_both_ends(
    ordered: npt.NDArray[np.int64], is_negative: npt.NDArray[np.bool_], limit: int
) -> npt.NDArray[np.int64]:
    """The first of either sign in `ordered`, half of `limit` each if there are enough of both."""
    negative, positive = ordered[is_negative], ordered[~is_negative]
    half = limit // 2
    count = min(negative.size, max(half, limit - positive.size))
    return np.concatenate([negative[:count], positive[: limit - count]])


def _interleaved(curvature: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Draw position in (0, 1): the rank by strength among edges of the same sign, in shares of that sign."""
    values = np.asarray(curvature, dtype=np.float64)
    position = np.empty(values.size)
    for side in (values < 0, values >= 0):
        count = int(side.sum())
        rank = np.empty(count)
        rank[in_order(strength(values[side]))] = np.arange(count)
        position[side] = (rank + 0.5) / max(count, 1)
    return position


def layer_subtitle(shape: Sequence[int], tokens: TokenMap | None = None) -> str:
    """The size of a layer in words: `28×28`, `6 × 12×12`, `120 units`, `64 × (7×7 + 1)`."""
    if tokens is not None:
        return (
            f"{units(shape[:-2])} × ({tokens.subtitle})"
            if tokens.apart
            else f"{units(shape[:-2])} × {tokens.subtitle}"
        )
    if units(shape) == max(shape, default=1):
        return f"{units(shape)} units"
    space = shape[-1:] if len(shape) == 3 and shape[-2] == 1 else shape[-2:]
    sizes = "×".join(str(size) for size in space)
    return sizes if units(shape[:-2]) == 1 else f"{units(shape[:-2])} × {sizes}"
