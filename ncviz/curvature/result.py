"""The curvature of a network, and of its single edges where they were kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from ncviz.engine.results import ConnectionCurvature, Work, middle
from ncviz.engine.sampled import measured_edges
from ncviz.errors import DataError
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.values import DEAD, NEVER_ACTIVE


@dataclass(frozen=True, eq=False)
class CurvatureResult:
    """Curvature of a network on a set of calibration inputs; immutable.

    Attributes:
        graph: The neural graph.
        alpha: Idleness that it was computed with.
        weights: For each weight's name, float64 of its shape: the minimum of κ over its live edges (output
            positions) and over the samples; 2, the upper bound, if it has no live edge in any sample, which says
            nothing of the weight (see ``never_active``). NaN where it was not computed: in layers that were not
            chosen, and between channels that were left out. Where it is not exact, the middle of its interval.
        lower: For each weight's name, float64 of its shape: the lower end of an interval that contains that minimum.
        upper: The upper end; the same where the minimum is exact.
        unproved: For each weight's name, whose intervals no more time would narrow, bool of its shape: the best plan
            could not be proved to be one, which happens beside weights of 1e-20 alone.
        least: For each connection, where these minima are: curvature float64, position int64 and sample int64,
            each [W] in the order of the flat weight. The position is that of the edge's target in its feature map,
            a valid one where no edge is live, and -1 where the weight has no edge; the sample is -1 then.
        samples: For each weight's name, float32 [n, *shape]: the same minimum for each sample alone; NaN where
            no edge is live. None unless it was asked for, and exact.
        sample_positions: For each connection int64 [n, W], the output position of each of these; -1 where no edge is
            live. None with ``samples``.
        dead_share: For each connection, the mean share of edges that are dead in a sample.
        work: For each connection, how many edges were settled in which way, and where.
    """

    graph: NeuralGraph
    alpha: float
    weights: Mapping[str, Tensor]
    lower: Mapping[str, Tensor]
    upper: Mapping[str, Tensor]
    unproved: Mapping[str, Tensor]
    least: tuple[tuple[Tensor, Tensor, Tensor], ...]
    samples: Mapping[str, Tensor] | None
    sample_positions: tuple[Tensor, ...] | None
    dead_share: tuple[float, ...]
    work: tuple[Work, ...]
    _grids: tuple[tuple[np.ndarray, ...], ...] | None = field(default=None, repr=False)

    @cached_property
    def is_exact(self) -> Mapping[str, Tensor]:
        """For each weight's name, which weights' curvature is exact, bool of its shape; so is what was not computed."""
        return MappingProxyType(
            {name: (self.upper[name] == low) | low.isnan() for name, low in self.lower.items()}
        )

    @cached_property
    def never_active(self) -> Mapping[str, Tensor]:
        """For each weight's name, which weights have edges, but none that is live in any sample: bool of its shape.

        They are a group of their own: on other samples they may well be active. A weight that is zero has no edge and
        is none of them, nor is one whose curvature was not computed.
        """
        has_edge: dict[str, np.ndarray] = {}
        for each in self.graph.connections:
            own = each.as_parameter(each.first_position >= 0)
            has_edge[each.parameter] = has_edge.get(each.parameter, False) | own
        return MappingProxyType(
            {
                name: torch.from_numpy(has_edge[name]) & (values >= NEVER_ACTIVE)
                for name, values in self.weights.items()
            }
        )

    def edges(self, connection: int, sample: int = 0) -> tuple[Tensor, Tensor, Tensor]:
        """Return all edges of one connection with their curvature on one sample.

        Args:
            connection: Index of the weight layer, from 0.
            sample: Index of the calibration input.

        Returns:
            source int64 [E] and target int64 [E], unit indices within their layers, and curvature float64 [E];
            an edge that is dead on this sample carries 1, and one whose curvature could not be proved NaN.

        Raises:
            DataError: If the result was computed without ``keep_edges=True``, or an index is out of range.
        """
        self._check_edges()
        assert self._grids is not None
        if not 0 <= connection < len(self._grids):
            raise DataError(f"connection must lie in 0 … {len(self._grids) - 1}, got {connection}.")
        if not self._grids[connection]:
            name = self.graph.connections[connection].parameter
            raise DataError(f"The curvature of '{name}' was not computed; name it in layers.")
        if not 0 <= sample < len(self._grids[connection]):
            raise DataError(f"sample must lie in 0 … {len(self._grids[connection]) - 1}, got {sample}.")
        joined = self.graph.connections[connection]
        listed, grid = joined.edges, self._grids[connection][sample]
        curvature = grid.reshape(joined.present.shape)[joined.present]
        curvature[np.isnan(curvature)] = DEAD
        curvature[np.isneginf(curvature)] = np.nan
        source, target = torch.from_numpy(listed.source.copy()), torch.from_numpy(listed.target.copy())
        return source, target, torch.from_numpy(curvature)

    def count_edges(self, sample: int = 0) -> tuple[int, int]:
        """Return how many edges of all connections have κ < 0 on one sample, and how many are live on it.

        One whose curvature could not be proved is live, and counts as having no κ < 0.

        Raises:
            DataError: If the result was computed without ``keep_edges=True``, or there is no such sample.
        """
        own = self._grids_of(sample)
        # What is dead, or no edge at all, is NaN there.
        negative = sum(int(np.count_nonzero((grid < 0) & np.isfinite(grid))) for grid in own)
        return negative, sum(int(np.count_nonzero(~np.isnan(grid))) for grid in own)

    def count_unproved_edges(self, sample: int = 0) -> int:
        """Return how many edges of all connections are live on one sample whose curvature could not be proved.

        Raises:
            DataError: If the result was computed without ``keep_edges=True``, or there is no such sample.
        """
        return sum(int(np.count_nonzero(np.isneginf(grid))) for grid in self._grids_of(sample))

    def _grids_of(self, sample: int) -> list[np.ndarray]:
        self._check_edges()
        assert self._grids is not None
        own = [grids for grids in self._grids if grids]
        count = min((len(grids) for grids in own), default=0)
        if not 0 <= sample < count:
            raise DataError(f"sample must lie in 0 … {count - 1}, got {sample}.")
        return [grids[sample] for grids in own]

    def _check_edges(self) -> None:
        if self._grids is None:
            raise DataError("This result keeps no single edges; compute it with keep_edges=True.")


def result_of(
    graph: NeuralGraph, alpha: float, found: list[ConnectionCurvature], samples: int
) -> CurvatureResult:
    """Return what is known of a network's curvature.

    Args:
        graph: The neural graph.
        alpha: Idleness.
        found: What is known of each connection.
        samples: Number of samples.
    """
    each: dict[str, np.ndarray] = {}
    lower: dict[str, np.ndarray] = {}
    upper: dict[str, np.ndarray] = {}
    is_exact = all(own.lower is None for own in found)
    least = []
    for connection, own in zip(graph.connections, found, strict=True):
        name = connection.parameter
        # A weight that stands in two connections has its minimum over both.
        for bounds, value in ((lower, own.lower), (upper, own.upper)):
            own_ends = connection.as_parameter(own.curvature if value is None else value)
            bounds[name] = np.minimum(bounds.get(name, np.inf), own_ends)
        if own.samples is not None:
            each[name] = np.minimum(each.get(name, np.inf), connection.as_parameter(own.samples))
        position = np.where(own.position >= 0, own.position, connection.first_position)
        curvature = _finite(own.curvature, NEVER_ACTIVE)
        least.append(
            (
                torch.from_numpy(curvature),
                torch.from_numpy(position),
                torch.from_numpy(own.sample.astype(np.int64)),
            )
        )
    low = _tensors(lower)
    up = low if is_exact else _tensors(upper)
    keeps = all(own.samples is not None for own in found)
    return CurvatureResult(
        graph=graph,
        alpha=alpha,
        weights=low if is_exact else _tensors({name: middle(lower[name], upper[name]) for name in lower}),
        lower=low,
        upper=up,
        unproved=_unproved(graph, found, lower, upper),
        least=tuple(least),
        samples=MappingProxyType(
            {
                name: torch.from_numpy(_finite(value, np.nan).astype(np.float32))
                for name, value in each.items()
            }
        )
        if each and keeps
        else None,
        sample_positions=tuple(
            torch.from_numpy(own.sample_position) for own in found if own.sample_position is not None
        )
        if keeps
        else None,
        dead_share=tuple(
            1 - own.work.live / max(1, samples * edges) if edges else 0.0
            for edges, own in zip(measured_edges(graph, found), found, strict=True)
        ),
        work=tuple(own.work for own in found),
        _grids=tuple(own.grids for own in found) if any(own.grids for own in found) else None,
    )


def _tensors(values: dict[str, np.ndarray]) -> Mapping[str, Tensor]:
    return MappingProxyType(
        {name: torch.from_numpy(_finite(value, NEVER_ACTIVE)) for name, value in values.items()}
    )


def _finite(values: np.ndarray, otherwise: float) -> np.ndarray:
    return np.where(values == np.inf, otherwise, values)


def _unproved(
    graph: NeuralGraph,
    found: list[ConnectionCurvature],
    lower: dict[str, np.ndarray],
    upper: dict[str, np.ndarray],
) -> Mapping[str, Tensor]:
    """Return for each weight's name whose intervals no more time would narrow."""
    is_open = {name: low < upper[name] for name, low in lower.items()}
    for connection, own in zip(graph.connections, found, strict=True):
        name = connection.parameter
        if own.lower is None or own.upper is None or not is_open[name].any():
            continue
        nothing = np.zeros(len(own.curvature), dtype=np.bool_)
        is_done = (own.lower == own.upper) | (nothing if own.unproved is None else own.unproved)
        is_above = connection.as_parameter(own.lower) >= upper[name]
        is_open[name] &= connection.as_parameter(is_done) | is_above
    return MappingProxyType({name: torch.from_numpy(own) for name, own in is_open.items()})
