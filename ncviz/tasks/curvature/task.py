"""From a network to its curvature, on the calibration images of all classes or on some of them alone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ncviz.config import ALGORITHM_VERSION, CurvatureConfig
from ncviz.data.calibration import calibration_notes, select_calibration
from ncviz.data.datasets import load_dataset
from ncviz.data.predicted_labels import labels_for
from ncviz.data.user_data.registry import is_user_data
from ncviz.fingerprint import digest
from ncviz.jobs import JobKind
from ncviz.models.network import Network
from ncviz.store import Record
from ncviz.tasks.curvature.building import from_result
from ncviz.tasks.curvature.intervals import middle
from ncviz.tasks.curvature.pictures import Pictures, take_pictures
from ncviz.tasks.curvature.record import CurvatureRecord
from ncviz.tasks.curvature.stored import decode, encode
from ncviz.tasks.task import Context, StoredTask, Task, anonymous

if TYPE_CHECKING:
    from ncviz.curvature import CurvatureResult

# 40 MB of float32, and about as much time again to compute each sample by itself.
MAX_SAMPLE_VALUES = 10_000_000
# A smaller network's curvature is exact before anyone has looked at what comes before.
_WATCHED_WEIGHTS = 50_000


@dataclass(frozen=True, eq=False)
class _OfNetwork(StoredTask[CurvatureRecord]):
    """What both have in common: whose curvature it is, and the record."""

    network: Network

    kind: ClassVar[str] = "curvature"
    what: ClassVar[str] = "result"

    @property
    def asked_as(self) -> tuple[str, ...]:
        """What the network and its images are called."""
        return self.network.name, self.network.title, self.network.dataset

    def encode(self, result: CurvatureRecord) -> Record:
        """Return the curvature as arrays and JSON."""
        return encode(result)

    def decode(self, record: Record) -> CurvatureRecord:
        """Read a curvature back."""
        return decode(record)


@dataclass(frozen=True, eq=False)
class Curvature(_OfNetwork):
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


@dataclass(frozen=True, eq=False)
class Flow(_OfNetwork):
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


@dataclass(frozen=True, eq=False)
class ClassCurvatureResult:
    """The curvature on all calibration images, and on those of each class alone.

    Attributes:
        whole: On all of them.
        classes: κ of each weight on the images of each class, float32 [classes, N], the weights flattened one after
            the other; 2 where a weight is never active. The middle of its interval where it is not exact.
        widths: How wide these intervals are, float32 of the same shape, 0 where κ is exact.
    """

    whole: CurvatureRecord
    classes: np.ndarray
    widths: np.ndarray

    def sentence(self) -> str:
        """Return what is said of classes whose curvature is not exact, "" if there are none."""
        is_open = self.widths > 0
        if not is_open.any():
            return ""
        return (
            f"κ on one class alone is known within intervals for {int(is_open.any(axis=0).sum()):,} weights, in "
            f"{int(is_open.any(axis=1).sum())} of {len(is_open)} classes; the ranking goes by the middle of each."
        )


@dataclass(frozen=True, eq=False)
class ClassCurvature(Task[ClassCurvatureResult]):
    """The curvature of each class alone, for finding a class's own bottlenecks; each class is kept when it is done.

    Attributes:
        network: The network.
        config: Settings of its curvature.
    """

    network: Network
    config: CurvatureConfig = field(default_factory=CurvatureConfig)

    job: ClassVar[JobKind] = JobKind(kept="classes that were finished are kept")
    most_known: ClassVar[int] = 4

    @property
    def asked_as(self) -> tuple[str, ...]:
        """What the network and its images are called."""
        return self._whole.asked_as

    def key(self, context: Context) -> str:
        """Return a name of its own, which the store does not know."""
        return f"classes-{self._whole.key(context)}"

    def known(self, context: Context) -> ClassCurvatureResult | None:
        """Return it if the curvature of every class is known."""
        whole = context.look_up(self._whole)
        if whole is None or not self._whole.is_complete(whole, context):
            return None
        found = []
        for flow in class_flows(self.network, whole):
            record = context.look_up(flow)
            if record is None:
                return None
            found.append(record)
        return _class_result(whole, found)

    def run(self, context: Context) -> ClassCurvatureResult:
        """Compute the classes that are not known."""
        whole = context.run(self._whole).result
        flows = class_flows(self.network, whole)
        found = []
        for number, flow in enumerate(flows):

            def tell(fraction: float, _: str, number: int = number) -> None:
                context.say((number + fraction) / len(flows), f"class {number + 1} of {len(flows)}")

            tell(0.0, "")
            found.append(replace(context, progress=tell).run(flow).result)
        return _class_result(whole, found)

    @property
    def _whole(self) -> Curvature:
        return Curvature(self.network, self.config)


def class_flows(network: Network, whole: CurvatureRecord) -> list[Flow]:
    """Return the curvature on the images of each class alone, of those that have any, as tasks."""
    classes = [np.flatnonzero(whole.labels == label).tolist() for label in np.unique(whole.labels)]
    return [Flow(network, whole, tuple(samples)) for samples in classes]


def _class_result(whole: CurvatureRecord, classes: Sequence[CurvatureRecord]) -> ClassCurvatureResult:
    widths = np.zeros((len(classes), whole.total), dtype=np.float32)
    for at, record in enumerate(classes):
        if (known := record.intervals) is not None:
            own = [known.upper[name] - known.lower[name] for name in record.weights]
            widths[at] = np.nan_to_num(np.concatenate([values.reshape(-1) for values in own]))
    return ClassCurvatureResult(whole, np.stack([flat_curvature(record) for record in classes]), widths)


def flat_curvature(record: CurvatureRecord) -> np.ndarray:
    """Return κ of all weights, one tensor after the other, float32 [N]."""
    return np.concatenate([values.reshape(-1) for values in record.weights.values()])


def count_weights(network: Network) -> int:
    """Return how many weights there are; what has fewer than two axes (biases, normalisations) carries no edges."""
    return sum(values.size for values in network.arrays.values() if values.ndim > 1)
