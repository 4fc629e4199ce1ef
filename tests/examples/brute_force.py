"""The definition, done slowly: dense layers, networkx shortest paths, POT on every edge's full problem."""

import networkx as nx
import numpy as np
import ot
import torch
from torch import nn


def dense_layers(net, input_shape):
    """Each weight layer as a matrix [n_out, n_in], by pushing every unit vector through it; no receptive fields."""
    matrices, shape = [], tuple(input_shape)
    for layer in net:
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            size = int(np.prod(shape))
            units = torch.eye(size, dtype=torch.float64).reshape(size, *shape)
            with torch.no_grad():
                zero = layer(torch.zeros(1, *shape, dtype=torch.float64))
                out = layer(units) - zero
            # Rounding of (w + bias) − bias must not turn an absent edge into a tiny weight.
            matrix = out.reshape(size, -1).T.numpy()
            matrices.append(np.where(np.abs(matrix) < 1e-12, 0.0, matrix))
            shape = tuple(out.shape[1:])
        elif isinstance(layer, nn.Flatten):
            shape = (int(np.prod(shape)),)
    return matrices


def layer_outputs(net, x):
    """|activation| after the nonlinearity, min-max normalised; softmax on the last layer."""
    raw, value = [x], x
    for layer in net:
        value = layer(value)
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            raw.append(value)
        else:
            raw[-1] = value
    raw[-1] = raw[-1].softmax(dim=1)
    found = []
    for value in raw:
        a = value.detach().abs().flatten().numpy()
        spread = a.max() - a.min()
        found.append(np.ones_like(a) if spread == 0 else (a - a.min()) / spread)
    return found


def masses(neighbours, activity):
    active = [u for u in neighbours if activity[u] > 0]
    mass = np.array([np.exp(-1.0 / activity[u] ** 2) if activity[u] > 1e-3 else 0.0 for u in active])
    if mass.sum() <= 1e-7:
        mass = np.ones(len(active))
    return active, (mass / mass.sum() if len(active) else mass)


def curvature(net, x, alpha):
    """{(connection, source, target): κ} for every edge, from the definition of section 3."""
    net = net.double().eval()
    matrices = dense_layers(net, x.shape[1:])
    activity = layer_outputs(net, x.double())
    graph = nx.DiGraph()
    for level, matrix in enumerate(matrices):
        for j, i in zip(*np.nonzero(matrix), strict=True):
            graph.add_edge((level, int(i)), (level + 1, int(j)), length=1.0 / abs(matrix[j, i]))
    paths = dict(nx.all_pairs_dijkstra_path_length(graph, weight="length", cutoff=None))
    last, found = len(matrices), {}
    for source, target in graph.edges:
        (level, i), (after, j) = source, target
        dead_source = level > 0 and activity[level][i] == 0
        dead_target = after < last and activity[after][j] == 0
        if dead_source or dead_target:
            found[level, i, j] = 1.0
            continue
        heard = [u for _, u in graph.predecessors(source)]
        spoken = [v for _, v in graph.successors(target)]
        us, p = masses(heard, activity[level - 1]) if heard else ([], np.empty(0))
        vs, q = masses(spoken, activity[after + 1]) if spoken else ([], np.empty(0))
        starts = [source] + [(level - 1, u) for u in us]
        ends = [target] + [(after + 1, v) for v in vs]
        mu = np.concatenate([[alpha], (1 - alpha) * p]) if us else np.ones(1)
        nu = np.concatenate([[alpha], (1 - alpha) * q]) if vs else np.ones(1)
        cost = np.array([[paths[start][end] for end in ends] for start in starts])
        distance = paths[source][target]
        found[level, i, j] = (1 - ot.emd2(mu, nu, cost) / distance) / (1 - alpha)
    return found
