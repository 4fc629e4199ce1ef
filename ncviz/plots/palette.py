"""The one diverging colour scale of the app: red for bottlenecks, blue for redundant edges, fixed ends.

A colour always means the same curvature: the scale is symmetric about 0 and ends at ±`LIMIT`; what lies beyond
is clipped, and legends say so. The light variant darkens towards the ends, the dark one brightens, so that
strong edges stand out from the page in both. Lightness changes steadily on each side, which is what keeps the
scale readable without red–green vision and in grey print.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

Theme = Literal["light", "dark"]
FloatArray = npt.NDArray[np.float64]

LIMIT = 2.0
BINS = 65  # odd, so that 0 has a colour of its own
LOW_LABEL = "≤ −2"
HIGH_LABEL = "+2"
LOW_NAME = "bottleneck"
HIGH_NAME = "redundant"

# Colours at |κ| = 0, 0.4, 1.1 and 2; most curvatures are small, so the hue shows early and then deepens.
_STOPS = (0.0, 0.2, 0.55, 1.0)
_RAMPS: dict[Theme, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "light": (("#b9bdc4", "#dd8f83", "#c73a2e", "#7d0b1c"), ("#b9bdc4", "#86aedc", "#2c6cbf", "#0b2f6f")),
    "dark": (("#50555f", "#98564f", "#dc543f", "#ff8570"), ("#50555f", "#4a7199", "#3f8fe0", "#80c0ff")),
}

_TO_CONE = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def linear_rgb(rgb: npt.ArrayLike) -> FloatArray:
    """Undo the sRGB transfer curve: [..., 3] in 0–255 → [..., 3] in 0–1."""
    value = np.asarray(rgb, dtype=np.float64) / 255.0
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def luminance(rgb: npt.ArrayLike) -> FloatArray:
    """Relative luminance of sRGB colours: [..., 3] in 0–255 → [...] in 0–1."""
    weighted: FloatArray = linear_rgb(rgb) @ np.array([0.2126, 0.7152, 0.0722])
    return weighted


def ramp(theme: Theme = "light", bins: int = BINS) -> npt.NDArray[np.uint8]:
    """The scale as `bins` equal steps from −`LIMIT` to +`LIMIT`: [bins, 3] sRGB."""
    return colors(np.linspace(-LIMIT, LIMIT, bins), theme)


def colors(curvature: npt.ArrayLike, theme: Theme = "light") -> npt.NDArray[np.uint8]:
    """The colour of each curvature: [E] → [E, 3] sRGB. Not-a-number counts as 0."""
    value = np.clip(np.nan_to_num(np.asarray(curvature, dtype=np.float64)), -LIMIT, LIMIT) / LIMIT
    negative, positive = (_oklab(stops) for stops in _RAMPS[theme])
    sides = [
        np.stack([np.interp(np.abs(value), _STOPS, stops[:, axis]) for axis in range(3)], axis=-1)
        for stops in (negative, positive)
    ]
    return _srgb(np.where(value[..., None] < 0, sides[0], sides[1]))


def hex_ramp(theme: Theme = "light", bins: int = BINS) -> list[str]:
    """`ramp` as CSS colours."""
    return ["#{:02x}{:02x}{:02x}".format(*row) for row in ramp(theme, bins).tolist()]


def bin_index(curvature: npt.ArrayLike, bins: int = BINS) -> npt.NDArray[np.intp]:
    """The row of `ramp` that each curvature is drawn with: [E] in 0…bins−1."""
    value = np.clip(np.nan_to_num(np.asarray(curvature, dtype=np.float64)), -LIMIT, LIMIT)
    return np.rint((value + LIMIT) / (2 * LIMIT) * (bins - 1)).astype(np.intp)


def plotly_colorscale(theme: Theme = "light", steps: int = 33) -> list[list[float | str]]:
    """`[[0, colour], …, [1, colour]]`; use it with `cmin=-LIMIT, cmax=LIMIT`."""
    return [[i / (steps - 1), color] for i, color in enumerate(hex_ramp(theme, steps))]


def _oklab(hex_colors: tuple[str, ...]) -> FloatArray:
    """CSS colours → [n, 3] OKLab, the space in which mixing looks even."""
    rgb = np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in hex_colors])
    lab: FloatArray = np.cbrt(linear_rgb(rgb) @ _TO_CONE.T) @ _TO_OKLAB.T
    return lab


def _srgb(lab: FloatArray) -> npt.NDArray[np.uint8]:
    """[..., 3] OKLab → [..., 3] sRGB, clipped to what a screen can show."""
    linear = (lab @ np.linalg.inv(_TO_OKLAB).T) ** 3 @ np.linalg.inv(_TO_CONE).T
    linear = np.clip(linear, 0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(encoded * 255).astype(np.uint8)
