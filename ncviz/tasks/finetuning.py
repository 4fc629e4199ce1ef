"""Pruning and then training on: out of the store, or done and stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ncviz.config import PruningConfig
from ncviz.data.datasets import load_dataset
from ncviz.data.fingerprints import data_fingerprint
from ncviz.errors import DataError, NcvizError
from ncviz.fingerprint import digest
from ncviz.models.network import Network
from ncviz.pruning.finetune import FineTuneConfig, steps_of
from ncviz.pruning.order import removed_for_sparsity
from ncviz.store import Record, Store
from ncviz.tasks.comparison import order_key, removable, removal_order, shapes_of
from ncviz.tasks.keys import evaluation_fingerprint
from ncviz.tasks.reading import read
from ncviz.tasks.results import Outcome, Progress, anonymous, put, speaker

if TYPE_CHECKING:
    import threading

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
class FineTuneRecord:
    """What a fine-tuning gave.

    Attributes:
        loss: float64 [steps], mean cross-entropy of each step's images.
        accuracy: float64 [epochs + 1], on the evaluation images: of the pruned network, and after each epoch.
        whole: Accuracy of the network before pruning, on the same images.
        removed: Number of weights removed.
        total: Number of weights.
        arrays: The fine-tuned network's parameters by name, the removed weights zero.
        meta: Settings and descriptions of the images, as plain JSON.
    """

    loss: np.ndarray
    accuracy: np.ndarray
    whole: float
    removed: int
    total: int
    arrays: Mapping[str, np.ndarray]
    meta: Mapping[str, Any]

    @property
    def before(self) -> float:
        """Accuracy of the pruned network before it is trained on."""
        return float(self.accuracy[0])

    @property
    def after(self) -> float:
        """Accuracy after the last epoch."""
        return float(self.accuracy[-1])

    def to_record(self) -> Record:
        """Return it as arrays and JSON."""
        arrays = {"loss": self.loss, "accuracy": self.accuracy}
        arrays |= {_STATE + name: values for name, values in self.arrays.items()}
        facts = {"kind": "finetune", "whole": self.whole, "removed": self.removed, "total": self.total}
        return Record(arrays, {**self.meta, **facts})

    @staticmethod
    def from_record(record: Record) -> FineTuneRecord:
        """Read it back.

        Raises:
            StoreError: If the record is of another kind or lacks a part.
        """
        return read(record, "finetune", "fine-tuning", _finetune_of)


def _finetune_of(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> FineTuneRecord:
    return FineTuneRecord(
        loss=arrays["loss"],
        accuracy=arrays["accuracy"],
        whole=float(meta["whole"]),
        removed=int(meta["removed"]),
        total=int(meta["total"]),
        arrays={
            name.removeprefix(_STATE): values for name, values in arrays.items() if name.startswith(_STATE)
        },
        meta=meta,
    )


def finetune_key(network: Network, config: PruneAndTune, data_dir: str | None = None) -> str:
    """Return the store's key of one fine-tuning."""
    return digest(
        "finetune",
        FINETUNE_VERSION,
        order_key(network, config.pruning, data_dir),
        data_fingerprint(network.dataset, "train", data_dir),
        evaluation_fingerprint(network, data_dir),
        float(config.sparsity),
        {name: float(value) for name, value in config.tuning.as_dict().items()},
    )


def stored_finetune(
    store: Store, network: Network, config: PruneAndTune, data_dir: str | None = None
) -> FineTuneRecord | None:
    """Return a fine-tuning that was done before."""
    found = store.get(finetune_key(network, config, data_dir))
    return None if found is None else FineTuneRecord.from_record(found)


def compute_finetune(
    store: Store,
    network: Network,
    config: PruneAndTune,
    *,
    device: str = "cpu",
    data_dir: str | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    on_step: Callable[[int, float], None] | None = None,
    on_epoch: Callable[[int, float], None] | None = None,
) -> Outcome[FineTuneRecord]:
    """Return the pruned network trained on, from the store or anew.

    Args:
        store: Where results are kept.
        network: The network.
        config: What is removed, and how the rest is trained.
        device: Where to compute; no part of the key, though another device rounds differently.
        data_dir: Folder of the full data set; without it, the bundled sample.
        progress: Called with the fraction done and a message; may raise ``CancelledError`` to stop.
        cancel: Set it to stop.
        on_step: Called after each step with its number, from 1, and its loss.
        on_epoch: Called before the first step with 0, and after each epoch with its number, and the accuracy.

    Raises:
        NcvizError: In one sentence, whatever the user can mend.
        CancelledError: If ``cancel`` was set; nothing of this fine-tuning is stored then.
    """
    known = stored_finetune(store, network, config, data_dir)
    if known is not None:
        return Outcome(known, is_stored=True)
    from ncviz.pruning.curve import accuracy
    from ncviz.pruning.finetune import fine_tune
    from ncviz.pruning.masks import masks_at

    say = speaker(progress, cancel)
    train, test = (load_dataset(network.dataset, split, data_dir) for split in ("train", "test"))
    if not train.has_labels:
        raise DataError(
            f"Fine-tuning learns from labels, which {train.description} do not have; bring images with classes."
        )
    ranks = removal_order(
        store,
        network,
        config.pruning,
        device=device,
        data_dir=data_dir,
        progress=lambda fraction, message: say(_ORDER_SHARE * fraction, message),
        cancel=cancel,
    )
    removed, most = removed_for_sparsity(config.sparsity, len(ranks)), removable(network, config.pruning)
    if removed > most:
        raise NcvizError(
            f"At most {most / len(ranks):.1%} of the weights can go while layers are protected; "
            f"{config.sparsity:.1%} were asked for."
        )
    net, steps = network.module(), steps_of(len(train), config.tuning)

    def step(number: int, loss: float) -> None:
        epoch = (number - 1) * config.tuning.epochs // steps + 1
        say(_ORDER_SHARE + (1 - _ORDER_SHARE) * number / steps, f"epoch {epoch} of {config.tuning.epochs}")
        if on_step is not None:
            on_step(number, loss)

    say(_ORDER_SHARE, "accuracy before")
    whole = accuracy(net, test.inputs, test.labels, device)
    found = fine_tune(
        net,
        masks_at(ranks, removed, shapes_of(network)),
        (train.inputs, train.labels),
        (test.inputs, test.labels),
        config.tuning,
        device=device,
        on_step=step,
        on_epoch=on_epoch,
    )
    meta = {
        **anonymous(network),
        **config.as_dict(),
        "architecture": network.architecture,
        "dataset": network.dataset,
        "trained_on": train.description,
        "evaluated_on": test.description,
    }
    record = FineTuneRecord(
        loss=np.array(found.loss),
        accuracy=np.array(found.accuracy),
        whole=whole,
        removed=removed,
        total=len(ranks),
        arrays={name: values.detach().numpy() for name, values in found.net.state_dict().items()},
        meta=meta,
    )
    problem = put(store, finetune_key(network, config, data_dir), record.to_record())
    return Outcome(record, False, problem)


def tuned_network(network: Network, record: FineTuneRecord, name: str) -> Network:
    """Return the fine-tuned network under a name of its own."""
    return Network(name, name, network.architecture, network.dataset, record.arrays, is_bundled=False)


def tuned_checkpoint(record: FineTuneRecord) -> bytes:
    """Return the fine-tuned network's state dict as the bytes of a safetensors file."""
    import torch
    from safetensors.torch import save

    return save({name: torch.from_numpy(np.array(values)) for name, values in record.arrays.items()})
