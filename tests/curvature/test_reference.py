"""Every edge of LeNet against the curvature that the paper's authors' own code computed."""

import numpy as np
import pytest
from torch import nn

from ncviz import neural_curvature
from tests.examples import published


def check(name, act, connections):
    net, image, reference = published.read(name, act)
    result = neural_curvature(net, image[None], alpha=float(reference["alpha"]), keep_edges=True)
    assert result.graph.layer_sizes == tuple(reference["layer_sizes"])
    for connection in connections:
        source, target, found = (part.numpy() for part in result.edges(connection))
        width = result.graph.layer_sizes[connection + 1]
        expected_at = reference[f"connection{connection}/source"].astype(np.int64) * width
        expected_at += reference[f"connection{connection}/target"]
        order, own = np.argsort(expected_at), np.argsort(source * width + target)
        assert np.array_equal((source * width + target)[own], expected_at[order])
        expected = reference[f"connection{connection}/curvature"][order].astype(np.float64)
        error = np.abs(found[own] - expected) / np.maximum(1, np.abs(expected))
        assert error.max() <= published.TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "act"), [("lenet_relu_alpha0.9", nn.ReLU), ("lenet_tanh_alpha0.9", nn.Tanh)]
)
def test_whole_lenet(name, act):
    check(name, act, range(5))


@pytest.mark.slow
def test_full_problem_below_one_half():
    check("lenet_relu_alpha0.0_linear", nn.ReLU, (2, 3, 4))
