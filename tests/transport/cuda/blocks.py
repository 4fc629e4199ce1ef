"""Blocks of edges as the kernel wants them, and how far its answers lie from the CPU's and from POT's."""

import numpy as np
import torch

from ncviz.transport.cuda import solve

TOLERANCE = 1e-9


def problems(blocks):
    """Blocks of edges as the kernel wants them: padded, with points in any order."""
    n, m = (max(block.d.shape[axis] for block in blocks) for axis in (0, 1))
    P, Q = max(len(block.p) for block in blocks), max(len(block.q) for block in blocks)
    parts = [np.zeros((len(blocks), *shape)) for shape in ((P,), (Q,), (P, Q), (m, P), (n, Q), (n, m))]
    for at, block in enumerate(blocks):
        for part, own in zip(
            parts, (block.p, block.q, block.C, block.At.T, block.Bt.T, block.d), strict=True
        ):
            part[(at, *map(slice, own.shape))] = own
    return solve.Problems(*map(torch.from_numpy, parts))


def edges_of(blocks):
    return torch.tensor(
        [(at, i, j) for at, block in enumerate(blocks) for i, j in np.ndindex(*block.d.shape)]
    )


def errors(block, value):
    """Differences from the CPU's values and from POT's, beside the edge's length or the cost."""
    exact = block.solve().reshape(-1)
    size = np.maximum(block.d.reshape(-1), np.abs(exact))
    by_pot = np.array([block.by_pot(i, j) for i, j in np.ndindex(*block.d.shape)])
    return np.abs(value - exact) / size, np.abs(value - by_pot) / size
