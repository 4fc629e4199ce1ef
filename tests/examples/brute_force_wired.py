"""The definition, done slowly, for networks that are no chains: dense maps, networkx paths, POT on every edge."""

import networkx as nx
import numpy as np
import ot
import torch

from tests.examples.brute_force import masses


def dense(map_, shape):
    """Return a linear map as a matrix [before, after], by pushing every unit vector through it."""
    size = int(np.prod(shape))
    units = torch.eye(size, dtype=torch.float64).reshape(size, *shape)
    with torch.no_grad():
        matrix = map_(units).reshape(size, -1).numpy()
    return np.where(np.abs(matrix) < 1e-12, 0.0, matrix)


def activity_of(wiring, x):
    with torch.no_grad():
        raw = wiring.activations(x)
    raw[-1] = raw[-1].flatten(1).softmax(dim=1)
    found = []
    for value in raw:
        a = value.abs().flatten().numpy()
        spread = a.max() - a.min()
        found.append(np.ones_like(a) if spread == 0 else (a - a.min()) / spread)
    return raw, found


def divided(matrices, channels, scale):
    """Return the same matrices with what comes into a unit, or a unit of its channel, from one weight layer made 1.

    Args:
        matrices: [(source layer, target layer, parameter, matrix [before, after])].
        channels: For each layer how many it has.
        scale: "own", "fan-in", "channel-fan-in".
    """
    if scale == "own":
        return matrices
    found = []
    for source, target, parameter, matrix in matrices:
        if not parameter:
            found.append((source, target, parameter, matrix))
            continue
        coming = sum(
            np.abs(other).sum(axis=0) for _, at, name, other in matrices if (at, name) == (target, parameter)
        )
        rows = np.split(coming, channels[target]) if scale == "channel-fan-in" else [coming]
        by = [row[row > 0].mean() if row.any() else 1.0 for row in rows]
        found.append((source, target, parameter, matrix / np.repeat(by, len(coming) // len(by))))
    return found


def slow_curvature(wiring, x, alpha, scale="own"):
    """{(parameter, source layer, i, j): κ} for every edge of every weight layer."""
    raw, activity = activity_of(wiring, x)
    graph, edges = nx.DiGraph(), {}
    maps = [*wiring.maps, *(wiring.products(raw) if wiring.products else ())]
    matrices = [(*ends, parameter, dense(map_, raw[ends[0]].shape[1:])) for *ends, parameter, map_ in maps]
    for source, target, parameter, matrix in divided(matrices, [value.shape[1] for value in raw], scale):
        for i, j in zip(*np.nonzero(matrix), strict=True):
            length, ends = 1.0 / abs(matrix[i, j]), ((source, int(i)), (target, int(j)))
            known = graph.get_edge_data(*ends, default={"length": np.inf})["length"]
            graph.add_edge(*ends, length=min(length, known))
            if parameter:
                edges[parameter, source, int(i), int(j)] = ends
    paths = dict(nx.all_pairs_dijkstra_path_length(graph, weight="length"))
    last, found = len(raw) - 1, {}
    for key, (source, target) in edges.items():
        if (source[0] > 0 and activity[source[0]][source[1]] == 0) or (
            target[0] < last and activity[target[0]][target[1]] == 0
        ):
            found[key] = 1.0
            continue
        flat = {unit: activity[unit[0]][unit[1]] for unit in graph}
        us, p = masses(sorted(graph.predecessors(source)), flat)
        vs, q = masses(sorted(graph.successors(target)), flat)
        starts, ends = [source, *us], [target, *vs]
        a = np.array([alpha, *((1 - alpha) * p)]) if us else np.ones(1)
        b = np.array([alpha, *((1 - alpha) * q)]) if vs else np.ones(1)
        cost = np.array([[paths[s][e] for e in ends] for s in starts])
        value = ot.emd2(a / a.sum(), b / b.sum(), cost)
        found[key] = (1 - value / paths[source][target]) / (1 - alpha)
    return found
