"""What every measurement shares: the settings, one timed call of ours, and what is said of times."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ncviz.studies.benchmarks.cases.kinds import EDGES

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ncviz.curvature import CurvatureResult


@dataclass(frozen=True)
class Settings:
    """How to measure.

    Attributes:
        repeats: Repetitions of everything.
        is_quick: Whether at the size of a smoke test.
        is_full: Whether the baselines solve every live edge of the cases of one sample.
        data_dir: Folder of full data sets; None for the bundled samples.
        devices: Where ours is measured.
    """

    repeats: int = 5
    is_quick: bool = False
    is_full: bool = False
    data_dir: str | None = None
    devices: tuple[str, ...] = ("cpu",)


def run_ours(net: nn.Module, inputs: Tensor, mode: str, device: str) -> tuple[float, CurvatureResult]:
    """Return the seconds of one whole call of ours, and its result."""
    from ncviz.curvature import neural_curvature

    begun = time.perf_counter()
    result = neural_curvature(net, inputs, device=device, keep_edges=mode == EDGES)
    return time.perf_counter() - begun, result


def ours(device: str) -> str:
    """Return the name that our times on a device go by."""
    return f"ours {device}"


def summary(values: Sequence[float]) -> dict[str, float]:
    """Return the median and the quartiles."""
    low, middle, high = np.quantile(np.asarray(values, dtype=float), [0.25, 0.5, 0.75])
    return {"median": float(middle), "q1": float(low), "q3": float(high)}


def ratios(baseline: Sequence[float], ours: Sequence[float]) -> dict[str, Any]:
    """Return how many times longer the baseline took, repetition by repetition, with median and quartiles."""
    each = [slow / fast for slow, fast in zip(baseline, ours, strict=True)]
    return {"each": each, **summary(each)}


def log_slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Return the slope of the line through (log x, log y): the power of x that y grows with."""
    return float(np.polyfit(np.log(np.asarray(x, dtype=float)), np.log(np.asarray(y, dtype=float)), 1)[0])
