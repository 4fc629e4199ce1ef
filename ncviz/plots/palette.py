"""The one diverging colour scale of the app: red for bottlenecks, blue for redundant edges, grey at 0.

κ is at most 2 and has no lower bound, so each side runs to an end of its own, and both ends weigh the same. The blue
side is κ in equal steps. The red side is log(1 − κ) in equal steps: 1 − κ is about how many times as long the way is
without the edge, so equal steps are equal factors. Around 0, where most values lie, both sides grow alike. The red end
belongs to a network: in no layer does more than about one weight in a hundred lie beyond it (`scale_of`), so that
neither a few outliers turn all else grey nor most of a layer has the last colour. What lies beyond has that colour,
and legends say so.

Both sides are made of the same lightness at every step, in OKLab: neither sign may look stronger than the other. The
light variant darkens towards the ends, the dark one brightens, so that strong edges stand out from the page in both,
without red–green vision and in grey print too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ncviz.text import minus, powers
from ncviz.values import NEVER_ACTIVE

Theme = Literal["light", "dark"]
FloatArray = npt.NDArray[np.float64]

HIGH = 2.0  # κ is at most that
BINS = 65  # odd, so that 0 has a colour of its own
HIGH_LABEL = "+2"
LOW_NAME = "bottleneck"
HIGH_NAME = "redundant"

# What a red end may be, so that legends have whole numbers; larger ones are ten times as large, and so on.
_ENDS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
_LEAST_END, _MOST_END = 2.0, 1e6
_BEYOND = 0.01  # of a layer's weights may lie beyond the red end

# Colours at these shares of the way to either end: lightness, chroma and hue in OKLab. Most curvatures are small, so
# the hue shows early and then deepens.
_STOPS = (0.0, 0.2, 0.55, 1.0)
_RAMPS: dict[Theme, tuple[tuple[tuple[float, float, float], ...], ...]] = {
    "light": (
        ((0.80, 0.008, 262), (0.735, 0.092, 29), (0.55, 0.185, 28), (0.355, 0.142, 24)),
        ((0.80, 0.008, 262), (0.735, 0.088, 252), (0.55, 0.155, 256), (0.355, 0.135, 262)),
    ),
    "dark": (
        ((0.45, 0.015, 264), (0.53, 0.100, 27), (0.62, 0.180, 28), (0.70, 0.188, 27)),
        ((0.45, 0.015, 264), (0.53, 0.090, 250), (0.62, 0.150, 252), (0.70, 0.158, 252)),
    ),
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


@dataclass(frozen=True)
class Scale:
    """Which colour a curvature has: where the red side ends, as a positive number; the blue one ends at `HIGH`."""

    low: float = _LEAST_END

    def share(self, curvature: npt.ArrayLike) -> FloatArray:
        """How far each curvature is on its way to its end: [E] → [E] in −1 … 1. Not-a-number counts as 0."""
        kappa = np.nan_to_num(np.asarray(curvature, dtype=np.float64), posinf=HIGH, neginf=-self.low)
        red = np.log1p(np.maximum(-kappa, 0.0)) / np.log1p(self.low)
        return np.clip(np.where(kappa < 0, -red, kappa / HIGH), -1.0, 1.0)

    def curvature(self, share: npt.ArrayLike) -> FloatArray:
        """The curvature at each share of the way, the reverse of `share` between the ends."""
        way = np.clip(np.asarray(share, dtype=np.float64), -1.0, 1.0)
        return np.where(way < 0, -np.expm1(-way * np.log1p(self.low)), way * HIGH)

    @property
    def low_label(self) -> str:
        """The red end, as legends have it: what lies beyond has its colour too."""
        return f"≤ {powers(-self.low)}"

    @property
    def ticks(self) -> tuple[tuple[float, str], ...]:
        """Values for a legend, as shares of the way and in words, from end to end; few enough to be read."""
        between = next((own for own in (10.0, 4.0, 2.0, 1.0, 100.0) if 0.3 < -self.share(-own) < 0.62), 1.0)
        return (
            (-1.0, self.low_label),
            (float(self.share(-between)), minus(f"-{between:g}")),
            (0.0, "κ = 0"),
            (float(self.share(1.0)), "+1"),
            (1.0, HIGH_LABEL),
        )


USUAL = Scale()


def scale_of(layers: Iterable[npt.ArrayLike]) -> Scale:
    """Return the scale of a network: its red end is the largest that any layer asks for.

    Args:
        layers: κ of each layer's weights; 2 where one is never active, NaN where it was not measured.
    """
    ends = [_LEAST_END]
    for layer in layers:
        kappa = np.asarray(layer, dtype=np.float64).reshape(-1)
        kappa = kappa[kappa < NEVER_ACTIVE]
        if kappa.size:
            ends.append(min(-float(np.quantile(kappa, _BEYOND)), _MOST_END))
    wish = max(ends)
    known = [step * 10.0**power for power in range(7) for step in _ENDS]
    return Scale(max(_LEAST_END, min(known, key=lambda end: abs(np.log(end / wish)))))


def ramp(theme: Theme = "light", bins: int = BINS) -> npt.NDArray[np.uint8]:
    """The colours from end to end, in equal steps of the way: [bins, 3] sRGB."""
    return _mixed(np.linspace(-1.0, 1.0, bins), theme)


def colors(curvature: npt.ArrayLike, theme: Theme, scale: Scale) -> npt.NDArray[np.uint8]:
    """The colour of each curvature: [E] → [E, 3] sRGB. Not-a-number counts as 0."""
    return _mixed(scale.share(curvature), theme)


def hex_ramp(theme: Theme = "light", bins: int = BINS) -> list[str]:
    """`ramp` as CSS colours."""
    return ["#{:02x}{:02x}{:02x}".format(*row) for row in ramp(theme, bins).tolist()]


def end_colours(theme: Theme) -> dict[str, str]:
    """The colours of the two ends of the scale, where they are most themselves: what stands for either in a chart."""
    found = hex_ramp(theme, 41)
    return {"bottleneck": found[9], "redundant": found[31]}


def bin_index(curvature: npt.ArrayLike, scale: Scale, bins: int = BINS) -> npt.NDArray[np.intp]:
    """The row of `ramp` that each curvature is drawn with: [E] in 0…bins−1."""
    return np.rint((scale.share(curvature) + 1) / 2 * (bins - 1)).astype(np.intp)


def plotly_colorscale(theme: Theme = "light", steps: int = 33) -> list[list[float | str]]:
    """`[[0, colour], …, [1, colour]]` for values of `Scale.share`; use it with `cmin=-1, cmax=1`."""
    return [[i / (steps - 1), color] for i, color in enumerate(hex_ramp(theme, steps))]


def _mixed(share: FloatArray, theme: Theme) -> npt.NDArray[np.uint8]:
    """Shares of the way to the ends [...] → [..., 3] sRGB, mixed in OKLab, where mixing looks even."""
    sides = []
    for stops in _RAMPS[theme]:
        lightness, chroma, hue = np.array(stops).T
        angle = np.radians(hue)
        lab = np.stack([lightness, chroma * np.cos(angle), chroma * np.sin(angle)], axis=-1)
        sides.append(np.stack([np.interp(np.abs(share), _STOPS, lab[:, axis]) for axis in range(3)], axis=-1))
    return _srgb(np.where(share[..., None] < 0, sides[0], sides[1]))


def _srgb(lab: FloatArray) -> npt.NDArray[np.uint8]:
    """[..., 3] OKLab → [..., 3] sRGB, clipped to what a screen can show."""
    linear = (lab @ np.linalg.inv(_TO_OKLAB).T) ** 3 @ np.linalg.inv(_TO_CONE).T
    linear = np.clip(linear, 0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(encoded * 255).astype(np.uint8)
