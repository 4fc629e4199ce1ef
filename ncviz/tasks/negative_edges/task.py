"""Measures negative edges and smallest radius image by image: out of the store, or anew."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import ClassVar

import numpy as np

from ncviz.data.predicted_labels import labels_for
from ncviz.errors import DataError
from ncviz.fingerprint import digest
from ncviz.jobs import JobKind
from ncviz.models.network import Network
from ncviz.store import Record
from ncviz.tasks.accuracy import evaluator
from ncviz.tasks.curvature.task import count_weights
from ncviz.tasks.negative_edges.record import NegativeEdgesConfig, NegativeEdgesRecord
from ncviz.tasks.task import Context, StoredTask, anonymous

# Raised whenever a change could alter a stored number.
NEGATIVE_EDGES_VERSION = 1
# Of the time, the rest being the curvature of every edge.
_RADII_SHARE = 0.2
_AT_ONCE, _FEW_WEIGHTS = 4, 100_000
_SECONDS_BETWEEN_WRITES = 2.0
_ARRAYS = ("image", "label", "negative", "live", "unproved", "radius", "is_fooled")


@dataclass(frozen=True, eq=False)
class NegativeEdges(StoredTask[NegativeEdgesRecord]):
    """Negative edges and smallest radius of some images; what was measured before is not again.

    Attributes:
        network: The network.
        config: Which images, and how.
    """

    network: Network
    config: NegativeEdgesConfig = field(default_factory=NegativeEdgesConfig)

    kind: ClassVar[str] = "negative edges"
    what: ClassVar[str] = "result on negative edges"
    facts: ClassVar[tuple[str, ...]] = ("settings", "evaluated_on", "batchnorm")
    job: ClassVar[JobKind] = JobKind(kept="images that were measured are kept")

    def key(self, context: Context) -> str:
        """Return the store's key."""
        config = self.config
        curvature = config.calibration.key(has_batchnorm=self.network.has_batchnorm)
        search = {name: float(value) for name, value in asdict(config.search).items()}
        images = context.fingerprint(self.network)
        settings = [config.images, config.seed, search]
        return digest(
            "negative edges", NEGATIVE_EDGES_VERSION, self.network.fingerprint, images, curvature, settings
        )

    def is_complete(self, result: NegativeEdgesRecord, context: Context) -> bool:
        """Whether all images are measured."""
        return result.is_complete

    def run(self, context: Context) -> NegativeEdgesRecord:
        """Measure what is not known; images that are finished when it stops are stored."""
        record = context.look_up(self) or self._empty(context)
        try:
            if np.isnan(record.radius).any():
                self._attack(record, context.part(0.0, _RADII_SHARE))
            self._count(record, context.part(_RADII_SHARE, 1.0))
        except BaseException:
            self._keep(record, context)
            raise
        return record

    def encode(self, result: NegativeEdgesRecord) -> Record:
        """Return it as arrays and JSON."""
        arrays = {name: getattr(result, name) for name in _ARRAYS}
        return Record(arrays, dict(result.meta))

    def decode(self, record: Record) -> NegativeEdgesRecord:
        """Read it back."""
        # Those that do not tell of unproved edges were measured while one ended the work.
        arrays = {"unproved": np.zeros_like(record.arrays["live"])} | dict(record.arrays)
        return NegativeEdgesRecord(**{name: arrays[name].copy() for name in _ARRAYS}, meta=record.meta)

    def _empty(self, context: Context) -> NegativeEdgesRecord:
        """Choose the images."""
        network, config = self.network, self.config
        context.say(0.0, "choosing the images")
        measured = evaluator(network, context)
        is_right = (measured.predictions() == measured.labels).numpy()
        order = np.random.default_rng(config.seed).permutation(measured.images)
        chosen = np.sort(order[is_right[order]][: config.images]).astype(np.int64)
        if len(chosen) < 3:
            raise DataError(
                f"The network gets {len(chosen)} of {measured.images} evaluation images right; at least three are "
                "needed to set negative edges beside robustness."
            )
        meta = {
            **anonymous(network),
            "settings": config.as_dict(),
            "batchnorm": config.batchnorm if network.has_batchnorm else "",
            "dataset": network.dataset,
            "evaluated_on": context.images(network, "test").description,
            "kind": self.kind,
        }
        count = len(chosen)
        nothing = np.full(count, -1, dtype=np.int64)
        return NegativeEdgesRecord(
            chosen,
            measured.labels.numpy()[chosen],
            nothing,
            nothing.copy(),
            np.zeros(count, dtype=np.int64),
            np.full(count, np.nan),
            np.zeros(count, dtype=np.bool_),
            meta,
        )

    def _attack(self, record: NegativeEdgesRecord, context: Context) -> None:
        import torch

        from ncviz.pruning.robustness import smallest_radii

        config, net = self.config, self.network.module()
        data, rows = context.images(self.network, "test"), torch.from_numpy(record.image)
        radius, is_fooled = smallest_radii(
            net,
            data.pictures(data.inputs[rows]),
            labels_for(net, data, context.device, rows),
            config.search,
            normalise=data.normalised,
            seed=config.seed,
            device=context.device,
            report=lambda fraction: context.say(fraction, "looking for the smallest radius that fools"),
        )
        record.radius[:], record.is_fooled[:] = radius.numpy(), is_fooled.numpy()

    def _count(self, record: NegativeEdgesRecord, context: Context) -> None:
        import torch

        from ncviz.curvature import neural_curvature

        net, data = self.network.module(), context.images(self.network, "test")
        todo, written = np.flatnonzero(record.live < 0), time.monotonic()
        total = len(record.image)
        # Every edge is held: of a network that may have many, one image at a time.
        at_once = _AT_ONCE if count_weights(self.network) <= _FEW_WEIGHTS else 1
        for start in range(0, len(todo), at_once):
            own = todo[start : start + at_once]
            done = total - len(todo) + start

            def tell(fraction: float, _: str, done: int = done, count: int = len(own)) -> None:
                context.say(
                    (done + fraction * count) / total, f"every edge's curvature, image {done + 1} of {total}"
                )

            found = neural_curvature(
                net,
                data.inputs[torch.from_numpy(record.image[own])],
                alpha=self.config.alpha,
                **self.config.calibration.graph.options,
                device=context.device,
                keep_edges=True,
                progress=tell,
                cancel=context.cancel,
                executor=context.executor,
            )
            for sample, at in enumerate(own.tolist()):
                record.negative[at], record.live[at] = found.count_edges(sample)
                record.unproved[at] = found.count_unproved_edges(sample)
            if time.monotonic() - written > _SECONDS_BETWEEN_WRITES:
                self._keep(record, context)
                written = time.monotonic()

    def _keep(self, record: NegativeEdgesRecord, context: Context) -> None:
        context.desk.keep(self, self.key(context), self.encode(record))
