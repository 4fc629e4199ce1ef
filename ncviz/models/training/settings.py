"""What determines a training, and what each of its epochs reached; plain values, no torch."""

from __future__ import annotations

from dataclasses import dataclass

from ncviz.config import AttackConfig, check_whole
from ncviz.errors import ModelError

MAX_EPOCHS = 1000
MAX_BATCH_SIZE = 65_536
PRECISIONS = ("float32", "bfloat16")
OPTIMISERS = {"adam": "Adam", "sgd": "SGD, Nesterov momentum"}


@dataclass(frozen=True)
class TrainingSettings:
    """Everything that, with the data, determines a training; a value out of range is refused.

    Attributes:
        architecture: A name that ``find_architecture`` finds.
        dataset: A name that ``find_dataset`` finds.
        epochs: Passes over the training images.
        batch_size: Images in one step.
        learning_rate: Largest learning rate of the cycle.
        weight_decay: The optimiser's L2 penalty.
        seed: Seed of the first weights and of the order of the images.
        device: Where to compute, in torch's notation.
        augment: Whether each image is mirrored and shifted at random before each step.
        attack: The attack on each image before it is learnt from, if any.
        precision: One of ``PRECISIONS``: bfloat16 multiplies in that, sums and keeps the weights in float32; on
            processors that know it a convolutional network learns about twice as fast.
        optimiser: A key of ``OPTIMISERS``; the momentum of ``sgd`` runs against the learning rate, 0.95 to 0.85.
    """

    architecture: str
    dataset: str
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    seed: int
    device: str
    augment: bool = False
    attack: AttackConfig | None = None
    precision: str = "float32"
    optimiser: str = "adam"

    def __post_init__(self) -> None:
        check_whole("epochs", self.epochs, 1, MAX_EPOCHS)
        check_whole("batch size", self.batch_size, 1, MAX_BATCH_SIZE)
        check_whole("seed", self.seed, 0, 2**31 - 1)
        if not 0.0 < self.learning_rate <= 10.0:
            raise ModelError(f"The learning rate must lie in (0, 10], got {self.learning_rate!r}; try 0.004.")
        if not 0.0 <= self.weight_decay <= 1.0:
            raise ModelError(f"The weight decay must lie in [0, 1], got {self.weight_decay!r}; try 0.")
        if self.precision not in PRECISIONS:
            raise ModelError(f"The precision must be {' or '.join(PRECISIONS)}, got {self.precision!r}.")
        if self.optimiser not in OPTIMISERS:
            raise ModelError(f"The optimiser must be {' or '.join(OPTIMISERS)}, got {self.optimiser!r}.")


@dataclass(frozen=True)
class EpochResult:
    """One epoch of a training.

    Attributes:
        epoch: Its number, from 1.
        loss: Mean cross-entropy of the training images while learning.
        train_accuracy: Fraction of the training images classified correctly while learning.
        test_accuracy: Fraction of the test images classified correctly after it.
    """

    epoch: int
    loss: float
    train_accuracy: float
    test_accuracy: float
