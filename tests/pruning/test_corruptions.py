import math

import numpy as np
import pytest
import torch

from ncviz.errors import NcvizError
from ncviz.pruning.corruptions import CORRUPTIONS, CorruptionConfig, corrupted


def images(count=40, channels=1, side=12, seed=0):
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(seed))


def same(name, severity=3, seed=0, **shape):
    given = images(**shape)
    return given, corrupted(given, CorruptionConfig(name, severity), seed)


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize(("channels", "side"), [(1, 8), (3, 32)])
def test_pixels_stay_in_range_and_the_seed_decides(name, channels, side):
    given = images(6, channels, side)
    before, state = given.clone(), torch.get_rng_state()
    for severity in (1, 5):
        found = corrupted(given, CorruptionConfig(name, severity), 1)
        assert found.shape == given.shape
        assert found.dtype == given.dtype
        assert 0 <= found.min() <= found.max() <= 1
        assert not torch.equal(found, given)
        assert torch.equal(found, corrupted(given, CorruptionConfig(name, severity), 1))
    assert torch.equal(given, before)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("name", ["noise", "impulses", "shift", "rotation", "occlusion"])
def test_what_is_drawn_changes_with_the_seed(name):
    assert not torch.equal(same(name, seed=1)[1], same(name, seed=2)[1])


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_higher_severity_changes_more(name):
    # A picture with structure: on plain noise a rotation by 5 degrees changes as much as one by 30.
    ramp = torch.linspace(0, 0.6, 28)
    given = (ramp[:, None] * ramp[None, :] * 2).clamp(0, 1).expand(30, 1, 28, 28)
    found = [
        float((corrupted(given, CorruptionConfig(name, severity)) - given).abs().mean())
        for severity in range(1, 6)
    ]
    assert found == sorted(found)
    assert found[-1] > 1.2 * found[0]


def test_noise_has_its_standard_deviation():
    grey = torch.full((50, 1, 20, 20), 0.5)
    found = corrupted(grey, CorruptionConfig("noise", 1)) - grey
    assert float(found.std()) == pytest.approx(0.08, rel=0.03)
    assert float(found.mean()) == pytest.approx(0, abs=0.002)


def test_impulses_are_black_and_white_in_equal_share():
    grey = torch.full((50, 1, 20, 20), 0.5)
    found = corrupted(grey, CorruptionConfig("impulses", 5))
    assert float((found == 0).double().mean()) == pytest.approx(0.135, abs=0.01)
    assert float((found == 1).double().mean()) == pytest.approx(0.135, abs=0.01)
    assert set(found.unique().tolist()) == {0.0, 0.5, 1.0}


def test_blur_is_the_sum_over_a_gaussian():
    given, found = same("blur", 5, side=15)
    row, column = 7, 6
    weights = {d: math.exp(-(d**2) / 2) for d in range(-4, 5)}
    total = sum(weights.values()) ** 2
    expected = sum(
        weights[i] * weights[j] * float(given[0, 0, row + i, column + j]) for i in weights for j in weights
    )
    assert float(found[0, 0, row, column]) == pytest.approx(expected / total, abs=1e-5)


def test_contrast_shrinks_the_distance_to_each_channels_mean():
    given, found = same("contrast", 2, channels=3)
    mean = given[3, 1].mean()
    assert torch.allclose(found[3, 1], mean + 0.3 * (given[3, 1] - mean), atol=1e-6)


def test_brightness_raises_the_value_and_keeps_hue_and_saturation():
    import colorsys

    given, found = same("brightness", 1, channels=3)
    for row in range(4):
        before, after = (colorsys.rgb_to_hsv(*of[2, :, row, 5].tolist()) for of in (given, found))
        assert after[2] == pytest.approx(min(1, before[2] + 0.1), abs=1e-5)
        assert after[:2] == pytest.approx(before[:2], abs=1e-4)
    black = corrupted(torch.zeros(1, 3, 4, 4), CorruptionConfig("brightness", 1))
    assert torch.allclose(black, torch.full_like(black, 0.1))


