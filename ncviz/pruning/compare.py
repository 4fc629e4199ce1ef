"""What is read off accuracy curves and removal orders when criteria are compared; arrays in, numbers out."""

from __future__ import annotations

# Fractions removed at which the comparison measures: dense at both ends, where the orders differ.
GRID: tuple[float, ...] = (
    0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95,
    0.975, 0.99, 1.0,
)  # fmt: skip


def nearest(sparsity: float) -> float:
    """Return the sparsity of ``GRID`` that is nearest."""
    return min(GRID, key=lambda value: abs(value - sparsity))
