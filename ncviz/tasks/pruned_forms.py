"""A pruned network as PyTorch's own pruning keeps it, or its masks alone: the file, and the lines that load each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ncviz.models.network import Network
from ncviz.pruning.snippets import PRODUCTS, WITH_MASKS
from ncviz.tasks.pruning import NOTHING
from ncviz.tasks.repair.network import changed_module

# With zeros in place of what is removed; weight_orig beside weight_mask; the masks alone.
FORMS = ("pruned", "reparametrised", "masks")
# What loads the second into a network that is there, whatever it is.
MASKED_LINES = f"{WITH_MASKS}{PRODUCTS}"


def form_file(
    network: Network,
    ranks: np.ndarray,
    removed: int,
    shapes: Mapping[str, tuple[int, ...]],
    form: str,
    repaired: Mapping[str, np.ndarray] = NOTHING,
) -> bytes:
    """Return the safetensors file of a network that loses the first of its ranks; of any form but the first.

    Args:
        network: The network.
        ranks: int [N], the removal order.
        removed: How many weights are removed.
        shapes: Name and shape of each ranked weight.
        form: A name in ``FORMS``.
        repaired: What the repaired network has in place of the whole one's arrays; weights that are removed keep what
            they were.
    """
    from ncviz.pruning import export
    from ncviz.pruning.masks import masks_at

    masks = masks_at(ranks, removed, shapes)
    if form == "masks":
        return export.masks_file(network.module(), masks)
    arrays = {
        name: np.where(masks[name].numpy(), values, network.arrays[name]) if name in masks else values
        for name, values in repaired.items()
    }
    return export.reparametrised_file(changed_module(network, arrays), masks)


def form_snippet(network: Network, file: str, shape: tuple[int, ...], form: str) -> str:
    """Return the lines that load a file for images of a shape (C, H, W), of plain PyTorch where that can build it."""
    from ncviz.pruning import export

    if form == "masks":
        return export.masks_snippet(file, shape)
    write = export.pruned_snippet if form == "pruned" else export.reparametrised_snippet
    return write(network.module(), file, shape, network.name if network.is_bundled else "")
