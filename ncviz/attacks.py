"""Images that mislead a network: FGSM and projected gradient descent in the L∞ cube around each image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from ncviz.config import AttackConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def attacked(
    logits_of: Callable[[Tensor], Tensor],
    images: Tensor,
    labels: Tensor,
    attack: AttackConfig,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return images that raise the cross-entropy, each pixel changed by at most ``attack.epsilon``.

    Projected gradient descent (Madry et al., ICLR 2018, arXiv 1706.06083): x ← clip(x + step · sign ∇ₓL), onto the
    cube of half-width ε around the image and onto [0, 1].

    Args:
        logits_of: Maps images [n, *shape] to logits [n, classes]; its parameters get no gradient.
        images: [n, *shape], pixels in [0, 1].
        labels: int64 [n], the right classes.
        attack: How far, and in how many steps.
        generator: Where a random start is drawn from, on the CPU; the global random state without one.

    Returns:
        [n, *shape] on the images' device.
    """
    low = (images - attack.epsilon).clamp_min(0.0)
    high = (images + attack.epsilon).clamp_max(1.0)
    moved = images
    if attack.random_start:
        draw = torch.rand(images.shape, generator=generator, dtype=images.dtype).to(images.device)
        moved = torch.minimum(torch.maximum(images + attack.epsilon * (2 * draw - 1), low), high)
    for _ in range(attack.steps):
        with torch.enable_grad():
            point = moved.detach().requires_grad_()
            # The sum: an image's direction must not depend on how many others are in its batch.
            loss = F.cross_entropy(logits_of(point), labels, reduction="sum")
            (slope,) = torch.autograd.grad(loss, point)
        moved = torch.minimum(torch.maximum(moved + attack.step * slope.sign(), low), high)
    return moved.detach()
