"""A network ready to be repaired under any masks, on training images alone, and what a result's key says of that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ncviz.config import REPAIRS
from ncviz.data.predicted_labels import labels_for
from ncviz.errors import DataError
from ncviz.limits import LIMITS
from ncviz.models.network import Network
from ncviz.tasks.task import Context

if TYPE_CHECKING:
    from torch import Tensor

    from ncviz.data.datasets import Dataset
    from ncviz.pruning.repair.repairer import Repairer

# Raised whenever a change could alter a repaired network.
REPAIR_VERSION = 1
# Of a repaired curve's time, what all its points share.
_PREPARED = 0.1


def repair_key(network: Network, way: str, context: Context) -> list[Any]:
    """Return what a key says of a repair: nothing where there is none, so that what was kept before stays good."""
    if way == REPAIRS[0]:
        return []
    found = ["repair", REPAIR_VERSION, way, context.fingerprint(network, "train"), LIMITS.repair_images]
    # The memory decides into what blocks the Fisher matrix falls; elsewhere it changes nothing that is found.
    return [*found, LIMITS.repair_bytes] if way == "fisher" else found


def repair_rows(pool: Dataset) -> Tensor:
    """Return the numbers of the images that a repair looks at, int64 [n], growing: drawn once and for all.

    Raises:
        DataError: If these are not training images.
    """
    import torch

    if pool.split != "train":
        raise DataError(f"A repair looks at training images alone, got {pool.description}.")
    drawn = torch.randperm(len(pool), generator=torch.Generator().manual_seed(0))
    return drawn[: LIMITS.repair_images].sort().values


def repair_words(network: Network, context: Context) -> str:
    """Return on what a network is repaired, such as "1,000 of all 60,000 MNIST train images"."""
    pool = context.images(network, "train")
    whole, most = pool.description, LIMITS.repair_images
    return whole if len(pool) <= most else f"{most:,} of {whole}"


def repairer(network: Network, way: str, context: Context) -> Repairer:
    """Return the network ready to be repaired; the last stays in the context."""
    from ncviz.pruning.repair.repairer import Repairer

    def make() -> Repairer:
        pool, net = context.images(network, "train"), network.module()
        rows = repair_rows(pool)
        labels = labels_for(net, pool, context.device, rows)
        return Repairer(
            net,
            pool.inputs[rows],
            labels,
            way,
            device=context.device,
            say=lambda fraction: context.say(fraction, "preparing the repair"),
        )

    key = network.fingerprint, way, context.device, context.fingerprint(network, "train")
    return context.share("repairer", key, make)


def repair_for(
    network: Network, way: str, context: Context
) -> tuple[
    Callable[[Iterable[Mapping[str, Tensor]], Callable[[float], None]], Iterator[Mapping[str, Tensor]]]
    | None,
    Context,
]:
    """Return what repairs the network at each point of a curve, None without a repair, and the context of the rest."""
    if way == REPAIRS[0]:
        return None, context
    found = repairer(network, way, context.part(0.0, _PREPARED))
    return found.under, context.part(_PREPARED, 1.0)
