"""Every edge of LeNet against the curvature that the paper's authors' own code computed."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ncviz import neural_curvature

FOLDER = Path(__file__).parents[1] / "reference"
# The reference is float32; its last digits are noise.
TOLERANCE = 2e-6


def lenet(state, act):
    net = nn.Sequential(
        nn.Conv2d(1, 6, 6, stride=2), act(), nn.Conv2d(6, 16, 6, stride=2), act(), nn.Flatten(),
        nn.Linear(256, 120), act(), nn.Linear(120, 84), act(), nn.Linear(84, 10),
    )  # fmt: skip
    net.load_state_dict(state)
    return net.eval()


def check(name, act, connections):
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as stored:
        reference = dict(stored)
    state = {
        key.removeprefix("state/"): torch.from_numpy(v)
        for key, v in reference.items()
        if key.startswith("state/")
    }
    image = torch.from_numpy(reference["image"]).float()[None, None] / 255
    result = neural_curvature(lenet(state, act), image, alpha=float(reference["alpha"]), keep_edges=True)
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
        assert error.max() <= TOLERANCE


@pytest.mark.parametrize(
    ("name", "act"), [("lenet_relu_alpha0.9", nn.ReLU), ("lenet_tanh_alpha0.9", nn.Tanh)]
)
def test_whole_lenet(name, act):
    check(name, act, range(5))


def test_full_problem_below_one_half():
    check("lenet_relu_alpha0.0_linear", nn.ReLU, (2, 3, 4))
