"""Lines between nodes as typed arrays for the browser, and when each of their parameters is removed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ncviz.plots.network.header import ArrayEntry, OwnLines, RankedOrder
from ncviz.plots.network.lines import NetworkView
from ncviz.plots.network.ranks import ranked_orders

_MOST_SHORT = 65_535


@dataclass(frozen=True, eq=False)
class SelectionLines:
    """All lines of what is selected, as they travel beside a network that draws only some.

    Attributes:
        selection: What is selected, as links have it.
        total: How many lines it has; these may be the strongest of them.
        arrays: Of the lines, by name.
        orders: Which array holds the ranks of which order.
    """

    selection: str
    total: int
    arrays: Mapping[str, npt.NDArray[Any]]
    orders: list[RankedOrder]

    def placed(self, start: int) -> tuple[OwnLines, bytes]:
        """Return what a header says of them where their bytes begin at `start`, and the bytes."""
        body, index = join_arrays(self.arrays, start)
        told: OwnLines = {
            "selection": self.selection,
            "total": self.total,
            "orders": self.orders,
            "arrays": index,
            "digest": hashlib.blake2b(body, digest_size=12).hexdigest(),
        }
        return told, body


def node_type(view: NetworkView) -> type[np.unsignedinteger[Any]]:
    """The numbers that nodes travel as."""
    return np.uint16 if view.node_count <= _MOST_SHORT else np.uint32


def line_arrays(
    view: NetworkView,
    edges: npt.NDArray[np.int64],
    ranks: Mapping[str, npt.ArrayLike],
) -> tuple[dict[str, npt.NDArray[Any]], list[RankedOrder]]:
    """Return what the browser needs of some lines.

    Args:
        view: the network.
        edges: indices of the lines, in the order in which they are drawn.
        ranks: per pruning order, the place of each parameter in it: [N], 0 is removed first.

    Returns:
        The arrays by name, and of each order which array holds its ranks.
    """
    kind = node_type(view)
    arrays: dict[str, npt.NDArray[Any]] = {
        "source": view.source[edges].astype(kind),
        "target": view.target[edges].astype(kind),
        "curvature": view.curvature[edges].astype(np.float32),
        "weight": view.weight[edges].astype(np.float32),
        "parameter": view.parameter[edges].astype(np.uint32),
        "connection": view.connection[edges].astype(
            np.uint8 if len(view.connection_names) < 256 else np.uint16
        ),
    }
    parameter = view.parameter[edges]
    if view.members is not None:
        start, chosen = _spans(view.members.start, edges)
        parameter = view.members.parameter[chosen]
        arrays["start"] = start.astype(np.uint32)
        arrays["member"] = parameter.astype(np.uint32)
        arrays["memberCurvature"] = view.members.curvature[chosen].astype(np.float32)
        if view.members.weight is not None:
            arrays["memberWeight"] = view.members.weight[chosen].astype(np.float32)
    if view.factor is not None and (view.factor != 1).any():
        arrays["factor"] = view.factor[parameter].astype(np.float32)
    orders, ranked = ranked_orders(view.parameter_count, ranks)
    return arrays | {f"rank{number}": own[parameter] for number, own in enumerate(ranked)}, orders


def weights_behind(view: NetworkView, edges: npt.NDArray[np.int64]) -> npt.NDArray[np.integer[Any]]:
    """Return which weights stand behind some lines, those of each line beside each other."""
    if view.members is None:
        return view.parameter[edges]
    return view.members.parameter[_spans(view.members.start, edges)[1]]


def _spans(
    start: npt.NDArray[np.int32], drawn: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where the members of each drawn edge start among those of all drawn ones, and which they are."""
    size = (start[1:] - start[:-1])[drawn].astype(np.int64)
    new = np.concatenate([[0], np.cumsum(size)])
    return new, np.repeat(start[:-1][drawn] - new[:-1], size) + np.arange(new[-1])


def join_arrays(
    arrays: Mapping[str, npt.NDArray[Any]], start: int = 0
) -> tuple[bytes, dict[str, ArrayEntry]]:
    """All arrays as little-endian bytes, each starting at a multiple of eight, and where each is from `start` on."""
    parts: list[bytes] = []
    index: dict[str, ArrayEntry] = {}
    offset = 0
    for name, values in arrays.items():
        data = values.astype(values.dtype.newbyteorder("<")).tobytes()
        index[name] = {"dtype": values.dtype.name, "offset": start + offset, "length": int(values.size)}
        data += b"\0" * (-len(data) % 8)
        parts.append(data)
        offset += len(data)
    return b"".join(parts), index
