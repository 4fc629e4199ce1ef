"""Pruning and then training on: out of the store, or done and stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ncviz.config import PruningConfig
from ncviz.errors import DataError, NcvizError
from ncviz.fingerprint import digest
from ncviz.jobs import JobKind
from ncviz.models.network import Network
from ncviz.pruning.finetune import FineTuneConfig, fine_tune, steps_of
from ncviz.pruning.order import removed_for_sparsity
from ncviz.store import Record
from ncviz.tasks.accuracy import OnImages
from ncviz.tasks.comparison import Order, removable, shapes_of
from ncviz.tasks.pruning import zeros_in
from ncviz.tasks.repair.network import changed_module, repaired_arrays
from ncviz.tasks.repair.repairing import repair_key
from ncviz.tasks.task import Context, StoredTask, anonymous

# Raised whenever a change could alter a stored number.
FINETUNE_VERSION = 1
_ORDER_SHARE = 0.2


@dataclass(frozen=True)
class PruneAndTune:
    """What decides one fine-tuning.

    Attributes:
        pruning: Criterion, and what it looks at.
        sparsity: Fraction of the weights that is removed first.
        tuning: How the rest is trained on.
    """

    pruning: PruningConfig
    sparsity: float
    tuning: FineTuneConfig

    def __post_init__(self) -> None:
        removed_for_sparsity(self.sparsity, 1)

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON types."""
        return {
            "pruning": self.pruning.as_dict(),
            "sparsity": float(self.sparsity),
            "tuning": self.tuning.as_dict(),
        }


_STATE = "state/"


@dataclass(frozen=True, eq=False)
class FineTuneRecord(OnImages):
    """What a fine-tuning gave.

    Attributes:
        loss: float64 [steps], mean cross-entropy of each step's images.
        accuracy: float64 [epochs + 1], on the evaluation images: of the pruned network, and after each epoch.
        arrays: The fine-tuned network's parameters by name, the removed weights zero.
        meta: Settings, descriptions of the images and numbers of weights, as plain JSON.
    """

    loss: np.ndarray
    accuracy: np.ndarray
    arrays: Mapping[str, np.ndarray]
    meta: Mapping[str, Any]

    @property
    def whole(self) -> float:
        """Accuracy of the network before pruning, on the same images."""
        return float(self.meta["whole"])

    @property
    def removed(self) -> int:
        """Number of weights removed."""
        return int(self.meta["removed"])

    @property
    def pruning(self) -> PruningConfig:
        """By what the network was pruned."""
        return PruningConfig(**self.meta["pruning"])

    @property
    def before(self) -> float:
        """Accuracy of the pruned network before it is trained on."""
        return float(self.accuracy[0])

    @property
    def after(self) -> float:
        """Accuracy after the last epoch."""
        return float(self.accuracy[-1])


