"""All kept weights at once, by the inverse of the empirical Fisher matrix: WoodFisher's update for any mask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import torch
from torch import Tensor, nn

from ncviz.limits import LIMITS
from ncviz.pruning.empirical_fisher import Block, block_gradients, split_blocks
from ncviz.pruning.repair.walk import Say

# λ as a fraction of the mean of the Fisher matrix' diagonal.
DAMPING = 1e-4
_BYTES = 4


class JointUpdate:
    """Updates what is kept by what was lost, from gradients at the whole network's weights.

    With F = (1/n) Σ g gᵀ + λ I over the gradients g of n images' losses, weights R removed and K kept, the quadratic
    model ½ δᵀFδ of the loss is least at F_KK δ_K = −F_KR δ_R, which is WoodFisher's update (Singh, Alistarh, NeurIPS
    2020, arXiv 2004.14340) for all removed weights at once. By the Woodbury identity that takes a system of n
    equations: δ_K = −G_Kᵀ (G_K G_Kᵀ + n λ I)⁻¹ G_R δ_R, with a row of G for each image.

    Where all gradients fit into memory F is one block; else it is block-diagonal: as many tensors as fit, or a part of
    one, are a block, whose gradients are computed again each time.

    Args:
        net: The whole network, in eval mode.
        inputs: [n, *input shape].
        labels: int64 [n].
        names: Parameters that take part, in the order of what ``updates`` is given.
        damping: λ as a fraction of the mean of F's diagonal in a block.
        say: Called with the fraction done of the gradients that are kept; may raise to stop.
    """

    def __init__(
        self,
        net: nn.Module,
        inputs: Tensor,
        labels: Tensor,
        names: Sequence[str],
        damping: float = DAMPING,
        say: Say | None = None,
    ) -> None:
        self._net, self._inputs, self._labels, self._damping = net, inputs, labels, damping
        sizes = {name: net.get_parameter(name).numel() for name in names}
        self._size = sum(sizes.values())
        most = max(1, LIMITS.repair_bytes // (_BYTES * len(inputs)))
        self.blocks = split_blocks(sizes, most)
        self._kept = self._slopes(self.blocks[0], say) if len(self.blocks) == 1 else None

    def updates(self, changes: Iterable[tuple[Tensor, Tensor]], say: Say | None = None) -> Iterator[Tensor]:
        """Yield how all parameters change, float32 [N], for each of several masks.

        Args:
            changes: For each, which parameters are kept, bool [N], and how they changed already, float32 [N]: by minus
                their weight where they were removed.
            say: Called with the fraction done of each.
        """
        tell = say if say is not None else lambda _fraction: None
        todo = iter(changes)
        # Gradients that are not kept are computed once for as many masks as fit.
        several = 1 if self._kept is not None else max(1, LIMITS.repair_bytes // (2 * _BYTES * self._size))
        while group := list(islice(todo, several)):
            found = [change.clone() for _, change in group]
            for number, block in enumerate(self.blocks):
                slopes = self._kept
                if slopes is None:
                    slopes = self._slopes(block, None if say is None else lambda _: tell(0.0))
                at = slice(block.place, block.place + block.stop - block.start)
                solver = _Solver(slopes, self._damping)
                for result, (kept, change) in zip(found, group, strict=True):
                    result[at] += solver.update(kept[at], change[at])
                    tell((number + 1) / len(self.blocks))
            yield from found

    def _slopes(self, block: Block, say: Say | None) -> Tensor:
        """Return each image's gradient of the loss by a block's parameters, float32 [n, stop - start]."""
        return block_gradients(self._net, block, self._inputs, self._labels, say)


class _Solver:
    """One block's equations, for several masks."""

    def __init__(self, slopes: Tensor, damping: float) -> None:
        self._slopes = slopes
        self._whole: Tensor | None = None
        # n λ, and 1 where every gradient is nought.
        self._extra = damping * float((slopes.double() ** 2).sum()) / slopes.shape[1] or 1.0

    def update(self, kept: Tensor, change: Tensor) -> Tensor:
        """Return how the kept parameters change, float32 [N], 0 for the others."""
        lost = ~kept
        found = torch.zeros_like(change)
        if not bool(lost.any()) or not bool(kept.any()) or not bool(change[lost].any()):
            return found
        own, gone = self._slopes[:, kept], self._slopes[:, lost]
        if own.shape[1] <= gone.shape[1]:
            product = (own @ own.T).double()
        else:
            if self._whole is None:
                self._whole = (self._slopes @ self._slopes.T).double()
            product = self._whole - (gone @ gone.T).double()
        product += self._extra * torch.eye(len(product), dtype=product.dtype, device=product.device)
        due = (gone @ change[lost]).double()
        found[kept] = -(own.T @ torch.linalg.solve(product, due).to(own.dtype))
        return found
