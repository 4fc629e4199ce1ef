import numpy as np
import pytest

from ncviz.plots import palette

THEMES = ("light", "dark")
# Machado, Oliveira & Fernandes (2009), full deuteranopia, on linear RGB.
DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)


def lab(linear):
    """CIE Lab of linear sRGB in 0–1: distances in it are what eyes tell apart."""
    to_xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    xyz = np.clip(linear, 0, 1) @ to_xyz.T / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack(
        [116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1
    )


@pytest.mark.parametrize("theme", THEMES)
def test_the_middle_is_zero_and_the_sides_mirror_each_other_in_strength(theme):
    ramp = palette.ramp(theme)
    middle = palette.BINS // 2
    np.testing.assert_array_equal(ramp[middle], palette.colors([0.0], theme)[0])
    assert np.ptp(ramp[middle].astype(int)) < 20, "the midpoint is grey"
    luminance = palette.luminance(ramp)
    # Neither sign may look stronger than the other: equal |κ|, nearly equal lightness.
    assert np.abs(np.sqrt(luminance) - np.sqrt(luminance[::-1])).max() < 0.13


@pytest.mark.parametrize("theme", THEMES)
def test_luminance_changes_steadily_from_the_middle_to_either_end(theme):
    luminance = palette.luminance(palette.ramp(theme))
    middle = palette.BINS // 2
    sign = -1 if theme == "light" else 1
    assert (np.diff(luminance[middle:]) * sign > 0).all()
    assert (np.diff(luminance[: middle + 1]) * sign < 0).all()


@pytest.mark.parametrize("theme", THEMES)
def test_red_is_negative_and_blue_is_positive(theme):
    low, high = palette.colors([-2.0, 2.0], theme).astype(int)
    assert low[0] > low[2]
    assert high[2] > high[0]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("simulation", [np.eye(3), DEUTERANOPIA], ids=["normal", "deuteranopia"])
def test_the_signs_are_told_apart(theme, simulation):
    for strength, least in ((2.0, 40), (1.0, 40), (0.4, 20)):
        pair = palette.linear_rgb(palette.colors([-strength, strength], theme)) @ simulation.T
        assert np.linalg.norm(np.diff(lab(pair), axis=0)) > least, strength


@pytest.mark.parametrize(("theme", "paper"), [("light", (255, 255, 255)), ("dark", (14, 17, 23))])
def test_every_colour_is_seen_on_its_paper_and_none_glares(theme, paper):
    luminance = palette.luminance(palette.ramp(theme))
    page = palette.luminance(paper)
    contrast = (np.maximum(luminance, page) + 0.05) / (np.minimum(luminance, page) + 0.05)
    assert contrast.min() > 1.7
    if theme == "dark":
        assert luminance.max() < 0.6


def test_values_beyond_the_ends_are_clipped_and_no_number_is_grey():
    np.testing.assert_array_equal(palette.colors([-7.0, 9.0]), palette.colors([-2.0, 2.0]))
    np.testing.assert_array_equal(palette.colors([np.nan]), palette.colors([0.0]))
    assert palette.bin_index([-9, -2, 0, 2, 9, np.nan]).tolist() == [0, 0, 32, 64, 64, 32]


def test_plotly_scale_runs_from_0_to_1():
    scale = palette.plotly_colorscale("dark")
    positions = [entry[0] for entry in scale]
    assert positions[0] == 0
    assert positions[-1] == 1
    assert positions == sorted(positions)
    assert [entry[1] for entry in scale] == palette.hex_ramp("dark", len(scale))
