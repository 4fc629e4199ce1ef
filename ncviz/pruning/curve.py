"""Accuracy, of the whole network and over how much of it is removed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from ncviz.copies.own_copy import own_copy
from ncviz.devices import guard, resolve_device
from ncviz.errors import DataError
from ncviz.graph.forward.readable import check_followed
from ncviz.pruning.masks import masks_at

BATCH = 1000
SPARSITIES: tuple[float, ...] = (
    0.0, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3,
    0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.725, 0.75, 0.775, 0.8, 0.825, 0.85, 0.875, 0.9, 0.925, 0.95, 0.975,
    0.99, 1.0,
)  # fmt: skip
FEW_SPARSITIES: tuple[float, ...] = (
    0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.975,
    1.0,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class SweepResult:
    """Accuracy over sparsity.

    Attributes:
        removed: int64 [m], number of weights removed.
        sparsity: float64 [m], as a fraction of all weights.
        accuracy: float64 [m], fraction of the images classified correctly.
        images: Number of images.
    """

    removed: np.ndarray
    sparsity: np.ndarray
    accuracy: np.ndarray
    images: int


class Evaluator:
    """Accuracy of one network on one set of images, under any masks, without touching the network.

    Args:
        net: The network.
        inputs: [n, *input shape].
        labels: int64 [n].
        device: Where to evaluate.

    Raises:
        DataError: If there are no images, or images and labels do not match.
        ModelError: If the network is TorchScript, which cannot be masked.
        DeviceError: If the device is missing or out of memory.
    """

    def __init__(self, net: nn.Module, inputs: Tensor, labels: Tensor, device: str = "cpu") -> None:
        if len(inputs) == 0 or len(inputs) != len(labels):
            raise DataError(
                f"Expected as many labels as images, at least one; got {len(inputs)} and {len(labels)}."
            )
        if labels.ndim != 1 or labels.is_floating_point() or labels.is_complex():
            raise DataError(
                f"labels must be whole numbers [n], got {labels.dtype} of shape {list(labels.shape)}."
            )
        if not inputs.is_floating_point() or not torch.isfinite(inputs).all():
            raise DataError("The images must be finite floating-point numbers; scale pixels to [0, 1] first.")
        check_followed(net)
        self.device = resolve_device(device)
        # functional_call swaps the module's tensors while it runs, so one module serves one thread at a time.
        self._lock = threading.Lock()
        with guard(self.device):
            self._net = own_copy(net, inputs)
            count_classes(self._net, inputs)
            tensors = {**dict(self._net.named_parameters()), **dict(self._net.named_buffers())}
            self._state = {name: each.detach().to(self.device, copy=True) for name, each in tensors.items()}
            self._inputs, self._labels = inputs.to(self.device), labels.to(self.device)

    @property
    def images(self) -> int:
        """Number of images."""
        return len(self._labels)

    @property
    def labels(self) -> Tensor:
        """Their classes, int64 [n] on the CPU."""
        return self._labels.cpu()

    def zeros(self, names: Collection[str]) -> int:
        """Return how many of these weights are zero, and so removed already."""
        return sum(int((self._state[name] == 0).sum()) for name in names)

    def predictions(self, masks: Mapping[str, Tensor] | None = None) -> Tensor:
        """Return the class that the masked network gives each image, int64 [n] on the CPU."""
        state = dict(self._state)
        for name, mask in (masks or {}).items():
            state[name] = state[name] * mask.to(self.device)
        with guard(self.device), self._lock, torch.inference_mode():
            parts = [
                functional_call(self._net, state, (batch.clone(),)).argmax(dim=1)
                for batch in self._inputs.split(BATCH)
            ]
        return torch.cat(parts).cpu()

    def accuracy(self, masks: Mapping[str, Tensor] | None = None) -> float:
        """Return the fraction of images that the masked network classifies correctly."""
        return float((self.predictions(masks) == self.labels).double().mean())


def count_classes(net: nn.Module, inputs: Tensor) -> int:
    """Return how many scores the network gives an image.

    Args:
        net: The network, in eval mode.
        inputs: [n, *input shape], of which the first is looked at.

    Raises:
        DataError: If the network does not take such images, in PyTorch's own words.
    """
    place = next((each.device for each in net.parameters()), inputs.device)
    try:
        with torch.no_grad():
            return int(net(inputs[:1].to(place, copy=True)).shape[-1])
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error):
            raise
        raise DataError(
            f"The network does not take {str(inputs.dtype).removeprefix('torch.')} images of shape "
            f"{list(inputs.shape[1:])} ({str(error).splitlines()[0]})."
        ) from error


def accuracy(net: nn.Module, inputs: Tensor, labels: Tensor, device: str = "cpu") -> float:
    """Return the fraction of images that the network classifies correctly.

    Args:
        net: The network. Not changed.
        inputs: [n, *input shape].
        labels: int64 [n].
        device: Where to evaluate.

    Raises:
        DataError: If there are no images, images and labels do not match, or the network does not take such images.
        DeviceError: If the device is missing or out of memory.
    """
    return Evaluator(net, inputs, labels, device).accuracy()


def sweep(
    evaluator: Evaluator,
    ranks: np.ndarray,
    shapes: Mapping[str, tuple[int, ...]],
    *,
    sparsities: Sequence[float] = SPARSITIES,
    known: Mapping[int, float] | None = None,
    progress: Callable[[float], None] | None = None,
) -> SweepResult:
    """Measure the accuracy at each sparsity of one removal order, from where the network itself stands.

    Weights that are zero already count as removed, so the curve begins with them; sparsities below are left out.

    Args:
        evaluator: The network on its evaluation images.
        ranks: int64 [N] from ``removal_ranks``.
        shapes: Name and shape of each ranked weight, in the ranks' order.
        sparsities: Fractions of weights to remove.
        known: Accuracies that need no measuring, by number of weights removed.
        progress: Called with the fraction done.
    """
    asked = np.array([round(sparsity * len(ranks)) for sparsity in sparsities], dtype=np.int64)
    gone = evaluator.zeros(shapes)
    removed = np.unique(np.maximum(asked, gone)) if gone else asked
    found = np.empty(len(removed))
    for index, count in enumerate(removed):
        accuracy = (known or {}).get(int(count))
        found[index] = (
            evaluator.accuracy(masks_at(ranks, int(count), shapes)) if accuracy is None else accuracy
        )
        if progress is not None:
            progress((index + 1) / len(removed))
    return SweepResult(removed, removed / max(1, len(ranks)), found, evaluator.images)
