"""WoodFisher: what removing a weight costs once all others have made up for it."""

from __future__ import annotations

import torch
from torch import Tensor

from ncviz.limits import LIMITS
from ncviz.pruning.criteria.given import ScoreInputs, labelled_images, own_weights
from ncviz.pruning.empirical_fisher import block_gradients, inverse_diagonal, split_blocks

# The authors' own.
DAMPING = 1e-5
_BYTES = 8


def woodfisher(given: ScoreInputs) -> dict[str, Tensor]:
    """w² / (2 [F⁻¹]_ww), F the empirical Fisher matrix of all weights and 1e-5 on its diagonal.

    Optimal brain surgeon's saliency (Hassibi, Stork, NeurIPS 1992) as WoodFisher computes it: Singh, Alistarh,
    NeurIPS 2020, arXiv 2004.14340, eq. 4 and 9. Where the gradients of all images do not fit into
    ``LIMITS.repair_bytes``, F is taken to be block-diagonal, as theirs is: as many layers as fit, or a part of one, are
    a block. The ranking alone; ``compensate`` updates what is kept.
    """
    inputs, labels = labelled_images(given, "woodfisher")
    net, weights = own_weights(given)
    sizes = {name: weight.numel() for name, weight in weights.items()}
    most = max(1, LIMITS.repair_bytes // (_BYTES * len(inputs)))
    diagonal = torch.cat(
        [
            inverse_diagonal(block_gradients(net, block, inputs.double(), labels), DAMPING)
            for block in split_blocks(sizes, most)
        ]
    )
    flat = torch.cat([weight.detach().reshape(-1) for weight in weights.values()])
    parts = (flat**2 / (2 * diagonal)).split(list(sizes.values()))
    return {name: part.reshape(weights[name].shape) for name, part in zip(weights, parts, strict=True)}
