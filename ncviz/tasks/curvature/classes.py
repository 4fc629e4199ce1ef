"""A network's curvature on the calibration images of each class alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from ncviz.config import CurvatureConfig
from ncviz.jobs import JobKind
from ncviz.models.network import Network
from ncviz.tasks.curvature.flow import class_flows
from ncviz.tasks.curvature.record import CurvatureRecord, flat_curvature
from ncviz.tasks.curvature.task import Curvature
from ncviz.tasks.task import Context, Task


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


def _class_result(whole: CurvatureRecord, classes: Sequence[CurvatureRecord]) -> ClassCurvatureResult:
    widths = np.zeros((len(classes), whole.total), dtype=np.float32)
    for at, record in enumerate(classes):
        if (known := record.intervals) is not None:
            own = [known.upper[name] - known.lower[name] for name in record.weights]
            widths[at] = np.nan_to_num(np.concatenate([values.reshape(-1) for values in own]))
    return ClassCurvatureResult(whole, np.stack([flat_curvature(record) for record in classes]), widths)
