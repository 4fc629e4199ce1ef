"""The edge that the Edge page is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ncviz import tasks
from ncviz.scene.names import unit_title
from ncviz.scene.selection import Edge, read_flow
from ncviz.tasks import CurvatureRecord
from ncviz.ui.session import session

if TYPE_CHECKING:
    from ncviz.tasks import EdgeProblem


@dataclass(frozen=True, eq=False)
class ChosenEdge:
    """The edge that the page is about.

    Attributes:
        task: The edge on the image.
        problem: Its transport problem.
        weight: Flat index of the edge's weight within its connection.
    """

    task: tasks.EdgeOnImage
    problem: EdgeProblem
    weight: int

    @property
    def network(self) -> tasks.Network:
        """The network."""
        return self.task.on.network

    @property
    def record(self) -> CurvatureRecord:
        """Its curvature."""
        return self.task.on.record

    @property
    def sample(self) -> int:
        """Which calibration image, from 0."""
        return self.task.on.sample

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names."""
        return self.network.dataset_spec.classes

    def name(self, *, is_source: bool) -> str:
        """Return the full name of one end."""
        at, unit = (0, self.problem.source) if is_source else (1, self.problem.target)
        return unit_title(self.record, self.problem.layers[at], unit, self.classes)


def find_edge(of: tasks.Network, record: CurvatureRecord, edge: Edge) -> ChosenEdge:
    """Return an edge of the network on the image that the view asks for.

    Raises:
        NcvizError: If there is no such edge, or its image cannot be had.
    """
    weight = tasks.edge_weight(record, *edge)
    among = read_flow(session.view().flow).samples(record.labels.tolist())
    sample = tasks.least_sample(record, edge.connection, weight, among)
    task = tasks.EdgeOnImage(tasks.ImageActivations(of, record, sample), edge)
    return ChosenEdge(task, session.context().run(task).result, weight)
