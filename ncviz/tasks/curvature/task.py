"""From a network to its curvature on its calibration images."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from ncviz.config import ALGORITHM_VERSION, CurvatureConfig
from ncviz.data.calibration import calibration_notes, select_calibration
from ncviz.data.datasets import load_dataset
from ncviz.data.predicted_labels import labels_for
from ncviz.data.user_data.registry import is_user_data
from ncviz.fingerprint import digest
from ncviz.models.network import Network
from ncviz.store import Record
from ncviz.tasks.curvature.building import from_result
from ncviz.tasks.curvature.intervals import middle
from ncviz.tasks.curvature.pictures import Pictures, take_pictures
from ncviz.tasks.curvature.record import CurvatureRecord
from ncviz.tasks.curvature.stored import OfNetwork, encode
from ncviz.tasks.task import Context, StoredTask, anonymous

if TYPE_CHECKING:
    from ncviz.curvature import CurvatureResult

# 40 MB of float32, and about as much time again to compute each sample by itself.
MAX_SAMPLE_VALUES = 10_000_000
# A smaller network's curvature is exact before anyone has looked at what comes before.
_WATCHED_WEIGHTS = 50_000


@dataclass(frozen=True, eq=False)
class Curvature(OfNetwork, StoredTask[CurvatureRecord]):
    """The curvature of a network.

    Attributes:
        network: The network.
        config: Settings.
        tolerance: Intervals no wider than this times max(1, |κ|) will do; 0 for exact values. It is no part of the
            key: a sharper result takes the place of a looser one.
        time_limit: Seconds after which the computation stops with what it has; None for none.
    """

    config: CurvatureConfig = field(default_factory=CurvatureConfig)
    tolerance: float = 0.0
    time_limit: float | None = None

    is_sharpened: ClassVar[bool] = True
    most_known: ClassVar[int] = 16

    def key(self, context: Context) -> str:
        """Return the store's key: weights, calibration pool, settings, algorithm."""
        images = context.fingerprint(self.network, "train")
        config = self.config.key(has_batchnorm=self.network.has_batchnorm)
        return digest("curvature", self.network.fingerprint, images, config)

    def is_complete(self, result: CurvatureRecord, context: Context) -> bool:
        """Whether a known result is as sharp as is asked for or can be, or as long was spent on it as may be."""
        if result.intervals is not None and result.intervals.is_final:
            return True
        if self.time_limit is not None and self.time_limit <= result.seconds:
            return True
        if self.tolerance:
            return result.intervals is None or result.intervals.is_within(self.tolerance)
        has_all = result.samples is not None or not self._keeps_samples(len(result.calibration))
        return result.intervals is None and has_all

    def better(self, known: CurvatureRecord, new: CurvatureRecord) -> CurvatureRecord:
        """Return the sharper result, or what both say together."""
        if known.intervals is None or new.intervals is None:
            exact = [each for each in (known, new) if each.intervals is None]
            return next((each for each in exact if each.samples is not None), exact[0])
        both = known.intervals.sharper(new.intervals)
        return replace(
            new,
            weights={name: middle(both.lower[name], both.upper[name]) for name in new.weights},
            intervals=both if both.widths.any() else None,
            meta={**new.meta, "seconds": max(known.seconds, new.seconds)},
        )

    def run(self, context: Context) -> CurvatureRecord:
        """Compute it; whoever looks on is shown what is known of it meanwhile, which is kept if it comes to no end."""
        from ncviz.curvature import neural_curvature

        network, config, device = self.network, self.config, context.device
        started = time.perf_counter()
        net = network.module()
        pool = context.images(network, "train")
        chosen = select_calibration(net, pool, config.samples_per_class, config.seed, device)
        labels = labels_for(net, pool, device, chosen)
        taken: dict[str, Pictures] = {}

        def record_of(result: CurvatureResult) -> CurvatureRecord:
            inputs = pool.inputs[chosen]
            if not taken:
                taken["all"] = take_pictures(net, result.graph, inputs, device, pool.pictures(inputs))
            meta = {
                **self._asked(),
                "key": self.key(context),
                "architecture": network.architecture,
                "dataset": network.dataset,
                "pool": pool.description,
                "notes": list(calibration_notes(pool, chosen, labels, config.samples_per_class)),
                "device": device,
                "seconds": round(time.perf_counter() - started, 3),
                "algorithm": ALGORITHM_VERSION,
            }
            return from_result(result, network.arrays, chosen.numpy(), labels.numpy(), taken["all"], meta)

        shown: list[CurvatureRecord] = []
        if context.show is not None:
            context.show(shown)
        # Intervals are computed on the CPU; a GPU has the exact values before there is much to see.
        is_watched = (
            context.show is not None
            and count_weights(network) >= _WATCHED_WEIGHTS
            and not device.startswith("cuda")
        )
        is_alone = context.executor is None or isinstance(context.executor, ThreadPoolExecutor)
        known = context.look_up(self) if is_watched else None

        def tell(found: CurvatureResult) -> None:
            record = record_of(found)
            # What was known before may be sharper.
            shown[:] = [record if known is None else self.better(known, record)]

        try:
            result = neural_curvature(
                net,
                pool.inputs[chosen],
                alpha=config.alpha,
                device=device,
                keep_samples=self._keeps_samples(len(chosen)) and not self.tolerance,
                layers=config.layers,
                channels=config.channels,
                seed=config.seed,
                **config.graph.options,
                progress=context.say,
                cancel=context.cancel,
                executor=context.executor,
                tolerance=self.tolerance,
                time_limit=self.time_limit,
                on_result=tell if is_watched and is_alone else None,
            )
        except Exception:
            for record in shown:
                context.desk.keep_best(self, context, record)
            raise
        return record_of(result)

    def _keeps_samples(self, images: int) -> bool:
        """Whether κ is kept on each of so many images by itself."""
        return images * count_weights(self.network) <= MAX_SAMPLE_VALUES

    def encode(self, result: CurvatureRecord) -> Record:
        """Return the curvature as arrays and JSON, without the name of an upload."""
        return encode(replace(result, meta={**result.meta, **anonymous(self.network)}))

    def as_asked(self, result: CurvatureRecord) -> CurvatureRecord:
        """Return it under the name that is asked for, with the alpha asked for, which has the same effect."""
        asked = self._asked()
        if is_user_data(self.network.dataset):
            asked["pool"] = load_dataset(self.network.dataset, "train").description
        if asked.items() <= result.meta.items():
            return result
        if is_user_data(self.network.dataset):
            # They name classes in the words of whoever brought the images.
            asked["notes"] = []
        return replace(result, meta={**result.meta, **asked})

    def _asked(self) -> dict[str, Any]:
        """What was asked for, in the asker's own words."""
        return {"model": self.network.name, "title": self.network.title, "config": self.config.as_dict()}


def count_weights(network: Network) -> int:
    """Return how many weights there are; what has fewer than two axes (biases, normalisations) carries no edges."""
    return sum(values.size for values in network.arrays.values() if values.ndim > 1)
