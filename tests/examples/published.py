"""LeNets with the curvature that the paper's authors' own code computed for every edge: see reference/README.md."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

FOLDER = Path(__file__).parent / "reference"
# The reference is float32; its last digits are noise.
TOLERANCE = 2e-6


def read(name, act):
    """Return the network, the image [1, 28, 28] and the arrays of a file."""
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as stored:
        reference = dict(stored)
    net = nn.Sequential(
        nn.Conv2d(1, 6, 6, stride=2), act(), nn.Conv2d(6, 16, 6, stride=2), act(), nn.Flatten(),
        nn.Linear(256, 120), act(), nn.Linear(120, 84), act(), nn.Linear(84, 10),
    )  # fmt: skip
    net.load_state_dict(
        {
            key.removeprefix("state/"): torch.from_numpy(values)
            for key, values in reference.items()
            if key.startswith("state/")
        }
    )
    return net.eval(), torch.from_numpy(reference["image"]).float()[None] / 255, reference
