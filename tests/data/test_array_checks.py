"""What fits together as images and labels, and what is named as the fault."""

import numpy as np
import pytest

from ncviz.data.array_checks import Fault, find_fault

IMAGES = np.zeros((3, 1, 2, 2), dtype=np.uint8)
LABELS = np.array([0, 1, 2])


@pytest.mark.parametrize(
    ("images", "labels", "fault"),
    [
        (IMAGES, LABELS, None),
        (IMAGES, None, None),
        (IMAGES.astype(np.float32), LABELS, Fault.IMAGES),
        (IMAGES[:, 0], LABELS, Fault.IMAGES),
        (IMAGES[:0], LABELS[:0], Fault.IMAGES),
        (IMAGES, LABELS[:2], Fault.LABELS),
        (IMAGES, LABELS[:, None], Fault.LABELS),
        (IMAGES, LABELS.astype(float), Fault.LABELS),
        (IMAGES, LABELS + 1, Fault.CLASSES),
        (IMAGES, LABELS - 1, Fault.CLASSES),
    ],
)
def test_the_first_fault_is_named(images, labels, fault):
    assert find_fault(images, labels, (1, 2, 2), 3) is fault


def test_other_types_are_taken_where_they_are_named():
    floats = IMAGES.astype(np.float32)
    assert find_fault(floats, LABELS, (1, 2, 2), 3, (np.uint8, np.float32)) is None
