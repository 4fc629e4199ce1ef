"""A network's curvature on some of its calibration images alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ncviz.fingerprint import digest
from ncviz.models.network import Network
from ncviz.tasks.curvature.building import from_result
from ncviz.tasks.curvature.record import CurvatureRecord
from ncviz.tasks.curvature.stored import OfNetwork
from ncviz.tasks.task import Context, StoredTask, anonymous


@dataclass(frozen=True, eq=False)
class Flow(OfNetwork, StoredTask[CurvatureRecord]):
    """The curvature on some of a result's calibration images alone.

    Its image numbers, labels and pictures are those of the whole result.

    Attributes:
        network: The network.
        whole: Its curvature on all calibration images.
        samples: Which of them count, at least one.
    """

    whole: CurvatureRecord
    samples: tuple[int, ...]

    most_known: ClassVar[int] = 24

    def key(self, context: Context) -> str:
        """Return the store's key."""
        return digest("flow", str(self.whole.meta["key"]), [int(sample) for sample in self.samples])

    def known(self, context: Context) -> CurvatureRecord | None:
        """Return it out of the whole result, where that keeps single images."""
        return self.whole.of(self.samples)

    def run(self, context: Context) -> CurvatureRecord:
        """Compute it, the images numbered by themselves."""
        import torch

        from ncviz.curvature import neural_curvature

        whole, samples = self.whole, list(self.samples)
        pool = context.images(self.network, "train")
        chosen = whole.calibration[samples]
        result = neural_curvature(
            self.network.module(),
            pool.inputs[torch.from_numpy(chosen)],
            alpha=whole.config.alpha,
            layers=whole.config.layers,
            channels=whole.config.channels,
            seed=whole.config.seed,
            **whole.config.graph.options,
            device=context.device,
            progress=context.say,
            cancel=context.cancel,
        )
        meta = {**whole.meta, **anonymous(self.network), "device": context.device}
        pictures = whole.pictures.cut(samples)
        return from_result(result, self.network.arrays, chosen, whole.labels[samples], pictures, meta)

    def as_asked(self, result: CurvatureRecord) -> CurvatureRecord:
        """Return it with the images numbered as in the whole result."""
        places = tuple(place.renumbered(np.asarray(self.samples)) for place in result.places)
        return replace(
            self.whole,
            weights=result.weights,
            places=places,
            meta=self.whole.meta_of(self.samples),
            intervals=result.intervals,
        )


def class_flows(network: Network, whole: CurvatureRecord) -> list[Flow]:
    """Return the curvature on the images of each class alone, of those that have any, as tasks."""
    classes = [np.flatnonzero(whole.labels == label).tolist() for label in np.unique(whole.labels)]
    return [Flow(network, whole, tuple(samples)) for samples in classes]
