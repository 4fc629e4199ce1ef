"""Training from a fresh start: an architecture of the zoo, or one out of a form."""

from __future__ import annotations

from dataclasses import dataclass

from ncviz.errors import ModelError
from ncviz.fingerprint import digest
from ncviz.jobs import JobKind
from ncviz.models.catalogue.form import ACTIVATIONS, KINDS, POOLS, Conv, Form
from ncviz.models.network import Network
from ncviz.models.training.settings import EpochResult
from ncviz.models.zoo import ModelSpec, own_spec
from ncviz.tasks.task import Context, Task

__all__ = [
    "ACTIVATIONS", "KINDS", "POOLS", "Conv", "EpochResult", "Form", "ModelSpec", "TrainedResult", "Training",
    "own_spec", "read_sizes",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class TrainedResult:
    """A network that was trained here, how well it does on the test images, and how long that took."""

    network: Network
    accuracy: float
    seconds: float


@dataclass(frozen=True, eq=False)
class Training(Task[TrainedResult]):
    """A training from a fresh start; the same seed gives the same network on the CPU.

    Its context is shown the list of the epochs so far.

    Attributes:
        spec: What to train on what.
        epochs: How often it sees each image.
        seed: Of the first weights and of the order of the images.
        is_public: Whether everybody is shown the run: not of a network that somebody made up.
    """

    spec: ModelSpec
    epochs: int
    seed: int
    is_public: bool = True

    @property
    def job(self) -> JobKind:  # type: ignore[override]
        """What its run has in common with others."""
        return JobKind(is_private=True, is_public=self.is_public)

    def key(self, context: Context) -> str:
        """Return the name of the run, which no store knows."""
        spec, where = self.spec, (context.data_dir, context.device)
        kind = "training" if self.is_public else "form-training"
        made = digest(spec.name, spec.architecture, spec.dataset, self.epochs, self.seed, *where)
        return f"{kind}-{made}"

    def run(self, context: Context) -> TrainedResult:
        """Train it.

        Raises:
            NcvizError: If the loss is no longer finite, or the data are missing.
            CancelledError: If the context's ``cancel`` was set.
        """
        context.say(0.0, "Reading the images")
        from ncviz.models.training.train import train_zoo_model

        spec, epochs, seed = self.spec, self.epochs, self.seed
        history: list[EpochResult] = []
        if context.show is not None:
            context.show(history)
        result = train_zoo_model(
            spec,
            context.data_dir,
            epochs,
            seed,
            progress=context.say,
            on_epoch=history.append,
            device=context.device,
        )
        arrays = {key: values.detach().numpy() for key, values in result.net.state_dict().items()}
        label = f"{spec.name}, seed {seed}, {epochs} epochs"
        title = f"{spec.title}, trained here (seed {seed})"
        network = Network(label, title, spec.architecture, spec.dataset, arrays, is_bundled=False)
        return TrainedResult(network, result.test_accuracy, result.seconds)


def read_sizes(what: str, text: str) -> tuple[int, ...]:
    """Return the whole numbers of a list with commas between, such as the units of the hidden layers.

    Raises:
        ModelError: If anything else stands there.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isascii() and part.isdigit() and len(part) < 9 for part in parts):
        raise ModelError(
            f"The {what} must be whole numbers with commas between, such as 64, 32, got {text[:40]!r}."
        )
    return tuple(int(part) for part in parts)
