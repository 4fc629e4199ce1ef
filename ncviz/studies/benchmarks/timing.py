"""What every measurement shares: the settings, and one timed call of ours."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ncviz.studies.benchmarks.cases import EDGES

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
