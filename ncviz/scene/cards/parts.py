"""What the cards of kernels, weights, channels and units have in common: whom they are about, and how it is written."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ncviz.scene.surgery.left import WeightsLeft
from ncviz.tasks import CurvatureRecord, OwnMask
from ncviz.tasks.curvature.spread import SpreadRecord

# Larger ones (a feature map before a linear layer) are not drawn weight by weight.
LARGEST_KERNEL = 16

Drawing = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Card:
    """What is said of a selection.

    Attributes:
        title: What it is.
        rows: Facts, each under its name.
        kernel: Its weights, each at its place, if they are drawn one by one.
        image: A feature map, or the image on which κ is least.
        kernels: A channel's strongest kernels.
        kernels_title: What is said above them.
        line: The edge on which a weight has its κ.
        note: A sentence below.
        kappa: κ of the edge that stands for it, of which the Edge page answers why; None for none.
    """

    title: str
    rows: list[tuple[str, str]]
    kernel: Drawing | None = None
    image: Drawing | None = None
    kernels: list[Drawing] = field(default_factory=list)
    kernels_title: str = ""
    line: Drawing | None = None
    note: str | None = None
    kappa: float | None = None


@dataclass(frozen=True, eq=False)
class NetworkState:
    """The network that a card is about, at a pruning step.

    Attributes:
        record: The curvature that is drawn: of all calibration images, or of some.
        arrays: The network's parameters by name.
        classes: Class names.
        ranks: int64 [N], when each weight is removed.
        removed: How many are.
        samples: The calibration images that count, None for all.
        mask: What is done by hand, None for nothing.
        spread: κ over several draws of the calibration images, if that is known.
    """

    record: CurvatureRecord
    arrays: Mapping[str, np.ndarray]
    classes: Sequence[str]
    ranks: np.ndarray
    removed: int
    samples: Sequence[int] | None
    mask: OwnMask | None = None
    spread: SpreadRecord | None = None

    @property
    def left(self) -> WeightsLeft:
        """What is left of each weight."""
        return WeightsLeft(self.ranks, self.removed, self.mask)


def least_words(record: CurvatureRecord) -> str:
    """Return what the least κ of several weights is called: where intervals are known alone, it is that of a middle."""
    return "least κ" if record.intervals is None else "least middle of κ"


def image(pixels: np.ndarray) -> Drawing:
    """Return an image uint8 [C, H, W] as the card draws it."""
    channels, rows, columns = pixels.reshape(-1, *pixels.shape[-2:]).shape
    encoded = base64.b64encode(np.ascontiguousarray(pixels).tobytes()).decode()
    return {"rows": rows, "columns": columns, "channels": channels, "pixels": encoded}
