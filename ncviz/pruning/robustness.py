"""What a pruned network makes of images that are attacked or corrupted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ncviz import attacks
from ncviz.attacks import attacked
from ncviz.config import AttackConfig, RadiusConfig, check_whole
from ncviz.copies.own_copy import own_copy
from ncviz.devices import guard, resolve_device
from ncviz.errors import DataError
from ncviz.pruning.corruptions import CorruptionConfig, Disturbance, corrupted
from ncviz.pruning.masks import apply_masks

# Between two batches an attack can be cancelled; forty steps on a hundred images take seconds with a large network.
BATCH = 100


@dataclass(frozen=True, eq=False)
class Disturbed:
    """Images before and after, and what a network says of them.

    Attributes:
        images: [n, C, H, W], after, on the CPU.
        clean: int64 [n], the class that it gives each image before.
        under: int64 [n], and after.
        labels: int64 [n], the right ones.
    """

    images: Tensor
    clean: Tensor
    under: Tensor
    labels: Tensor

    @property
    def clean_accuracy(self) -> float:
        """Fraction of the images that is classified correctly before."""
        return float((self.clean == self.labels).double().mean())

    @property
    def accuracy(self) -> float:
        """Fraction of all the images that is classified correctly after, whatever was said of them before."""
        return float((self.under == self.labels).double().mean())


def smallest_radii(
    net: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    search: RadiusConfig,
    *,
    normalise: Callable[[Tensor], Tensor] | None = None,
    seed: int = 0,
    device: str = "cpu",
    report: Callable[[float], None] | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the smallest radius at which an attack is seen to fool a network, and whether any does, image by image.

    Args:
        net: The network. Not changed.
        inputs: [n, C, H, W], pixels in [0, 1], classified correctly as they are.
        labels: int64 [n].
        search: How the radius is searched for; see ``ncviz.attacks.smallest_radii``.
        normalise: Makes of pixels what the network sees; by default that is the pixels.
        seed: Of random starts.
        device: Where to compute.
        report: Called with the fraction done; may raise ``CancelledError`` to stop.

    Returns:
        float64 [n] and bool [n].
    """
    where = resolve_device(device)
    see = normalise or (lambda pixels: pixels)
    own = own_copy(net, see(inputs[:1])).requires_grad_(False).to(where)
    generator = torch.Generator().manual_seed(seed)
    with guard(where):
        return attacks.smallest_radii(
            lambda pixels: own(see(pixels)), inputs.to(where), labels.to(where), search, generator, report
        )


class Disturber:
    """A network and images to disturb, under any masks.

    An attack is white-box: its gradients are those of the pruned network itself, so each sparsity meets images of its
    own. A corruption knows no network; its images are made once. A network that says the same of every image has no
    gradient, and an attack on it changes nothing but its random start.

    Args:
        net: The network. Not changed.
        inputs: [n, C, H, W], pixels in [0, 1].
        labels: int64 [n].
        disturbance: What is done to them, in pixels.
        normalise: Makes of pixels what the network sees; by default that is the pixels.
        seed: Of what is drawn.
        device: Where to compute.

    Raises:
        DataError: If there are no images, they do not match the labels, or pixels lie outside [0, 1].
        DeviceError: If the device is missing.
    """

    def __init__(
        self,
        net: nn.Module,
        inputs: Tensor,
        labels: Tensor,
        disturbance: Disturbance,
        *,
        normalise: Callable[[Tensor], Tensor] | None = None,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        if len(inputs) == 0 or len(inputs) != len(labels):
            raise DataError(
                f"Expected as many labels as images, at least one; got {len(inputs)} and {len(labels)}."
            )
        if not bool(((inputs >= 0) & (inputs <= 1)).all()):
            raise DataError("The pixels must lie in [0, 1]; put a normalisation into the network instead.")
        self.seed = check_whole("seed", seed, 0, 2**31 - 1)
        self.device = resolve_device(device)
        self.disturbance = disturbance
        self._normalise = normalise
        first = inputs[:1] if normalise is None else normalise(inputs[:1])
        self._net, self._inputs, self._labels = own_copy(net, first).requires_grad_(False), inputs, labels
        self._corrupted = (
            corrupted(inputs, disturbance, seed) if isinstance(disturbance, CorruptionConfig) else None
        )

    def measure(
        self, masks: Mapping[str, Tensor] | None = None, report: Callable[[float], None] | None = None
    ) -> Disturbed:
        """Return what the masked network says before and after.

        Args:
            masks: As for ``apply_masks``; none for the whole network.
            report: Called with the fraction done after each batch; may raise ``CancelledError`` to stop.

        Raises:
            NcvizError: If the masks do not fit the network.
            DeviceError: If the device is out of memory.
        """
        net = apply_masks(self._net, masks or {}).to(self.device)
        generator = torch.Generator().manual_seed(self.seed)

        def logits_of(pixels: Tensor) -> Tensor:
            found: Tensor = net(pixels if self._normalise is None else self._normalise(pixels))
            return found

        images, clean, under = [], [], []
        with guard(self.device), torch.no_grad():
            for start in range(0, len(self._labels), BATCH):
                rows = slice(start, start + BATCH)
                before, labels = (part[rows].to(self.device) for part in (self._inputs, self._labels))
                if isinstance(self.disturbance, AttackConfig):
                    after = attacked(logits_of, before, labels, self.disturbance, generator)
                else:
                    assert self._corrupted is not None
                    after = self._corrupted[rows].to(self.device)
                clean.append(logits_of(before).argmax(dim=1).cpu())
                under.append(logits_of(after).argmax(dim=1).cpu())
                images.append(after.cpu())
                if report is not None:
                    report(min(1.0, (start + BATCH) / len(self._labels)))
        return Disturbed(torch.cat(images), torch.cat(clean), torch.cat(under), self._labels.cpu())
