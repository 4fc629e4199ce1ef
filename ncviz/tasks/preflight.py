"""The check of a network before its curvature is computed: what can be read, how well it does, how long it takes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ncviz.data.datasets import load_dataset
from ncviz.models.network import Network

if TYPE_CHECKING:
    from ncviz.preflight import Choice, Preflight

__all__ = ["Checked", "Choice", "Preflight", "check_network", "time_network"]

Progress = Callable[[float, str], None]
CALIBRATION_IMAGES, CHECKED_IMAGES = 10, 64


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Attributes:
        preflight: Layers, problems, memory, time.
        right: How many of the images the network classifies correctly; None without labels.
        images: Of how many.
        calibration: int64 [n], numbers of the calibration images.
    """

    preflight: Preflight
    right: int | None
    images: int
    calibration: Any = None


def check_network(of: Network, data_dir: str | None, progress: Progress, cancel: threading.Event) -> Checked:
    """Read a network, and see how well it does on some of its images.

    Raises:
        NcvizError: If network and images do not fit, in one sentence.
    """
    from ncviz.data.calibration import select_calibration
    from ncviz.data.predicted_labels import predictions
    from ncviz.preflight import preflight

    net = of.module()

    def say(fraction: float, message: str) -> None:
        progress(0.6 * fraction, message)

    # What cannot be read is said before anything is said of the images.
    check = preflight(net, of.image_shape, progress=say, cancel=cancel)
    if check.problems:
        return Checked(check, None, 0)
    progress(0.6, "looking at the images")
    calibration = select_calibration(net, load_dataset(of.dataset, "train", data_dir), 1)
    images = load_dataset(of.dataset, "test", data_dir)
    if not images.has_labels:
        return Checked(check, None, 0, calibration)
    progress(0.8, "looking at the images")
    own = slice(0, None, max(1, len(images) // CHECKED_IMAGES))
    answers = predictions(net, images.inputs[own])
    return Checked(check, int((answers == images.labels[own]).sum()), len(answers), calibration)


def time_network(
    of: Network, data_dir: str | None, calibration: Any, progress: Progress, cancel: threading.Event
) -> Preflight:
    """Measure live edges, and from a part of the work the time.

    Args:
        of: The network.
        data_dir: Folder of full data sets.
        calibration: int64 [n], numbers of the calibration images.
        progress: Called with the fraction done and a message.
        cancel: Stops it when set.
    """
    from ncviz.preflight import preflight

    inputs = load_dataset(of.dataset, "train", data_dir).inputs[calibration[:CALIBRATION_IMAGES]]
    return preflight(of.module(), of.image_shape, inputs, progress=progress, cancel=cancel)
