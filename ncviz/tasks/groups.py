"""The bottlenecks that some images have to themselves: those of a class, of several classes, or of single images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ncviz.config import Group
from ncviz.errors import NcvizError
from ncviz.fingerprint import digest
from ncviz.jobs import JobKind
from ncviz.models.network import Network
from ncviz.pruning.class_bottlenecks import most_specific
from ncviz.tasks.curvature.flow import Flow, class_flows
from ncviz.tasks.curvature.record import CurvatureRecord, flat_curvature
from ncviz.tasks.task import Context, Task


@dataclass(frozen=True, eq=False)
class GroupBottlenecks(Task[np.ndarray]):
    """The weights that are more of a bottleneck for a group of images than for the other classes, as int64 [k].

    Those with κ < 0 on the group's images, by the mean κ of the classes that are not among them less their own κ, the
    most specific first. For one class this is what ``ncviz.pruning.class_bottlenecks.specific_bottlenecks`` finds.

    Attributes:
        network: The network.
        whole: Its curvature on all calibration images.
        group: Which of these images.
    """

    network: Network
    whole: CurvatureRecord
    group: Group

    job: ClassVar[JobKind] = JobKind(kept="classes that were finished are kept")
    most_known: ClassVar[int] = 24

    def key(self, context: Context) -> str:
        """Return a name of its own, which the store does not know."""
        return digest("group bottlenecks", self.whole.key, str(self.group))

    def known(self, context: Context) -> np.ndarray | None:
        """Return them where the curvature of all images concerned is known."""
        found = []
        for flow in self._flows():
            record = context.look_up(flow)
            if record is None:
                return None
            found.append(flat_curvature(record))
        return _ranked(found)

    def run(self, context: Context) -> np.ndarray:
        """Compute what is not known yet."""
        # What is known already takes no time, so it counts for none.
        found = {flow.samples: context.look_up(flow) for flow in self._flows()}
        todo = [flow for flow in self._flows() if found[flow.samples] is None]
        for number, flow in enumerate(todo):

            def tell(fraction: float, _: str, number: int = number) -> None:
                context.say((number + fraction) / len(todo), f"part {number + 1} of {len(todo)}")

            tell(0.0, "")
            found[flow.samples] = replace(context, progress=tell).run(flow).result
        return _ranked([flat_curvature(record) for record in found.values() if record is not None])

    def _flows(self) -> list[Flow]:
        """Return the group's curvature as a task, then that of each class without an image in it."""
        own = samples_of(self.group, self.whole.labels)
        if not own:
            raise NcvizError(f"there is no {self.group} among the calibration images.")
        others = [flow for flow in class_flows(self.network, self.whole) if not set(flow.samples) & set(own)]
        if not others:
            raise NcvizError("a group must leave out at least one class, to be told from the others.")
        return [Flow(self.network, self.whole, own), *others]


def samples_of(group: Group, labels: np.ndarray) -> tuple[int, ...]:
    """Return which calibration images a group is, given their classes; () where one of them is not there."""
    known = np.arange(len(labels)) if group.kind == "image" else np.asarray(labels)
    if not np.isin(group.numbers, known).all():
        return ()
    return tuple(np.flatnonzero(np.isin(known, group.numbers)).tolist())


def _ranked(curvature: list[np.ndarray]) -> np.ndarray:
    """Return the bottlenecks of the first, given the κ of its weights and of theirs on each other class."""
    own, *others = (values.astype(np.float64) for values in curvature)
    return most_specific(own, sum(others, np.zeros(len(own))) / len(others) - own)
