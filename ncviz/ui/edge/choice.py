"""The edge that the Edge page is about, and bounded caches in front of what is computed for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.scene.edge.text import STEPS, STEPS_PER_DOUBLING
from ncviz.scene.names import unit_title
from ncviz.scene.selection import Edge, read_flow
from ncviz.tasks import CurvatureRecord
from ncviz.ui.session import session
from ncviz.values import CLOSED_FROM

if TYPE_CHECKING:
    from ncviz.tasks import EdgeExplanation, EdgeProblem, NetworkOnImage


@dataclass(frozen=True, eq=False)
class EdgeOnImage:
    """The edge that the page is about.

    Attributes:
        network: The network.
        record: Its curvature.
        problem: The edge's transport problem on the image.
        sample: Which calibration image, from 0.
        weight: Flat index of the edge's weight within its connection.
        key: Names problem and image, for caches.
    """

    network: tasks.Network
    record: CurvatureRecord
    problem: EdgeProblem
    sample: int
    weight: int
    key: str

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names."""
        return self.network.dataset_spec.classes

    def name(self, *, is_source: bool) -> str:
        """Return the full name of one end."""
        at, unit = (0, self.problem.source) if is_source else (1, self.problem.target)
        return unit_title(self.record, self.problem.layers[at], unit, self.classes)


def find_edge(of: tasks.Network, record: CurvatureRecord, edge: Edge) -> EdgeOnImage:
    """Return an edge of the network on the image that the view asks for.

    Raises:
        NcvizError: If there is no such edge, or its image cannot be had.
    """
    view = session.view()
    weight = tasks.edge_weight(record, *edge)
    among = read_flow(view.flow).samples(record.labels.tolist())
    sample = tasks.least_sample(record, edge.connection, weight, among)
    context = session.context()
    key = f"{record.key}/{sample}/{context.device}"
    problem = _problem(f"{key}/{edge}", edge, key, of, record, sample, context)
    return EdgeOnImage(of, record, problem, sample, weight, f"{key}/{edge}")


@st.cache_resource(max_entries=32, show_spinner=False)
def _problem(
    key: str, edge: Edge, lens_key: str, _of: tasks.Network, _record: CurvatureRecord, sample: int,
    _context: tasks.Context,
) -> EdgeProblem:  # fmt: skip
    return _lens_on(lens_key, _of, _record, sample, _context).edge(*edge)


@st.cache_resource(max_entries=4, show_spinner=False)
def _lens_on(
    key: str, _of: tasks.Network, _record: CurvatureRecord, sample: int, _context: tasks.Context
) -> NetworkOnImage:
    return tasks.lens_on(_of, _record, sample, _context)


@st.cache_resource(max_entries=64, show_spinner=False)
def explained(key: str, alpha: float, weight: float, _problem: EdgeProblem) -> EdgeExplanation:
    """Return the edge taken apart at an idleness and a weight."""
    return _problem.at(alpha, weight)


@st.cache_resource(max_entries=128, show_spinner=False)
def over_alpha(key: str, weight: float, _problem: EdgeProblem) -> tuple[np.ndarray, np.ndarray]:
    """Return idleness and κ over it, for a weight."""
    alphas = np.append(np.linspace(0, CLOSED_FROM, 21), 0.99)
    return alphas, _problem.curve(alphas.tolist(), weight)


@st.cache_resource(max_entries=128, show_spinner=False)
def over_weight(key: str, alpha: float, _problem: EdgeProblem) -> tuple[np.ndarray, np.ndarray]:
    """Return weights of the edge and κ over them, for an idleness."""
    weights = _problem.weight * 2.0 ** (np.arange(-STEPS, STEPS + 1) / STEPS_PER_DOUBLING)
    return weights, _problem.weight_curve(weights.tolist(), alpha)