# Of the standard (ITU-T T.81, table K.1), which libjpeg scales by the quality.
LUMINANCE = [
    [16, 11, 10, 16, 24, 40, 51, 61],
    [12, 12, 14, 19, 26, 58, 60, 55],
    [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62],
    [18, 22, 37, 56, 68, 109, 103, 77],
    [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101],
    [72, 92, 95, 98, 112, 100, 103, 99],
]


@pytest.mark.parametrize(("severity", "quality"), [(1, 25), (5, 7)])
def test_jpeg_rounds_the_cosine_transform_of_each_block(severity, quality):
    given, found = same("jpeg", severity, side=8)
    steps = np.clip((np.array(LUMINANCE) * (5000 // quality) + 50) // 100, 1, 255)
    rows, columns = np.mgrid[:8, :8]
    basis = np.cos((2 * columns + 1) * rows * np.pi / 16) * np.where(rows == 0, 0.125**0.5, 0.5)
    for before, after in zip(given[:5, 0].double().numpy(), found[:5, 0].numpy(), strict=True):
        pixels = np.rint(before * 255) - 128
        coefficients = np.rint(basis @ pixels @ basis.T / steps) * steps
        expected = np.clip(np.rint(basis.T @ coefficients @ basis + 128), 0, 255)
        # Coders with whole numbers may round one the other way.
        assert np.abs(after * 255 - expected).max() <= 2


def test_shift_moves_each_image_whole_and_leaves_black_behind():
    given, found = same("shift", 5, side=10)
    ways = {}
    for before, after in zip(given[:, 0], found[:, 0], strict=True):
        (way,) = [
            (down, right)
            for down, right in ((2, 0), (-2, 0), (0, 2), (0, -2))
            if torch.allclose(after, moved(before, down, right), atol=1e-6)
        ]
        ways[way] = ways.get(way, 0) + 1
    assert len(ways) == 4


def moved(image, down, right):
    """The image shifted, pixel by pixel."""
    found = torch.zeros_like(image)
    height, width = image.shape
    for row in range(height):
        for column in range(width):
            if 0 <= row - down < height and 0 <= column - right < width:
                found[row, column] = image[row - down, column - right]
    return found


def test_rotation_goes_both_ways():
    given = torch.zeros(30, 1, 21, 21)
    given[:, :, 10, 17] = 1
    found = corrupted(given, CorruptionConfig("rotation", 5))
    rows = torch.arange(21.0)
    centre = (found[:, 0].sum(2) * rows).sum(1) / found[:, 0].sum((1, 2))
    # 30 degrees on a radius of 7 pixels are 3.5 pixels up or down.
    assert set(centre.round().int().tolist()) <= {6, 7, 13, 14}
    assert len({value > 10 for value in centre.tolist()}) == 2


def test_occlusion_hides_one_square_of_its_size():
    given = torch.zeros(40, 3, 10, 20)
    found = corrupted(given, CorruptionConfig("occlusion", 3))
    places = set()
    for image in found:
        hidden = (image == 0.5).all(0)
        assert torch.equal(hidden, (image != 0).any(0))
        rows, columns = hidden.any(1).nonzero().flatten(), hidden.any(0).nonzero().flatten()
        assert (len(rows), len(columns)) == (4, 8)
        assert hidden.sum() == 32
        places.add((int(rows[0]), int(columns[0])))
    assert len(places) > 10


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "rain"}, "no corruption 'rain'; choose one of: noise"),
        ({"severity": 0}, "severity must be a whole number from 1 to 5"),
        ({"severity": 6}, "severity must be"),
    ],
)
def test_settings_out_of_range(values, message):
    with pytest.raises(NcvizError, match=message):
        CorruptionConfig(**values)


@pytest.mark.parametrize("shape", [(4, 9), (4, 2, 5, 5)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(NcvizError, match="needs images"):
        corrupted(torch.zeros(shape), CorruptionConfig())
