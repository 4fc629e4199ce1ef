"""Images that mislead a network: FGSM and projected gradient descent in the L∞ cube around each image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from ncviz.config import AttackConfig, RadiusConfig

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
    low, high = _cube(images, attack.epsilon)
    moved = _drawn(images, attack.epsilon, generator).clamp(low, high) if attack.random_start else images
    for _ in range(attack.steps):
        direction, _ = _uphill(logits_of, moved, labels)
        moved = (moved + attack.step * direction).clamp(low, high)
    return moved.detach()


def smallest_radii(
    logits_of: Callable[[Tensor], Tensor],
    images: Tensor,
    labels: Tensor,
    search: RadiusConfig,
    generator: torch.Generator | None = None,
    report: Callable[[float], None] | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the smallest radius at which projected gradient descent is seen to fool a network, image by image.

    The largest radius is tried first; where it fools, bisection halves the interval between a radius that did not fool
    and one that did. At each radius ε there are ``search.restarts`` runs of ``search.steps`` steps of 2.5 ε / steps,
    the first from the image itself, the others from a random point of the cube; an image is fooled if any point on the
    way is misclassified. What is found is an upper bound of the true smallest radius.

    Args:
        logits_of: Maps images [n, *shape] to logits [n, classes]; its parameters get no gradient.
        images: [n, *shape], pixels in [0, 1], classified correctly as they are.
        labels: int64 [n], the right classes.
        search: How far, how finely, and with how many steps and restarts.
        generator: Where random starts are drawn from, on the CPU; the global random state without one.
        report: Called with the fraction done; may raise ``CancelledError`` to stop.

    Returns:
        float64 [n] on the CPU, the radius, the largest one where none fools; and bool [n], whether one does.
    """
    say = report or (lambda fraction: None)
    runs = search.halvings + 1
    say(0.0)
    high = torch.full((len(images),), search.largest, dtype=torch.float64)
    low = torch.zeros_like(high)
    is_fooled = _fooled(logits_of, images, labels, high, search, generator)
    say(1 / runs)
    own = is_fooled.nonzero().flatten()
    for number in range(search.halvings):
        middle = (low + high) / 2
        found = torch.zeros_like(is_fooled)
        if len(own):
            found[own] = _fooled(logits_of, images[own], labels[own], middle[own], search, generator)
        high = torch.where(found, middle, high)
        low = torch.where(found, low, middle)
        say((number + 2) / runs)
    return high, is_fooled


def _fooled(
    logits_of: Callable[[Tensor], Tensor],
    images: Tensor,
    labels: Tensor,
    radii: Tensor,
    search: RadiusConfig,
    generator: torch.Generator | None,
) -> Tensor:
    """Return which images a run of each one's own radius fools, bool [n] on the CPU."""
    radius = radii.to(images).reshape(-1, *[1] * (images.ndim - 1))
    low, high = _cube(images, radius)
    fooled = torch.zeros(len(images), dtype=torch.bool, device=images.device)
    for number in range(search.restarts):
        moved = _drawn(images, radius, generator).clamp(low, high) if number else images
        for step in range(search.steps + 1):
            direction, classes = _uphill(logits_of, moved, labels)
            fooled |= classes != labels
            if step == search.steps or bool(fooled.all()):
                break
            moved = (moved + 2.5 * radius / search.steps * direction).clamp(low, high)
    return fooled.cpu()


def _cube(images: Tensor, radius: Tensor | float) -> tuple[Tensor, Tensor]:
    """Return the least and the largest value of each pixel that an attack may give it."""
    return (images - radius).clamp_min(0.0), (images + radius).clamp_max(1.0)


def _drawn(images: Tensor, radius: Tensor | float, generator: torch.Generator | None) -> Tensor:
    """Return random points of the cubes of some half-width around images, [0, 1] left out of account."""
    draw = torch.rand(images.shape, generator=generator, dtype=images.dtype).to(images.device)
    return images + radius * (2 * draw - 1)


def _uphill(logits_of: Callable[[Tensor], Tensor], moved: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sign of the cross-entropy's gradient at each pixel, and the class of each image."""
    with torch.enable_grad():
        point = moved.detach().requires_grad_()
        logits = logits_of(point)
        # The sum: an image's direction must not depend on how many others are in its batch.
        (slope,) = torch.autograd.grad(F.cross_entropy(logits, labels, reduction="sum"), point)
    return slope.sign(), logits.detach().argmax(dim=1)
