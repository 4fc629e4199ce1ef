"""One pruned network repaired: the arrays that differ from the whole one's, as a task and as a module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ncviz.config import REPAIRS, PruningConfig
from ncviz.fingerprint import digest
from ncviz.jobs import JobKind
from ncviz.models.network import Network
from ncviz.tasks.comparison import Order, shapes_of
from ncviz.tasks.repair.repairing import repair_for, repair_key
from ncviz.tasks.task import Context, Task

if TYPE_CHECKING:
    from torch import nn

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Repaired(Task[Arrays]):
    """What a pruned and repaired network has in place of the whole one's arrays, removed weights zero.

    Attributes:
        network: The whole network.
        config: What it is pruned by, and how it is repaired.
        removed: How many weights are removed.
    """

    network: Network
    config: PruningConfig
    removed: int

    job: ClassVar[JobKind] = JobKind()
    most_known: ClassVar[int] = 12

    def key(self, context: Context) -> str:
        """Return what decides it."""
        order = Order(self.network, self.config).key(context)
        return digest("repaired", order, self.removed, *repair_key(self.network, self.config.repair, context))

    def run(self, context: Context) -> Arrays:
        """Prune and repair.

        Raises:
            NcvizError: In one sentence, whatever the user can mend.
            CancelledError: If the context's ``cancel`` was set.
        """
        ranks = context.part(0.0, 0.2).run(Order(self.network, self.config)).result
        return repaired_arrays(
            self.network, self.config.repair, ranks, self.removed, context.part(0.2, 1.0, "repairing")
        )


def repaired_arrays(network: Network, way: str, ranks: np.ndarray, removed: int, context: Context) -> Arrays:
    """Return the arrays of a network that was pruned and repaired which differ from its own; {} without a repair.

    Args:
        network: The whole network.
        way: A name in ``REPAIRS``.
        ranks: int [N], when each weight is removed.
        removed: How many are removed.
        context: Where and how.
    """
    from ncviz.pruning.masks import masks_at

    repair, rest = repair_for(network, way, context)
    if repair is None:
        return {}
    masks = masks_at(ranks, removed, shapes_of(network))
    (found,) = repair(iter([masks]), lambda fraction: rest.say(fraction))
    return {
        name: values.numpy().astype(network.arrays[name].dtype).reshape(network.arrays[name].shape)
        for name, values in found.items()
    }


def changed_module(network: Network, arrays: Arrays) -> nn.Module:
    """Return the network as a module, some of its arrays changed."""
    import torch

    from ncviz.pruning.masks import with_tensors

    return with_tensors(
        network.module(), {name: torch.from_numpy(np.array(values)) for name, values in arrays.items()}
    )


def is_repaired(config: PruningConfig) -> bool:
    """Whether there is a repair."""
    return config.repair != REPAIRS[0]
