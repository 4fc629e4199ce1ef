"""The baselines: each edge's transport problem built and given to POT, edge by edge, in worker processes.

The workers import this module and nothing of torch, so that a core's worth of work is all that they add.
"""

from __future__ import annotations

import signal
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import ot

from ncviz.config import DEFAULT_ALPHA

UNIFORM_BELOW = 1e-7
MAX_ITERATIONS = 10_000_000
FULL, CLOSED_FORM = "pot full", "pot closed form"
METHODS = (FULL, CLOSED_FORM)

Units = np.ndarray | np.int64


@dataclass(frozen=True, eq=False)
class Table:
    """Path lengths between two layers, dense or, where that would not fit memory, by kinds of position pairs.

    Attributes:
        lengths: float64 [units before, units after]; by kinds, [kinds, channels before, channels after].
        kind: By kinds, int32 [positions before, positions after], which of ``lengths`` joins them.
    """

    lengths: np.ndarray
    kind: np.ndarray | None = None

    def at(self, before: Units, after: Units) -> np.ndarray:
        """Return the lengths between units that a path joins; the indices broadcast."""
        if self.kind is None:
            return self.lengths[before, after]
        channel, position = np.divmod(before, self.kind.shape[0])
        channel_after, position_after = np.divmod(after, self.kind.shape[1])
        return self.lengths[self.kind[position, position_after], channel, channel_after]


