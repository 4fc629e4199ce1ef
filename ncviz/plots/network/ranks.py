"""What a browser needs to prune by itself: when each weight goes, and what the network does to an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ncviz.plots.network.header import FlowProgram, RankedOrder


@dataclass(frozen=True, eq=False)
class Forward:
    """What a network does to one image.

    Attributes:
        program: Its operations.
        values: The numbers that they read, float32.
        factor: What each ranked weight is multiplied by where it is kept, float32 [N]; None where all are as they were.
    """

    program: FlowProgram
    values: npt.NDArray[np.float32]
    factor: npt.NDArray[np.float32] | None = None


def ranked_orders(
    parameters: int, ranks: Mapping[str, npt.ArrayLike]
) -> tuple[list[RankedOrder], list[npt.NDArray[Any]]]:
    """Return which array holds the ranks of each order, and the arrays: mirror images share one.

    Args:
        parameters: How many weights are ranked.
        ranks: Per order the place of each weight in it, [N].

    Raises:
        ValueError: If an order ranks another number of weights.
    """
    orders: list[RankedOrder] = []
    kept: list[npt.NDArray[np.int64]] = []
    for order, values in ranks.items():
        rank = np.asarray(values)
        if rank.shape != (parameters,):
            raise ValueError(f"expected {parameters} ranks for {order!r}, got shape {rank.shape}")
        # The two ends of one criterion are each other's mirror image, and one of them is enough.
        mirrored = next(
            (at for at, known in enumerate(kept) if np.array_equal(known, parameters - 1 - rank)), None
        )
        number = len(kept) if mirrored is None else mirrored
        orders.append({"key": order, "rank": number, "mirrored": mirrored is not None})
        if mirrored is None:
            kept.append(rank)
    kind = np.uint16 if parameters <= np.iinfo(np.uint16).max else np.uint32
    return orders, [own.astype(kind) for own in kept]