@dataclass(eq=False)
class FineTuneLog:
    """How far a fine-tuning has come; it appends, pages read.

    Attributes:
        loss: Of each step so far.
        accuracy: Before, and after each epoch so far.
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)

    @property
    def losses(self) -> np.ndarray:
        """The same as an array, float64 [steps so far]."""
        return np.array(list(self.loss))

    @property
    def accuracies(self) -> np.ndarray:
        """The same as an array, float64 [epochs so far + 1]."""
        return np.array(list(self.accuracy))


@dataclass(frozen=True, eq=False)
class FineTune(StoredTask[FineTuneRecord]):
    """The pruned network trained on; another device rounds differently, and still shares the key.

    Attributes:
        network: The network.
        config: What is removed, and how the rest is trained.
    """

    network: Network
    config: PruneAndTune

    kind: ClassVar[str] = "finetune"
    what: ClassVar[str] = "fine-tuning"
    facts: ClassVar[tuple[str, ...]] = ("whole", "removed", "total")
    job: ClassVar[JobKind] = JobKind(kept="criteria that were finished are kept")
    most_known: ClassVar[int] = 32
    most_unstored: ClassVar[int] = 20

    @property
    def order(self) -> Order:
        """The order in which its weights go."""
        return Order(self.network, self.config.pruning)

    def key(self, context: Context) -> str:
        """Return the store's key."""
        return digest(
            "finetune",
            FINETUNE_VERSION,
            self.order.key(context),
            context.fingerprint(self.network, "train"),
            context.fingerprint(self.network, "test"),
            float(self.config.sparsity),
            {name: float(value) for name, value in self.config.tuning.as_dict().items()},
            *repair_key(self.network, self.config.pruning.repair, context),
        )

    def run(self, context: Context) -> FineTuneRecord:
        """Prune and train on; the context is shown a ``FineTuneLog``.

        Raises:
            NcvizError: In one sentence, whatever the user can mend.
            CancelledError: If the context's ``cancel`` was set; nothing of this fine-tuning is stored then.
        """
        from ncviz.pruning.curve import accuracy
        from ncviz.pruning.masks import masks_at

        network, config, device, log = self.network, self.config, context.device, FineTuneLog()
        if context.show is not None:
            context.show(log)
        train, test = (context.images(network, split) for split in ("train", "test"))
        if not train.has_labels:
            raise DataError(
                f"Fine-tuning learns from labels, which {train.description} do not have; bring images with classes."
            )
        ranks = context.part(0.0, _ORDER_SHARE).run(self.order).result
        shapes = shapes_of(network)
        removed = max(removed_for_sparsity(config.sparsity, len(ranks)), zeros_in(network, shapes))
        most = removable(network, config.pruning)
        if removed > most:
            raise NcvizError(
                f"At most {most / len(ranks):.1%} of the weights can go while layers are protected or have budgets; "
                f"{config.sparsity:.1%} were asked for."
            )
        steps = steps_of(len(train), config.tuning)
        # What is repaired is trained on from there.
        repaired = repaired_arrays(
            network,
            config.pruning.repair,
            ranks,
            removed,
            context.part(_ORDER_SHARE, _ORDER_SHARE, "repairing"),
        )
        net = changed_module(network, repaired)

        def step(number: int, loss: float) -> None:
            epoch = (number - 1) * config.tuning.epochs // steps + 1
            share = _ORDER_SHARE + (1 - _ORDER_SHARE) * number / steps
            context.say(share, f"epoch {epoch} of {config.tuning.epochs}")
            log.loss.append(loss)

        context.say(_ORDER_SHARE, "accuracy before")
        whole = accuracy(network.module(), test.inputs, test.labels, device)
        found = fine_tune(
            net,
            masks_at(ranks, removed, shapes),
            (train.inputs, train.labels),
            (test.inputs, test.labels),
            config.tuning,
            device=device,
            on_step=step,
            on_epoch=lambda _, value: log.accuracy.append(value),
        )
        meta = {
            **anonymous(network),
            **config.as_dict(),
            "architecture": network.architecture,
            "dataset": network.dataset,
            "trained_on": train.description,
            "evaluated_on": test.description,
            "kind": self.kind,
            "whole": whole,
            "removed": removed,
            "total": len(ranks),
        }
        return FineTuneRecord(
            loss=np.array(found.loss),
            accuracy=np.array(found.accuracy),
            arrays={name: values.detach().numpy() for name, values in found.net.state_dict().items()},
            meta=meta,
        )

    def encode(self, result: FineTuneRecord) -> Record:
        """Return it as arrays and JSON."""
        arrays = {"loss": result.loss, "accuracy": result.accuracy}
        arrays |= {_STATE + name: values for name, values in result.arrays.items()}
        return Record(arrays, dict(result.meta))

    def decode(self, record: Record) -> FineTuneRecord:
        """Read it back."""
        arrays = record.arrays
        state = {name.removeprefix(_STATE): arrays[name] for name in arrays if name.startswith(_STATE)}
        return FineTuneRecord(arrays["loss"], arrays["accuracy"], state, record.meta)


def tuned_network(network: Network, record: FineTuneRecord, name: str) -> Network:
    """Return the fine-tuned network under a name of its own."""
    return Network(name, name, network.architecture, network.dataset, record.arrays, is_bundled=False)


def tuned_checkpoint(record: FineTuneRecord) -> bytes:
    """Return the fine-tuned network's state dict as the bytes of a safetensors file."""
    import torch
    from safetensors.torch import save

    return save({name: torch.from_numpy(np.array(values)) for name, values in record.arrays.items()})
