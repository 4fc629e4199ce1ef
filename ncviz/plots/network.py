"""A network as plain arrays, ready to be drawn: which edges are shown, and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from ncviz.plots.layout import units

IntArray = npt.NDArray[np.int32]
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class NetworkView:
    """Layers, units and edges of one network; a unit is named by its index over all layers.

    An edge belongs to the prunable parameter at `parameter[e]` of the flat list of all of them, and to the weight
    layer `connection[e]`, named in `connection_names`. In a convolution several edges share a parameter.
    """

    layer_names: tuple[str, ...]
    layer_shapes: tuple[tuple[int, ...], ...]
    classes: tuple[str, ...]
    source: IntArray  # [E] unit index over all layers
    target: IntArray  # [E]
    curvature: FloatArray  # [E]
    weight: FloatArray  # [E]
    parameter: IntArray  # [E] in 0 … parameter_count − 1
    connection: IntArray  # [E] in 0 … len(connection_names) − 1
    connection_names: tuple[str, ...]
    parameter_count: int

    def __post_init__(self) -> None:
        edges = len(self.source)
        for name in ("target", "curvature", "weight", "parameter", "connection"):
            if len(getattr(self, name)) != edges:
                raise ValueError(f"expected {edges} values in {name}, got {len(getattr(self, name))}")
        if len(self.layer_names) != len(self.layer_shapes):
            raise ValueError(
                f"expected one name per layer, got {len(self.layer_names)} for {len(self.layer_shapes)}"
            )
        bounds = {
            "source": self.unit_count,
            "target": self.unit_count,
            "parameter": self.parameter_count,
            "connection": len(self.connection_names),
        }
        for name, bound in bounds.items():
            values = getattr(self, name)
            if edges and (int(values.min()) < 0 or int(values.max()) >= bound):
                raise ValueError(f"expected {name} in 0 … {bound - 1}, got {values.min()} … {values.max()}")

    @property
    def layer_offsets(self) -> tuple[int, ...]:
        """Index of each layer's first unit, and the number of units at the end: [L + 1]."""
        return tuple(accumulate((units(shape) for shape in self.layer_shapes), initial=0))

    @property
    def unit_count(self) -> int:
        """Units of all layers together."""
        return sum(units(shape) for shape in self.layer_shapes)

    @property
    def edge_count(self) -> int:
        """Edges of all connections together, drawn or not."""
        return len(self.source)


def edges_of(view: NetworkView, connection: int | None) -> npt.NDArray[np.int64]:
    """Indices of the edges of one connection, or of all."""
    if connection is None:
        return np.arange(view.edge_count, dtype=np.int64)
    return np.flatnonzero(view.connection == connection).astype(np.int64)


def strongest(
    view: NetworkView, limit: int, connection: int | None = None, *, both_ends: bool = False
) -> npt.NDArray[np.int64]:
    """The at most `limit` edges of largest |κ|, in the order in which to draw them.

    Edges without a finite curvature are left out. Ties go to the lower index, so the choice never flickers. The
    order runs from weak to strong within each sign, and mixes the signs evenly: whichever sign is the weaker, half
    of it is on top of half of the other, and the strongest edges of both come last.

    Args:
        view: the network.
        limit: the most edges to return.
        connection: only edges of this weight layer.
        both_ends: share the limit evenly between the signs; what one sign does not need goes to the other. In a
            large network the strongest edges are nearly all bottlenecks, and a picture of these alone shows
            neither the redundant end nor anything of its pruning.

    Returns:
        Indices into the edges of `view`: [≤ limit].
    """
    candidates = edges_of(view, connection)
    candidates = candidates[np.isfinite(view.curvature[candidates])]
    strength = np.abs(view.curvature[candidates])
    ordered = candidates[np.lexsort((candidates, -strength))]
    chosen = (
        _from_both_ends(ordered, view.curvature[ordered] < 0, limit)
        if both_ends
        else ordered[: max(limit, 0)]
    )
    return chosen[np.lexsort((chosen, _interleaved(view.curvature[chosen])))]


def _from_both_ends(
    ordered: npt.NDArray[np.int64], is_negative: npt.NDArray[np.bool_], limit: int
) -> npt.NDArray[np.int64]:
    """The first of either sign in `ordered`, half of `limit` each if there are enough of both."""
    negative, positive = ordered[is_negative], ordered[~is_negative]
    half = max(limit, 0) // 2
    count = min(negative.size, max(half, max(limit, 0) - positive.size))
    return np.concatenate([negative[:count], positive[: max(limit, 0) - count]])


def _interleaved(curvature: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Draw position in (0, 1): the rank of |κ| among edges of the same sign, in shares of that sign."""
    values = np.asarray(curvature, dtype=np.float64)
    position = np.empty(values.size)
    for side in (values < 0, values >= 0):
        count = int(side.sum())
        rank = np.empty(count)
        rank[np.argsort(np.abs(values[side]), kind="stable")] = np.arange(count)
        position[side] = (rank + 0.5) / max(count, 1)
    return position


def caption(shown: int, total: int, kept: int, connection_name: str | None = None) -> str:
    """The words that go with every picture of a network: what it leaves out."""
    where = f" in {connection_name}" if connection_name else ""
    return f"showing {shown:,} of {total:,} edges{where} · {kept:,} kept"


def layer_subtitle(shape: Sequence[int]) -> str:
    """The size of a layer in words: `28×28`, `6 × 12×12`, `120 units`."""
    if units(shape) == max(shape, default=1):
        return f"{units(shape)} units"
    sizes = "×".join(str(size) for size in shape[-2:])
    return sizes if units(shape[:-2]) == 1 else f"{units(shape[:-2])} × {sizes}"
