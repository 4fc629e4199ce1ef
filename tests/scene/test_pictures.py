"""Images side by side, as arrays."""

import numpy as np
import pytest

from ncviz.data.datasets import load_sample_arrays
from ncviz.scene.pictures import picture_strip


@pytest.mark.parametrize(
    ("name", "shape"),
    [("digits", (40, 120)), ("mnist", (120, 360)), ("cifar10", (136, 408, 3))],
)
def test_images_stand_side_by_side_in_their_colours(name, shape):
    images, _ = load_sample_arrays(name, "test")
    strip = picture_strip(images[:3])
    assert strip.shape == shape
    assert strip.dtype == np.uint8
    assert strip.max() > 200
