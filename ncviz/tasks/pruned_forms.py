"""A pruned network as PyTorch's own pruning keeps it, or its masks alone: the file, and the lines that load each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ncviz.models.network import Network

# With zeros in place of what is removed; weight_orig beside weight_mask; the masks alone.
FORMS = ("pruned", "reparametrised", "masks")


def form_file(
    network: Network, ranks: np.ndarray, removed: int, shapes: Mapping[str, tuple[int, ...]], form: str
) -> bytes:
    """Return the safetensors file of a network that loses the first of its ranks; of any form but the first."""
    from ncviz.pruning import export
    from ncviz.pruning.masks import masks_at

    write = export.masks_file if form == "masks" else export.reparametrised_file
    return write(network.module(), masks_at(ranks, removed, shapes))


def form_snippet(network: Network, file: str, shape: tuple[int, ...], form: str) -> str:
    """Return the lines of plain PyTorch that load a file for images of a shape (C, H, W)."""
    from ncviz.pruning import export

    if form == "masks":
        return export.masks_snippet(file, shape)
    write = export.pruned_snippet if form == "pruned" else export.reparametrised_snippet
    return write(network.module(), file, shape)
