"""Recognise an activation function in whatever form an exporter wrote it, by what it does to numbers.

Exporters write SiLU as x·σ(x), GELU as 0.5·x·(1 + erf(x/√2)), each in an order of its own. Instead of a list of such
forms, a chain of pointwise operations is followed on a grid of numbers, and the result compared with the functions
that torch has.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Native = tuple[str, dict[str, Any]]  # an operation of a blueprint and its settings
GRID = np.concatenate(
    [np.linspace(-8.0, 8.0, 161), np.linspace(-0.1, 0.1, 20), [-90.0, -30.0, -12.0, 12.0, 30.0, 90.0]]
)
_MAX_ROOTS = 4
SELU = (1.6732632423543772, 1.0507009873554805)
erf: Callable[[Any], np.ndarray] = np.vectorize(math.erf, otypes=[float])


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + e⁻ˣ)."""
    return 1.0 / (1.0 + np.exp(-x))


def softplus(x: np.ndarray) -> np.ndarray:
    """Return log(1 + eˣ)."""
    return np.logaddexp(0.0, x)


def gelu(x: np.ndarray, approximate: str = "none") -> np.ndarray:
    """Return x·Φ(x), or its approximation by tanh."""
    if approximate == "tanh":
        return 0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1.0 + erf(x / math.sqrt(2.0)))


def elu(x: np.ndarray, alpha: float, scale: float = 1.0, inner: float = 1.0) -> np.ndarray:
    """Return scale · (x above zero, alpha·(exp(inner·x) - 1) below)."""
    return scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(inner * x, 0.0)))


def hardsigmoid(x: np.ndarray, alpha: float = 1 / 6, beta: float = 0.5) -> np.ndarray:
    """Return alpha·x + beta, clipped to [0, 1]."""
    return np.clip(alpha * x + beta, 0.0, 1.0)


# Those without settings, by the blueprint's name.
PLAIN: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": lambda x: np.maximum(x, 0.0),
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "hardswish": lambda x: x * hardsigmoid(x),
    "mish": lambda x: x * np.tanh(softplus(x)),
    "softsign": lambda x: x / (1.0 + np.abs(x)),
    "log_sigmoid": lambda x: -softplus(-x),
}
_KNOWN: list[tuple[Native, np.ndarray]] = [
    *(((name, {}), np.asarray(function(GRID))) for name, function in PLAIN.items()),
    (("relu6", {}), np.clip(GRID, 0.0, 6.0)),
    (("silu", {}), GRID * sigmoid(GRID)),
    (("gelu", {"approximate": "none"}), gelu(GRID)),
    (("gelu", {"approximate": "tanh"}), gelu(GRID, "tanh")),
    (("hardsigmoid", {}), hardsigmoid(GRID)),
    (("softplus", {"beta": 1.0}), softplus(GRID)),
    (("selu", {}), elu(GRID, *SELU)),
    (("elu", {"alpha": 1.0}), elu(GRID, 1.0)),
]


_TABLE = np.stack([values for _, values in _KNOWN])


def recognise(values: np.ndarray) -> Native | None:
    """Return the activation that gives these values on ``GRID``; ("affine", …) for a·x + b; None if there is none."""
    if not np.isfinite(values).all():
        return None
    fits = (np.abs(values - _TABLE) <= 2e-6 + 1e-5 * np.abs(_TABLE)).all(axis=1)
    if fits.any():
        return _KNOWN[int(fits.argmax())][0]
    slope = (values[160] - values[0]) / (GRID[160] - GRID[0])
    offset = values[0] - slope * GRID[0]
    scale = max(1.0, float(np.abs(values).max()))
    if np.allclose(values, slope * GRID + offset, rtol=1e-6, atol=1e-9 * scale):
        return "affine", {"scale": float(slope), "shift": float(offset)}
    return None


@dataclass(eq=False)
class Pointwise:
    """A value that a chain of pointwise operations gives, not yet a step.

    Attributes:
        node: Name of the operation that gives it, for messages.
        roots: What it may be seen as a function of, earliest first: a step, or an earlier such value; with its values
            on ``GRID`` and, if known, the function.
        fallback: Adds it as a step of its own, where no root gives a known function; None if that is impossible.
        step: The step that it became.
        depth: Length of the chain.
    """

    node: str
    roots: list[tuple[str | Pointwise, np.ndarray, Native | None]]
    fallback: Callable[[], str] | None = None
    step: str | None = None
    depth: int = 0


def start(step: str) -> Pointwise:
    """Return a step's own result as the start of a chain."""
    return Pointwise("", [(step, GRID, ("affine", {"scale": 1.0, "shift": 0.0}))], step=step)


def follow(
    node: str,
    operands: list[Pointwise],
    function: Callable[..., np.ndarray],
    native: Native | None = None,
    fallback: Callable[[], str] | None = None,
) -> Pointwise | None:
    """Return what a pointwise operation makes of its operands, or None if they are functions of different things.

    Args:
        node: Its name.
        operands: One or two values.
        function: What it does, in numpy.
        native: The blueprint's operation that does exactly this to a single operand.
        fallback: See ``Pointwise``.
    """
    result = Pointwise(node, [], fallback, depth=1 + max(operand.depth for operand in operands))
    for root, values, _ in operands[0].roots:
        others = [
            next((v for r, v, _ in other.roots if r is root or r == root), None) for other in operands[1:]
        ]
        given = [value for value in others if value is not None]
        if len(given) < len(others):
            continue
        with np.errstate(all="ignore"):
            found = np.asarray(function(values, *given), dtype=np.float64)
        is_exact = native is not None and len(operands) == 1 and values is GRID
        result.roots.append((root, found, native if is_exact else recognise(found)))
    if not result.roots:
        return None
    if any(known is not None for _, _, known in result.roots):
        # Something else may be a function of this value although it is none of the network's step.
        result.roots = [*result.roots[-(_MAX_ROOTS - 1) :], (result, GRID, None)]
    return result
