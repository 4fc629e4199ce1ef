"""The curvature of each class alone, for finding a class's own bottlenecks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ncviz.models.network import Network
from ncviz.store import Store
from ncviz.tasks.curvature import CurvatureRecord
from ncviz.tasks.flows import compute_flow, stored_flow
from ncviz.tasks.results import Progress

if TYPE_CHECKING:
    import threading


def stored_class_curvature(store: Store, whole: CurvatureRecord) -> np.ndarray | None:
    """Return κ of each weight on the calibration images of each class alone, float32 [classes, N]; None if unknown."""
    found = []
    for samples in _samples_of_classes(whole):
        record = stored_flow(store, whole, samples)
        if record is None:
            return None
        found.append(_flat(record))
    return np.stack(found)


def compute_class_curvature(
    store: Store,
    network: Network,
    whole: CurvatureRecord,
    *,
    device: str = "cpu",
    data_dir: str | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> np.ndarray:
    """Return κ of each weight on the calibration images of each class alone; classes that are known are not computed.

    Args:
        store: Where results are kept; each class as soon as it is done.
        network: The network.
        whole: Its curvature on all calibration images.
        device: Where to compute; no part of the result.
        data_dir: Folder of the full data set; without it, the bundled sample.
        progress: Called with the fraction done and a message.
        cancel: Set it to stop.

    Returns:
        float32 [classes, N], the weights flattened one after the other; 2 where a weight is never active.

    Raises:
        NcvizError: In one sentence, whatever the user can mend.
        CancelledError: If ``cancel`` was set.
    """
    found, classes = [], _samples_of_classes(whole)
    for label, samples in enumerate(classes):

        def part(fraction: float, _: str, label: int = label) -> None:
            if progress is not None:
                progress((label + fraction) / len(classes), f"class {label + 1} of {len(classes)}")

        part(0.0, "")
        outcome = compute_flow(
            store, network, whole, samples, device=device, data_dir=data_dir, progress=part, cancel=cancel
        )
        found.append(_flat(outcome.record))
    return np.stack(found)


def _samples_of_classes(whole: CurvatureRecord) -> list[list[int]]:
    return [np.flatnonzero(whole.labels == label).tolist() for label in np.unique(whole.labels)]


def _flat(record: CurvatureRecord) -> np.ndarray:
    return np.concatenate([values.reshape(-1) for values in record.weights.values()])
