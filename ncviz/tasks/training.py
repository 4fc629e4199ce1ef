"""Training from a fresh start: an architecture of the zoo, or one out of a form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ncviz.data.datasets import find_dataset
from ncviz.errors import ModelError
from ncviz.models.catalogue.form import ACTIVATIONS, KINDS, POOLS, Conv, Form
from ncviz.models.network import Network
from ncviz.models.training.settings import EpochResult
from ncviz.models.zoo import ModelSpec, own_spec

__all__ = [
    "ACTIVATIONS",
    "KINDS",
    "POOLS",
    "EpochResult",
    "Form",
    "ModelSpec",
    "TrainedResult",
    "own_spec",
    "read_form",
    "train_network",
]


@dataclass(frozen=True, eq=False)
class TrainedResult:
    """A network that was trained here, how well it does on the test images, and how long that took."""

    network: Network
    accuracy: float
    seconds: float


def train_network(
    spec: ModelSpec,
    epochs: int,
    seed: int,
    data_dir: str | None,
    device: str,
    progress: Callable[[float, str], None],
    on_epoch: Callable[[EpochResult], None],
) -> TrainedResult:
    """Train a network from a fresh start; the same seed gives the same network on the CPU.

    Args:
        spec: What to train on what.
        epochs: How often it sees each image.
        seed: Of the first weights and of the order of the images.
        data_dir: Folder of full data sets.
        device: Where to train.
        progress: Called with the fraction done and a message; may raise ``CancelledError`` to stop.
        on_epoch: Called after each epoch.

    Raises:
        NcvizError: If the loss is no longer finite, or the data are missing.
    """
    from ncviz.models.training.train import train_zoo_model

    result = train_zoo_model(
        spec, data_dir, epochs, seed, progress=progress, on_epoch=on_epoch, device=device
    )
    arrays = {key: values.detach().numpy() for key, values in result.net.state_dict().items()}
    label = f"{spec.name}, seed {seed}, {epochs} epochs"
    title = f"{spec.title}, trained here (seed {seed})"
    network = Network(label, title, spec.architecture, spec.dataset, arrays, is_bundled=False)
    return TrainedResult(network, result.test_accuracy, result.seconds)


def read_form(
    kind: str,
    dataset: str,
    hidden: str,
    activation: str,
    *,
    is_normalised: bool,
    dropout: float,
    maps: str = "",
    kernel: int = 1,
    stride: int = 1,
    pool: str = POOLS[0],
    is_residual: bool = False,
) -> Form:
    """Return the architecture that a form describes.

    Args:
        kind: One of ``KINDS``.
        dataset: Name of the data that it is trained on.
        hidden: Units of each hidden layer, with commas between.
        activation: One of ``ACTIVATIONS``.
        is_normalised: Whether batch normalisation follows each layer.
        dropout: Share of the units that is dropped.
        maps: Maps of each convolution, with commas between.
        kernel: Side of each convolution's kernel.
        stride: Of each convolution.
        pool: One of ``POOLS``, behind each convolution.
        is_residual: Whether there are skip connections.

    Raises:
        NcvizError: If a field holds nothing of use.
    """
    spec = find_dataset(dataset)
    return Form(
        kind,
        spec.input_shape,
        len(spec.classes),
        _numbers("units of the hidden layers", hidden),
        tuple(Conv(width, kernel, stride, pool) for width in _numbers("maps", maps)),
        activation,
        is_normalised,
        round(dropout, 6),
        is_residual,
    )


def _numbers(what: str, text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isascii() and part.isdigit() and len(part) < 9 for part in parts):
        raise ModelError(
            f"The {what} must be whole numbers with commas between, such as 64, 32, got {text[:40]!r}."
        )
    return tuple(int(part) for part in parts)
