"""How a user's images become what a network sees: size, channels, normalisation; needs neither torch nor Pillow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from ncviz.errors import DataError
from ncviz.limits import LIMITS
from ncviz.text import shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

WAYS = {
    "resize": "Resizing, centre cut out",
    "crop": "Centre cut out alone",
    "pad": "Resizing, black borders",
    "stretch": "Stretching",
}
# Where the axis of the channels stands in an input: before height and width, as in PyTorch, or after, as in Keras.
LAYOUTS = {"channels_first": "Channels first", "channels_last": "Channels last"}
FIRST, LAST = LAYOUTS
_CHANNELS = (1, 3)
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")


@dataclass(frozen=True)
class ImageSettings:
    """How images become inputs: (scale · pixel - mean) / std, with pixels in [0, 1] after ``how`` gave them their size.

    Attributes:
        size: (H, W) of an input.
        channels: 1 for grey, 3 for red, green and blue.
        how: A name in ``WAYS``.
        resize: For "resize", the length of the shorter side before the centre is cut out; None for as short as covers.
        interpolation: One of ``INTERPOLATIONS``.
        mean: One number for each channel, or one for all.
        std: The same; positive.
        scale: What a white pixel counts before mean and std: 1 in PyTorch, 255 for networks that take bytes.
        layout: A name in ``LAYOUTS``: whether the network takes [C, H, W] or [H, W, C].
    """

    size: tuple[int, int]
    channels: int = 3
    how: str = "resize"
    resize: int | None = None
    interpolation: str = "bilinear"
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    scale: float = 1.0
    layout: str = FIRST

    def __post_init__(self) -> None:
        size = tuple(self.size)
        if len(size) != 2 or not all(_is_whole(side, 1, 4096) for side in size):
            raise _refusal("The image size must be height and width from 1 to 4096", self.size)
        if not _is_whole(self.channels, 1, 3) or self.channels == 2:
            raise _refusal("Images have 1 channel (grey) or 3 (colour)", self.channels)
        if size[0] * size[1] * self.channels > LIMITS.layer_units:
            raise DataError(
                f"Images of {self.channels} × {size[0]} × {size[1]} are more than {LIMITS.layer_units:,} numbers each; "
                "choose a smaller size."
            )
        if self.how not in WAYS:
            raise DataError(
                f"There is no way {shorten(repr(self.how), 40)} to resize an image; choose one of {', '.join(WAYS)}."
            )
        if self.layout not in LAYOUTS:
            raise DataError(
                f"There is no layout {shorten(repr(self.layout), 40)} of an input; choose one of {', '.join(LAYOUTS)}."
            )
        if self.resize is not None and not _is_whole(self.resize, max(size), 8192):
            between = f"from {max(size)}, the longer side of what is cut out, to 8192"
            raise _refusal(f"The shorter side before cutting must be {between}", self.resize)
        if self.interpolation not in INTERPOLATIONS:
            raise DataError(
                f"There is no interpolation {shorten(repr(self.interpolation), 40)}; choose one of "
                f"{', '.join(INTERPOLATIONS)}."
            )
        mean, std = (self._for_channels(name, getattr(self, name)) for name in ("mean", "std"))
        if min(std) <= 0:
            raise _refusal("The std must be positive", min(std))
        if not _is_finite(self.scale) or self.scale <= 0:
            raise _refusal("The scale of the pixels must be a positive number", self.scale)
        # Equal settings must be equal however they were written, since the name of a data set depends on them.
        for name, value in (("size", size), ("mean", mean), ("std", std), ("scale", float(self.scale))):
            object.__setattr__(self, name, value)

    @property
    def pixel_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image, wherever the network wants its channels."""
        return self.channels, *self.size

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Shape of one input as the network takes it: (C, H, W) or (H, W, C)."""
        return (*self.size, self.channels) if self.layout == LAST else self.pixel_shape

    @property
    def pixel_mean(self) -> tuple[float, ...]:
        """The mean of each channel on pixels in [0, 1]: an input is (pixel - mean) / std."""
        return tuple(value / self.scale for value in self.mean)

    @property
    def pixel_std(self) -> tuple[float, ...]:
        """The std of each channel on pixels in [0, 1]."""
        return tuple(value / self.scale for value in self.std)

    @property
    def told(self) -> str:
        """The normalisation in words."""
        if self.mean == (0.0,) * self.channels and self.std == (1.0,) * self.channels:
            to = "1" if self.scale == 1 else f"{self.scale:g}"
            return f"pixels scaled to [0, {to}], nothing else"
        mean, std = (", ".join(f"{value:.4g}" for value in part) for part in (self.mean, self.std))
        return f"pixels scaled to [0, {self.scale:g}], minus {mean}, divided by {std}"

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON types; the usual layout goes without saying, as before there were two."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if (name, value) != ("layout", FIRST)
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ImageSettings:
        """Return the settings that ``as_dict`` wrote.

        Raises:
            DataError: If they are damaged.
        """
        known = {field.name for field in fields(cls)}
        if not isinstance(values, Mapping) or not set(values) <= known or "size" not in values:
            raise DataError("The settings of the images are damaged; bring the images again.")
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        try:
            return cls(**given)
        except TypeError as error:
            raise DataError("The settings of the images are damaged; bring the images again.") from error

    def _for_channels(self, name: str, values: Sequence[float]) -> tuple[float, ...]:
        found = tuple(values) if isinstance(values, (tuple, list)) else (values,)
        if all(_is_finite(value) for value in found):
            given = found[:1] * self.channels if len(set(found)) == 1 else found
            if len(given) == self.channels:
                return tuple(map(float, given))
        expected = f"one number, or one for each of the {self.channels} channels"
        raise _refusal(f"The {name} must be {expected}", values)


def settings_for(input_shape: Sequence[int], layout: str | None = None) -> ImageSettings:
    """Return the settings for a network's inputs, pixels in [0, 1]: what a user starts from.

    Args:
        input_shape: (C, H, W) or (H, W, C); (features,) counts as one grey row.
        layout: Which of the two; None for the first of ``layouts_of``.

    Raises:
        DataError: If images do not fit such inputs.
    """
    shape = tuple(int(side) for side in input_shape)
    if len(shape) == 1:
        shape = (1, 1, *shape)
    if len(shape) != 3:
        raise DataError(
            f"Images need a network with inputs (channels, height, width), or (height, width, channels), got "
            f"{list(shape)}; choose another network."
        )
    is_asked, layout = layout is not None, layouts_of(shape)[0] if layout is None else layout
    if layout not in LAYOUTS:
        raise DataError(
            f"There is no layout {shorten(repr(layout), 40)}; choose one of {', '.join(LAYOUTS)}."
        )
    *size, channels = shape if layout == LAST else (*shape[1:], shape[0])
    if channels not in _CHANNELS and is_asked and layout not in layouts_of(shape):
        other = FIRST if layout == LAST else LAST
        raise DataError(
            f"The network takes inputs of shape {list(shape)}, of which {LAYOUTS[layout].lower()} makes {channels} "
            f"channels; images have 1 or 3. Choose {other}."
        )
    if channels not in _CHANNELS:
        raise DataError(
            f"The network takes inputs of shape {list(shape)}; images need 1 or 3 channels, in front or at the end, a "
            "height and a width. From Python, ncviz.neural_curvature takes such inputs as they are."
        )
    return ImageSettings(size=(size[0], size[1]), channels=channels, layout=layout)


def layouts_of(input_shape: Sequence[int]) -> tuple[str, ...]:
    """Return how an input of this shape can be an image, the likelier first: [H, W, 3] has its channels last."""
    if len(input_shape) != 3:
        return (FIRST,)
    ends = {FIRST: input_shape[0], LAST: input_shape[2]}
    return tuple(layout for layout, count in ends.items() if count in _CHANNELS) or (FIRST,)


def with_size(input_shape: Sequence[int], size: Sequence[int]) -> tuple[int, ...]:
    """Return an input's shape at another height and width, its channels where they are."""
    if layouts_of(input_shape)[0] == LAST:
        return *size, input_shape[2]
    return input_shape[0], *size


def size_of(input_shape: Sequence[int]) -> tuple[int, int]:
    """Return height and width of an input of three axes."""
    height, width = input_shape[:2] if layouts_of(input_shape)[0] == LAST else input_shape[1:]
    return height, width


def _refusal(expected: str, got: Any) -> DataError:
    return DataError(f"{expected}, got {shorten(repr(got), 40)}.")


def _is_whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