class Network:
    """What a worker keeps: wiring, path lengths, activations, and each unit's neighbours once they were asked for."""

    def __init__(self, folder: Path) -> None:
        def load(name: str) -> np.ndarray:
            # Mapped, so that the workers share one copy; the plain view indexes faster than the memmap.
            return np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r"))

        def table(name: str) -> Table:
            return Table(load(name), load(f"{name}-kind") if (folder / f"{name}-kind.npy").exists() else None)

        self.depth = len(list(folder.glob("fields-*.npy")))
        self.fields = [load(f"fields-{index}") for index in range(self.depth)]
        self.weight = [load(f"weight-{index}") for index in range(self.depth)]
        self.activity = [load(f"activity-{index}") for index in range(self.depth + 1)]
        self.two = [table(f"two-{index}") for index in range(self.depth - 1)]
        self.three = [table(f"three-{index}") for index in range(self.depth - 2)]
        sizes = [values.shape[1] for values in self.activity]
        self.readers = [_readers(*of) for of in zip(self.fields, sizes[:-1], strict=True)]
        self._heard: dict[tuple[int, int], np.ndarray] = {}
        self._spoken: dict[tuple[int, int], np.ndarray] = {}

    def heard(self, layer: int, unit: int) -> np.ndarray:
        """Return a unit's in-neighbours; the input has none."""
        if layer == 0:
            return np.empty(0, dtype=np.int64)
        if (layer, unit) not in self._heard:
            wiring, weight = self.fields[layer - 1], self.weight[layer - 1]
            row, p = divmod(unit, wiring.shape[1])
            g, c = divmod(row, weight.shape[1])
            units = wiring[g, p]
            self._heard[layer, unit] = units[(units >= 0) & (weight[g, c] != 0)]
        return self._heard[layer, unit]

    def spoken(self, layer: int, unit: int) -> np.ndarray:
        """Return a unit's out-neighbours; the logits have none."""
        if layer == self.depth:
            return np.empty(0, dtype=np.int64)
        if (layer, unit) not in self._spoken:
            weight, (order, start) = self.weight[layer], self.readers[layer]
            _, positions, slots = self.fields[layer].shape
            row, k = np.divmod(order[start[unit] : start[unit + 1]], slots)
            g, p = np.divmod(row, positions)
            at, c = np.nonzero(weight[g, :, k] != 0)
            self._spoken[layer, unit] = (g[at] * weight.shape[1] + c) * positions + p[at]
        return self._spoken[layer, unit]

    def measure(self, layer: int, units: np.ndarray, sample: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the units that carry mass, exp(-1/a²) of all, and their masses."""
        if not len(units):
            return units, np.empty(0)
        activity = self.activity[layer][sample, units]
        active = activity > 0
        units, activity = units[active], activity[active]
        if not len(units):
            return units, np.empty(0)
        mass = np.exp(-1.0 / np.square(activity))
        total = mass.sum()
        if total <= UNIFORM_BELOW:
            return units, np.full(len(units), 1.0 / len(units))
        carries = mass > 0
        return units[carries], mass[carries] / total


def _readers(wiring: np.ndarray, units: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which entries of the flat wiring read each unit: the entries in order of unit, and where each begins."""
    flat = wiring.reshape(-1)
    order = np.argsort(flat, kind="stable")
    return order, np.searchsorted(flat[order], np.arange(units + 1))


def full_problem(net: Network, connection: int, sample: int, i: int, j: int, length: float) -> float:
    """Return κ of one edge by the definition: α on the edge's ends, the rest on their neighbours."""
    heard, p = net.measure(connection - 1, net.heard(connection, i), sample)
    spoken, q = net.measure(connection + 2, net.spoken(connection + 1, j), sample)
    alpha = DEFAULT_ALPHA
    mu = np.concatenate([[alpha], (1 - alpha) * p]) if len(p) else np.ones(1)
    nu = np.concatenate([[alpha], (1 - alpha) * q]) if len(q) else np.ones(1)
    cost = np.empty((len(mu), len(nu)))
    cost[0, 0] = length
    if len(q):
        cost[0, 1:] = net.two[connection].at(np.int64(i), spoken)
    if len(p):
        cost[1:, 0] = net.two[connection - 1].at(heard, np.int64(j))
    if len(p) and len(q):
        cost[1:, 1:] = net.three[connection - 1].at(heard[:, None], spoken)
    # As anyone calls it who has not measured what its options cost.
    work = float(ot.emd2(mu, nu, cost, numItermax=MAX_ITERATIONS))  # type: ignore[no-untyped-call, unused-ignore]
    return (1 - work / length) / (1 - alpha)


def closed_form(net: Network, connection: int, sample: int, i: int, j: int, length: float) -> float:
    """Return κ of one edge by the problem that α ≥ 1/2 reduces it to, without the edge's ends."""
    heard, p = net.measure(connection - 1, net.heard(connection, i), sample)
    spoken, q = net.measure(connection + 2, net.spoken(connection + 1, j), sample)
    if not len(p) and not len(q):
        return 0.0
    to_target = net.two[connection - 1].at(heard, np.int64(j)) if len(p) else np.empty(0)
    from_source = net.two[connection].at(np.int64(i), spoken) if len(q) else np.empty(0)
    if not len(p):
        return float(1 - q @ from_source / length)
    if not len(q):
        return float(1 - p @ to_target / length)
    cost = np.minimum(
        net.three[connection - 1].at(heard[:, None], spoken), to_target[:, None] + (from_source - length)
    )
    if len(p) == 1 or len(q) == 1:
        return float(1 - p @ cost @ q / length)
    # The simplex calls negative costs infeasible; the mass is 1, so that a shift comes back as it is.
    shift = cost.min()
    return 1 - (_optimum(p, q, cost - shift) + shift) / length


def _optimum(a: np.ndarray, b: np.ndarray, cost: np.ndarray) -> float:
    # Its checks of the marginals and the centring of the potentials are left out: they would only slow it down.
    return float(
        ot.emd2(a, b, cost, numItermax=MAX_ITERATIONS, center_dual=False, check_marginals=False)  # type: ignore[no-untyped-call, unused-ignore]
    )


_SOLVERS = {FULL: full_problem, CLOSED_FORM: closed_form}
_network: Network | None = None


def start_worker(folder: str) -> None:
    """Load what every edge needs, once."""
    global _network
    # Ctrl-C reaches the whole process group; only the parent shall answer.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # POT only warns where it stops short of the optimum.
    warnings.simplefilter("error", UserWarning)
    _network = Network(Path(folder))


def solve_edges(method: str, *edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return κ of each edge and the seconds that it took, both float64 [n].

    Args:
        method: One of ``METHODS``.
        edges: Connection, sample, source, target and length of each edge, every array [n].
    """
    assert _network is not None
    solve, net = _SOLVERS[method], _network
    curvature, seconds = np.empty((2, len(edges[0])))
    for at, edge in enumerate(zip(*(values.tolist() for values in edges), strict=True)):
        begun = time.perf_counter()
        curvature[at] = solve(net, *edge)
        seconds[at] = time.perf_counter() - begun
    return curvature, seconds
