import numpy as np
import pytest

from ncviz.plots import palette

THEMES = ("light", "dark")
SCALE = palette.Scale(8.0)
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
    np.testing.assert_array_equal(ramp[middle], palette.colors([0.0], theme, SCALE)[0])
    assert np.ptp(ramp[middle].astype(int)) < 20, "the midpoint is grey"
    luminance = palette.luminance(ramp)
    # Neither sign may look stronger than the other: as far from 0, nearly equal lightness, at the ends above all.
    assert np.abs(np.sqrt(luminance) - np.sqrt(luminance[::-1])).max() < 0.07


@pytest.mark.parametrize("theme", THEMES)
def test_luminance_changes_steadily_from_the_middle_to_either_end(theme):
    luminance = palette.luminance(palette.ramp(theme))
    middle = palette.BINS // 2
    sign = -1 if theme == "light" else 1
    assert (np.diff(luminance[middle:]) * sign > 0).all()
    assert (np.diff(luminance[: middle + 1]) * sign < 0).all()


@pytest.mark.parametrize("theme", THEMES)
def test_red_is_negative_and_blue_is_positive(theme):
    low, high = palette.colors([-2.0, 2.0], theme, SCALE).astype(int)
    assert low[0] > low[2]
    assert high[2] > high[0]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("simulation", [np.eye(3), DEUTERANOPIA], ids=["normal", "deuteranopia"])
def test_the_signs_are_told_apart(theme, simulation):
    for share, least in ((1.0, 40), (0.5, 40), (0.2, 20)):
        kappa = SCALE.curvature([-share, share])
        pair = palette.linear_rgb(palette.colors(kappa, theme, SCALE)) @ simulation.T
        assert np.linalg.norm(np.diff(lab(pair), axis=0)) > least, share


@pytest.mark.parametrize(("theme", "paper"), [("light", (255, 255, 255)), ("dark", (14, 17, 23))])
def test_every_colour_is_seen_on_its_paper_and_none_glares(theme, paper):
    luminance = palette.luminance(palette.ramp(theme))
    page = palette.luminance(paper)
    contrast = (np.maximum(luminance, page) + 0.05) / (np.minimum(luminance, page) + 0.05)
    assert contrast.min() > 1.7
    if theme == "dark":
        assert luminance.max() < 0.6


def test_values_beyond_the_ends_are_clipped_and_no_number_is_grey():
    ends = palette.colors([-8.0, 2.0], "light", SCALE)
    np.testing.assert_array_equal(palette.colors([-983.0, 9.0], "light", SCALE), ends)
    nothing = palette.colors([np.nan, 0.0], "light", SCALE)
    np.testing.assert_array_equal(nothing[0], nothing[1])
    assert palette.bin_index([-983, -8, -2, 0, 1, 2, 9, np.nan], SCALE).tolist() == [
        0,
        0,
        16,
        32,
        48,
        64,
        64,
        32,
    ]


def test_a_tick_stands_where_its_curvature_is_and_the_ends_are_said():
    for low, first in (
        (2.0, "≤ −2"),
        (8.0, "≤ −8"),
        (40.0, "≤ −40"),
        (1000.0, "≤ −1000"),
        (2e4, "≤ −20000"),
        (1e6, "≤ −10⁶"),
    ):
        scale = palette.Scale(low)
        (*_, high), ticks = scale.ticks, scale.ticks[1:-1]
        assert scale.ticks[0] == (-1.0, first)
        assert high == (1.0, "+2")
        for share, words in ticks:
            kappa = float(words.removeprefix("κ = ").replace("−", "-"))
            np.testing.assert_allclose(scale.curvature(share), kappa, atol=1e-9)
        shares = [share for share, _ in scale.ticks]
        assert np.diff(shares).min() > 0.3, "no tick is written over another"
    kappa = np.linspace(-8, 2, 101)
    np.testing.assert_allclose(SCALE.curvature(SCALE.share(kappa)), kappa, atol=1e-9)


def test_the_red_end_is_where_one_in_a_hundred_of_the_layer_that_reaches_furthest_lies():
    rng = np.random.default_rng(0)
    even = rng.uniform(-1, 2, 20_000)
    assert palette.scale_of([even]).low == 2.0, "no smaller, however even a network is"
    steep = -rng.exponential(10, 500)
    found = palette.scale_of([even, steep]).low
    assert 0.003 < (steep < -found).mean() < 0.03
    # A single outlier moves nothing; nor does what was never active or not measured.
    assert palette.scale_of([even, np.append(steep, [-983.0, 2.0, np.nan])]).low == found
    assert palette.scale_of([np.full(9, 2.0), np.full(9, np.nan)]).low == 2.0


def test_plotly_scale_runs_from_0_to_1():
    scale = palette.plotly_colorscale("dark")
    positions = [entry[0] for entry in scale]
    assert positions[0] == 0
    assert positions[-1] == 1
    assert positions == sorted(positions)
    assert [entry[1] for entry in scale] == palette.hex_ramp("dark", len(scale))
