"""Edges of the bundled VGG-9 against the definition, done slowly with torch's own layers and the network's own weights.

Each weight's κ was stored with the image and the position at which it is least: κ of that edge has to be that number.
"""

import numpy as np
import ot
import pytest
import torch
from torch import nn

from ncviz import load_dataset, load_model
from tests.examples import shipped
from tests.examples.brute_force import layer_outputs, masses

NAME, ALPHA = "vgg9-cifar10-relu", 0.9
# By number of the connection: the first layer, a convolution, and the last ones, around which paths are few enough.
CASES = [(0, 3), (1, 1), (6, 3), (7, 3), (8, 3)]


@pytest.fixture(scope="module")
def net():
    return load_model(NAME).double().eval()


def without_bias(layer, x):
    x = x.flatten(1) if isinstance(layer, nn.Linear) else x
    return layer(x) - layer(torch.zeros_like(x[:1]))


def pushed(layer, shape, units):
    """The weights from each of some units of a layer, [units, all units of the next], 0 where there is no edge."""
    ones = torch.zeros(len(units), int(np.prod(shape)), dtype=torch.float64)
    ones[torch.arange(len(units)), units] = 1
    with torch.no_grad():
        found = without_bias(layer, ones.reshape(-1, *shape)).flatten(1).numpy()
    # Rounding of (w + bias) − bias must not turn an absent edge into a tiny weight.
    return np.where(np.abs(found) < 1e-12, 0.0, found)


def further(lengths, layer, shape):
    """Shortest paths [n, units] led one layer on."""
    on = np.flatnonzero(np.isfinite(lengths).any(axis=0))
    weights = np.abs(pushed(layer, shape, on))
    with np.errstate(divide="ignore"):
        steps = 1.0 / weights
    return np.stack([(own[on][:, None] + steps).min(axis=0) for own in lengths])


def start(units, size):
    found = np.full((len(units), size), np.inf)
    found[np.arange(len(units)), units] = 0.0
    return found


def slow(layers, shapes, activity, connection, i, j):
    """κ of one edge from the definition, on all of its neighbours."""
    layer, last = layers[connection], len(layers) - 1
    heard = []
    if connection:
        before = layers[connection - 1]
        x = torch.zeros(1, *shapes[connection - 1], dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(without_bias(before, x).flatten()[i], x)
        heard = np.flatnonzero(slope.flatten().numpy()).tolist()
    us, p = masses(heard, activity[connection - 1]) if heard else ([], np.empty(0))
    shape, after = shapes[connection], shapes[connection + 1]
    spoken = (
        [] if connection == last else np.flatnonzero(pushed(layers[connection + 1], after, [j])[0]).tolist()
    )
    vs, q = masses(spoken, activity[connection + 2]) if spoken else ([], np.empty(0))
    size = int(np.prod(shape))
    to_layer = start([i], size)
    if us:
        heard_from = start(us, int(np.prod(shapes[connection - 1])))
        to_layer = np.concatenate([to_layer, further(heard_from, before, shapes[connection - 1])])
    to_next = further(to_layer, layer, shape)
    cost = to_next[:, [j]]
    if vs:
        cost = np.concatenate([cost, further(to_next, layers[connection + 1], after)[:, vs]], axis=1)
    mu = np.concatenate([[ALPHA], (1 - ALPHA) * p]) if us else np.ones(1)
    nu = np.concatenate([[ALPHA], (1 - ALPHA) * q]) if vs else np.ones(1)
    return (1 - ot.emd2(mu / mu.sum(), nu / nu.sum(), cost) / cost[0, 0]) / (1 - ALPHA), cost[0, 0]


@pytest.mark.slow
@pytest.mark.parametrize(("connection", "count"), CASES)
def test_stored_curvature_is_that_of_the_networks_own_weights(net, connection, count):
    record = shipped.curvature(NAME)
    images = load_dataset("cifar10", "train").inputs
    layers = [layer for layer in net if isinstance(layer, (nn.Linear, nn.Conv2d))]
    shapes = [tuple(shape) for shape in record.layer_shapes]
    edges, name = record.edges[connection], record.parameters[connection]
    flat = net.get_parameter(name).detach().flatten()
    active = np.flatnonzero(edges.sample >= 0)
    # The strongest bottleneck of the layer, and others at random.
    chosen = [
        active[edges.curvature[active].argmin()],
        *np.random.default_rng(connection).choice(active, count),
    ]
    for at in chosen:
        image = images[int(record.calibration[edges.sample[at]])][None].double()
        found, length = slow(
            layers,
            shapes,
            layer_outputs(net, image),
            connection,
            int(edges.source[at]),
            int(edges.target[at]),
        )
        assert length == pytest.approx(1 / abs(float(flat[edges.parameter[at]])), rel=1e-9)
        assert found == pytest.approx(float(edges.curvature[at]), rel=1e-5, abs=1e-5)
