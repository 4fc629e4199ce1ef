"""Accuracy, of the whole network and over how much of it is removed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
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

Masks = Mapping[str, Tensor]
# Of masks, one after the other, what the repaired network has in place of the whole one's parameters and buffers.
Repair = Callable[[Iterable[Masks], Callable[[float], None]], Iterator[Mapping[str, Tensor]]]
# Input values that go through a network at once. On a CPU what they become has to stay in its cache: with the first
# feature maps of 1,000 CIFAR images in memory, VGG-9 takes 1.7 times longer.
BATCH_VALUES = {"cpu": 300_000, "cuda": 4_000_000}
LEAST_BATCH = 25
# Of the way from the ends to a tenth, and of what lies between; see `grid_of`.
FINE_STEPS, COARSE_STEPS = (1, 2, 5), (1, 3)
FINE_MIDDLE, COARSE_MIDDLE = 40, 20


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
        values = BATCH_VALUES.get(torch.device(self.device).type, BATCH_VALUES["cuda"])
        self._batch = max(LEAST_BATCH, values // max(1, inputs[0].numel()))

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

    def predictions(self, masks: Masks | None = None, changed: Masks | None = None) -> Tensor:
        """Return the class that a changed network gives each image, int64 [n] on the CPU.

        Args:
            masks: Name of a weight → what it is multiplied by.
            changed: Name of a parameter or buffer → what stands in its place.
        """
        state = dict(self._state)
        state |= {name: value.to(self.device) for name, value in (changed or {}).items()}
        for name, mask in (masks or {}).items():
            state[name] = state[name] * mask.to(self.device)
        return self._classes(state, self._inputs)

    def seconds(self) -> float:
        """Return about how long a pass of all images takes, from one of some of them."""
        begun = time.perf_counter()
        self._classes(self._state, self._inputs[: self._batch])
        return (time.perf_counter() - begun) * max(1.0, self.images / self._batch)

    def accuracy(self, masks: Masks | None = None, changed: Masks | None = None) -> float:
        """Return the fraction of images that a changed network classifies correctly; see ``predictions``."""
        return float((self.predictions(masks, changed) == self.labels).double().mean())

    def _classes(self, state: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        with guard(self.device), self._lock, torch.inference_mode():
            parts = [
                functional_call(self._net, dict(state), (batch.clone(),)).argmax(dim=1)
                for batch in inputs.split(self._batch)
            ]
        return torch.cat(parts).cpu()


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


def grid_of(total: int, gone: int = 0, *, is_coarse: bool = False) -> np.ndarray:
    """Return at how many weights removed a curve is measured by default: the same points for every order.

    They are finest at both ends, 1, 2 and 5 times each power of ten down to a single weight, since bottlenecks go
    within a few weights and the last redundant ones as well; from a tenth to nine tenths they are even.

    Args:
        total: How many weights there are.
        gone: How many of them are zero already; the grid begins there.
        is_coarse: Whether to take fewer points, for networks that take long.

    Returns:
        int64 [m], growing, from ``gone`` to ``total``.
    """
    steps, parts = (COARSE_STEPS, COARSE_MIDDLE) if is_coarse else (FINE_STEPS, FINE_MIDDLE)
    left = total - gone
    near = np.array([step / 10**power for power in range(2, len(str(total)) + 2) for step in steps])
    ends = np.round(near * left).astype(np.int64)
    middle = np.array([round(at / parts * total) for at in range(parts // 10, parts - parts // 10 + 1)])
    found: np.ndarray = np.unique(np.concatenate([[gone, total], gone + ends, middle, total - ends]))
    return found[(found >= gone) & (found <= total)]


def sweep(
    evaluator: Evaluator,
    ranks: np.ndarray,
    shapes: Mapping[str, tuple[int, ...]],
    *,
    removed: Sequence[int] | np.ndarray,
    known: Mapping[int, float] | None = None,
    repair: Repair | None = None,
    progress: Callable[[float], None] | None = None,
) -> SweepResult:
    """Measure the accuracy at each step of one removal order, from where the network itself stands.

    Weights that are zero already count as removed, so the curve begins with them; steps below are left out.

    Args:
        evaluator: The network on its evaluation images.
        ranks: int64 [N] from ``removal_ranks``.
        shapes: Name and shape of each ranked weight, in the ranks' order.
        removed: How many weights to remove at each step, such as those of ``grid_of``.
        known: Accuracies that need no measuring, by number of weights removed.
        repair: Repairs the network at each step before it is measured.
        progress: Called with the fraction done.
    """
    asked, gone = np.asarray(removed, dtype=np.int64), evaluator.zeros(shapes)
    steps = np.unique(np.maximum(asked, gone)) if gone else asked
    found, done = np.empty(len(steps)), 0
    measured = known or {}
    masks = (masks_at(ranks, int(count), shapes) for count in steps if int(count) not in measured)

    def tell(fraction: float) -> None:
        if progress is not None:
            progress((done + fraction) / len(steps))

    changed = None if repair is None else repair(masks, tell)
    for index, count in enumerate(steps.tolist()):
        if count in measured:
            found[index] = measured[count]
        elif changed is None:
            found[index] = evaluator.accuracy(next(masks))
        else:
            found[index] = evaluator.accuracy(changed=next(changed))
        done = index + 1
        tell(0.0)
    return SweepResult(steps, steps / max(1, len(ranks)), found, evaluator.images)
