"""Which images the curvature looks at: the first correctly classified ones of each class."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from ncviz.devices import guard, resolve_device
from ncviz.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ncviz.data.datasets import Dataset

_BATCH = 32


def select_calibration(
    net: nn.Module, pool: Dataset, per_class: int, seed: int = 0, device: str = "cpu"
) -> Tensor:
    """Return the calibration images' indices in the pool, ordered by class.

    Args:
        net: The network, whose own right answers are taken.
        pool: Labelled images to choose from.
        per_class: How many of each class.
        seed: 0 goes through the pool in its own order; any other value shuffles it first.
        device: Where to classify.

    Returns:
        int64 [classes · per_class].

    Raises:
        DataError: If a class has fewer correctly classified images, naming it.
        DeviceError: If the device is missing or out of memory.
    """
    import torch

    order = torch.arange(len(pool))
    if seed:
        order = torch.randperm(len(pool), generator=torch.Generator().manual_seed(seed))
    where = resolve_device(device)
    chosen = []
    with guard(where):
        own = copy.deepcopy(net).eval().to(where)
    for index, name in enumerate(pool.classes):
        candidates = order[pool.labels[order] == index]
        found = candidates[:0]
        # No further than it takes: a large network would need minutes for a whole data set.
        for rows in candidates.split(max(_BATCH, 2 * per_class)):
            with guard(where), torch.inference_mode():
                is_right = own(pool.inputs[rows].to(where)).argmax(dim=1).cpu() == index
            found = torch.cat([found, rows[is_right]])[:per_class]
            if len(found) == per_class:
                break
        if len(found) < per_class:
            raise DataError(
                f"Class '{name}' has {len(found)} correctly classified images among {pool.description}, but "
                f"{per_class} are asked for; choose fewer samples per class, more images or a better network."
            )
        chosen.append(found)
    return torch.cat(chosen)
