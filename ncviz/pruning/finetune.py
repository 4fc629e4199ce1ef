"""Train a pruned network on, its removed weights held at zero; torch on demand, for pages that read the settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ncviz.config import check_whole
from ncviz.devices import guard, resolve_device
from ncviz.errors import DataError, ModelError, NcvizError

if TYPE_CHECKING:
    from torch import Tensor, nn

MAX_EPOCHS = 100
MAX_BATCH_SIZE = 65_536
_EVALUATION_BATCH = 1000


@dataclass(frozen=True)
class FineTuneConfig:
    """How a pruned network is trained on; a value out of range is refused.

    Attributes:
        epochs: Passes over the training images.
        batch_size: Images in one step.
        learning_rate: Adam's, the same at every step.
        weight_decay: Adam's L2 penalty.
        seed: Of the order of the images.
    """

    epochs: int = 3
    batch_size: int = 64
    learning_rate: float = 0.001
    weight_decay: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_whole("epochs", self.epochs, 1, MAX_EPOCHS)
        check_whole("batch size", self.batch_size, 1, MAX_BATCH_SIZE)
        check_whole("seed", self.seed, 0, 2**31 - 1)
        for name, value, low in (
            ("learning rate", self.learning_rate, 1e-9),
            ("weight decay", self.weight_decay, 0.0),
        ):
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= 1.0:
                raise NcvizError(f"The {name} must be a number from {low:g} to 1, got {value!r}.")

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON types."""
        return {**asdict(self), "learning_rate": float(self.learning_rate)}


@dataclass(frozen=True, eq=False)
class FineTuneResult:
    """A pruned network that was trained on.

    Attributes:
        net: On the CPU, in eval mode, its removed weights exactly zero.
        loss: Mean cross-entropy of each step's images while learning, in order.
        accuracy: Fraction of the evaluation images classified correctly: before, and after each epoch.
    """

    net: nn.Module
    loss: tuple[float, ...]
    accuracy: tuple[float, ...]


def fine_tune(
    net: nn.Module,
    masks: Mapping[str, Tensor],
    training: tuple[Tensor, Tensor],
    evaluation: tuple[Tensor, Tensor],
    config: FineTuneConfig,
    *,
    device: str = "cpu",
    on_step: Callable[[int, float], None] | None = None,
    on_epoch: Callable[[int, float], None] | None = None,
) -> FineTuneResult:
    """Train a pruned network on by cross-entropy with Adam; what the masks remove stays removed.

    Each weight is its parameter times its mask wherever it is read, as in ``torch.nn.utils.prune.custom_from_mask``, so
    that removed weights get no gradient, and neither momentum nor weight decay brings them back. On the CPU the same
    arguments and number of threads give the same weights, bit for bit; the global random state is neither read nor
    changed, unless the network has dropout.

    Args:
        net: The network, pruned or whole. Not changed.
        masks: For each pruned weight's name a bool tensor of its shape, True where it is kept.
        training: Images [n, *input shape] and labels int64 [n] to learn from.
        evaluation: Images and labels for the accuracy.
        config: How long, and how fast.
        device: Where to compute.
        on_step: Called after each step with its number, from 1, and its loss; may raise ``CancelledError`` to stop.
        on_epoch: Called before the first step with 0, and after each epoch with its number, and the accuracy.

    Raises:
        ModelError: If the loss is no longer finite.
        NcvizError: If a mask fits no weight.
        DataError: If there are no images, or too few for a network that normalises over a batch.
        DeviceError: If the device is missing or out of memory.
    """
    import torch
    from torch.nn import functional
    from torch.nn.utils import parametrize

    from ncviz.copies.own_copy import plain_copy
    from ncviz.pruning.masks import places_of

    device = resolve_device(device)
    _check_images(net, training, evaluation)
    losses: list[float] = []
    accuracies: list[float] = []

    def evaluate(epoch: int) -> None:
        accuracies.append(_accuracy(own, evaluation))
        if on_epoch is not None:
            on_epoch(epoch, accuracies[-1])

    with guard(device):
        own = plain_copy(net).to(device).requires_grad_(True)
        places = places_of(own, masks)
        for module, name, mask in places:
            # Prune's own hooks run where a module is called, and an attention reads a layer that it never calls.
            parametrize.register_parametrization(module, name, _masking(mask.to(device)), unsafe=True)
        inputs, labels = (part.to(device) for part in training)
        evaluation = (evaluation[0].to(device), evaluation[1].to(device))
        optimiser = torch.optim.Adam(
            own.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        order = torch.Generator().manual_seed(config.seed)
        evaluate(0)
        for epoch in range(1, config.epochs + 1):
            own.train()
            for batch in _batches(torch.randperm(len(labels), generator=order), config.batch_size):
                rows = batch.to(device)
                loss = functional.cross_entropy(own(inputs[rows]), labels[rows])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                losses.append(loss.item())
                if not torch.isfinite(loss):
                    raise ModelError(
                        f"The loss became {losses[-1]} in epoch {epoch}; fine-tune with a learning rate below "
                        f"{config.learning_rate:g}."
                    )
                if on_step is not None:
                    on_step(len(losses), losses[-1])
            evaluate(epoch)
        for module, name, _ in places:
            parametrize.remove_parametrizations(module, name)
        # Taking the masks away leaves the parameters in another order; a copy of the network has its own.
        tuned = plain_copy(net).cpu()
        tuned.load_state_dict(own.state_dict())
    return FineTuneResult(tuned.eval(), tuple(losses), tuple(accuracies))


def _masking(mask: Tensor) -> nn.Module:
    """Return what makes a weight of a parameter: a product with its mask, in the weight's own type."""
    from torch import nn

    class Masked(nn.Module):
        def forward(self, weight: Tensor) -> Tensor:
            return mask.to(weight.dtype) * weight

    return Masked()


def steps_of(images: int, config: FineTuneConfig) -> int:
    """Return how many steps a fine-tuning on so many images takes."""
    return config.epochs * max(1, -(-images // config.batch_size) - (images % config.batch_size == 1))


def _check_images(net: nn.Module, training: tuple[Tensor, Tensor], evaluation: tuple[Tensor, Tensor]) -> None:
    """Refuse images that nothing can be learnt from, or that have no labels."""
    from torch.nn.modules.batchnorm import _BatchNorm

    for images, labels in (training, evaluation):
        if len(images) == 0 or len(images) != len(labels):
            raise DataError(
                f"Expected as many labels as images, at least one; got {len(images)} and {len(labels)}."
            )
    if len(training[0]) == 1 and any(isinstance(module, _BatchNorm) for module in net.modules()):
        raise DataError(
            "This network normalises over a batch, and one image has no variance; give two or more."
        )


def _batches(order: Tensor, size: int) -> Iterator[Tensor]:
    """Split an order; a single image that is left over joins the batch before it, for one alone has no variance."""
    parts = list(order.split(size))
    if len(parts) > 1 and len(parts[-1]) == 1 and size > 1:
        import torch

        parts[-2:] = [torch.cat(parts[-2:])]
    return iter(parts)


def _accuracy(net: nn.Module, data: tuple[Tensor, Tensor]) -> float:
    import torch

    net.eval()
    with torch.no_grad():
        parts = zip(data[0].split(_EVALUATION_BATCH), data[1].split(_EVALUATION_BATCH), strict=True)
        hits = sum(int((net(images).argmax(dim=1) == labels).sum()) for images, labels in parts)
    return hits / len(data[1])
