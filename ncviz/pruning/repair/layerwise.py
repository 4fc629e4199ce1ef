"""Layer by layer: the kept weights that bring each layer's outputs nearest to the whole network's, in closed form."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ncviz.limits import LIMITS
from ncviz.pruning.criteria.activation import patches

# Of the mean of the Gram matrix' diagonal, as SparseGPT has it.
DAMPING = 0.01
_BYTES = 8


class LayerLearner:
    """Solves for the kept weights of each output, and its bias, from the Gram matrix of what the layer hears.

    Layers that share a weight are solved at once, each with the bias it has: a bias is the weight of an input that is 1
    in the layers that add it, and 0 in the others.

    For one output with weights w, of which K are kept, inputs x of the pruned network so far and the output y that the
    whole network has: min over v with v = 0 outside K of Σ (v·x − y)² + λ |v − w|². With A = Σ x xᵀ + λ I and
    e = Σ x (y − w·x) that is A_KK v_K = (A w + e)_K. Where the layers before are whole, e = 0, and this is the update
    of optimal brain compression (Frantar, Singh, Alistarh, NeurIPS 2022, arXiv 2208.11580) and SparseGPT (Frantar,
    Alistarh, ICML 2023, arXiv 2301.00774), solved for all removed weights at once.

    Args:
        modules: The pruned layer: linear, or a convolution, whose inputs are its patches; or all that share its weight.
        wholes: The whole network's, in the same order.
        damping: λ as a fraction of the mean of the Gram matrix' diagonal.
    """

    def __init__(
        self, modules: Sequence[nn.Module], wholes: Sequence[nn.Module], damping: float = DAMPING
    ) -> None:
        own, weight = modules[0].weight, wholes[0].weight
        assert isinstance(own, Tensor)
        assert isinstance(weight, Tensor)
        self._own, self._damping = own, damping
        self._biases: list[Tensor] = []
        columns = [weight.detach().reshape(len(weight), -1).double()]
        for module, whole in zip(modules, wholes, strict=True):
            bias, meant = module.bias, whole.bias
            if isinstance(bias, Tensor) and all(bias is not other for other in self._biases):
                assert isinstance(meant, Tensor)
                self._biases.append(bias)
                columns.append(meant.detach().double()[:, None])
        self._weight = torch.cat(columns, dim=1)
        self._kept = torch.ones_like(self._weight, dtype=torch.bool)
        self._inputs = own[0].numel()
        self._kept[:, : self._inputs] = own.detach().reshape(len(own), -1) != 0
        self._groups = int(getattr(modules[0], "groups", 1))
        slots = self._weight.shape[1]
        outputs = len(weight) // self._groups
        self._gram = self._weight.new_zeros(self._groups, slots, slots)
        self._missing = self._weight.new_zeros(self._groups, slots, outputs)

    def hear(self, module: nn.Module, heard: Tensor, meant: Tensor | None) -> None:
        """Take in a batch, a few images at a time: a convolution's patches are many times its input."""
        assert meant is not None
        positions = meant[0].numel() // len(self._own)
        each = positions * (self._groups * self._gram.shape[1] + 2 * len(self._own)) * _BYTES
        images = max(1, LIMITS.repair_bytes // (8 * each))
        outputs = self._missing.shape[2]
        for part, of in zip(heard.split(images), meant.split(images), strict=True):
            rows = patches(module, part).double()
            is_linear = isinstance(module, nn.Linear)
            wanted = (of if is_linear else of.flatten(2).transpose(1, 2)).reshape(-1, len(self._own)).double()
            for group, own in enumerate(rows.chunk(self._groups, dim=1)):
                adds = own.new_tensor([float(module.bias is bias) for bias in self._biases])
                x = torch.cat([own, adds.expand(len(own), -1)], dim=1)
                at = slice(group * outputs, (group + 1) * outputs)
                self._gram[group] += x.T @ x
                self._missing[group] += x.T @ (wanted[:, at] - x @ self._weight[at].T)

    def adjust(self) -> None:
        """Write the solution."""
        found = torch.zeros_like(self._weight)
        outputs = self._missing.shape[2]
        for group in range(self._groups):
            at = slice(group * outputs, (group + 1) * outputs)
            if self._kept[at].all() and not self._missing[group].any():
                found[at] = self._weight[at]
            else:
                found[at] = solve_kept(
                    self._gram[group], self._missing[group], self._weight[at], self._kept[at], self._damping
                )
        self._own.copy_(found[:, : self._inputs].reshape(self._own.shape))
        for bias, solved in zip(self._biases, found[:, self._inputs :].T, strict=True):
            bias.copy_(solved)


def solve_kept(
    gram: Tensor, missing: Tensor, weight: Tensor, kept: Tensor, damping: float = DAMPING
) -> Tensor:
    """Return the kept weights of each output that solve ``LayerLearner``'s least squares, zero where one is not kept.

    Each row is solved over what it keeps or over what it loses, whichever is fewer.

    Args:
        gram: float64 [k, k], Σ x xᵀ.
        missing: float64 [k, outputs], Σ x (y − w·x).
        weight: float64 [outputs, k], the whole network's.
        kept: bool [outputs, k].
        damping: As a fraction of the mean of the Gram matrix' diagonal.

    Returns:
        float64 [outputs, k].
    """
    extra = damping * float(gram.diagonal().mean()) or 1.0
    matrix = gram + extra * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    target = matrix @ weight.T + missing
    count = kept.sum(dim=1)
    inverse = unbound = None
    if bool((2 * count > kept.shape[1]).any()):
        factor = torch.linalg.cholesky(matrix)
        inverse = torch.cholesky_inverse(factor)
        unbound = torch.cholesky_solve(target, factor)
    found = torch.zeros_like(weight)
    for row in range(len(weight)):
        own = kept[row].nonzero()[:, 0]
        if inverse is None or unbound is None or 2 * len(own) <= kept.shape[1]:
            if len(own):
                part = torch.linalg.cholesky(matrix[own][:, own])
                found[row, own] = torch.cholesky_solve(target[own, row : row + 1], part)[:, 0]
            continue
        gone = (~kept[row]).nonzero()[:, 0]
        found[row] = unbound[:, row]
        if len(gone):
            part = torch.linalg.cholesky(inverse[gone][:, gone])
            found[row] -= inverse[:, gone] @ torch.cholesky_solve(unbound[gone, row : row + 1], part)[:, 0]
            found[row, gone] = 0.0
    return found
