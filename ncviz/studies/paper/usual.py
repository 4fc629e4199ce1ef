"""The settings that an experiment measures with, but for what it measures aside, and what says that one is not."""

from __future__ import annotations

from typing import Any

from ncviz.config import BATCHNORM, DEFAULT_ALPHA, REPAIRS, SCALES, PruningConfig

USUAL: dict[str, Any] = {
    "alpha": DEFAULT_ALPHA,
    "batchnorm": BATCHNORM[0],
    "scale": SCALES[0],
    "repair": REPAIRS[0],
}


def unusual(config: PruningConfig, but: str = "") -> list[str]:
    """Return in words the settings of ``USUAL`` that are otherwise, but for one of them."""
    own = {name: getattr(config, name) for name in USUAL if name != but}
    return [
        f"α = {value:g}" if name == "alpha" else f"BatchNorm {value}" if name == "batchnorm" else str(value)
        for name, value in own.items()
        if value != USUAL[name]
    ]
