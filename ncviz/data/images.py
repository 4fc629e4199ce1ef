"""One image, out of a file or an array, to pixels of the size that a network takes; Pillow, and no torch."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ncviz.budget import Budget
from ncviz.data.image_layout import check_layout
from ncviz.errors import DataError
from ncviz.limits import LIMITS
from ncviz.text import file_name, first_line

if TYPE_CHECKING:
    from PIL.Image import Image

    from ncviz.data.image_settings import ImageSettings

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "TIFF")
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff"})
# ITU-R 601-2, as Pillow makes grey of colour.
_GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def read_image(
    content: bytes,
    name: str,
    settings: ImageSettings,
    budget: Budget | None = None,
    *,
    is_as_viewed: bool = False,
) -> np.ndarray:
    """Decode an image file and give it its size.

    The first frame counts; transparency is dropped and the camera's rotation mark ignored, as torchvision's
    ``ImageFolder`` does.

    Args:
        content: The file: PNG, JPEG, BMP, WebP, GIF or TIFF.
        name: Its name, for messages.
        settings: Size and channels.
        budget: What the reading of all images that came with it may take; by default that of this one.
        is_as_viewed: Whether it is read as people view it instead: turned upright, and what is transparent on a ground
            that what is not stands out from.

    Returns:
        uint8 [C, H, W].

    Raises:
        DataError: If it is damaged, of another format, or too large, naming it.
    """
    from PIL import Image, ImageOps

    budget = budget or Budget(file_name(name), len(content), DataError, pixels=True)
    try:
        check_layout(content)
        with warnings.catch_warnings():
            # Pillow warns of large images, odd palettes and broken metadata; size is checked here, the rest harmless.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                _check_size(image, name)
                budget.touch(image.width * image.height)
                picture = _on_ground(ImageOps.exif_transpose(image)) if is_as_viewed else image
                pixels = np.asarray(_sized(_eight_bits(picture, settings), name, settings))
                return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))
    except DataError:
        raise
    except Image.DecompressionBombError as error:
        # Pillow counts before it says how large the image is.
        raise DataError(
            f"The image {file_name(name)} has far more than the {LIMITS.image_pixels:,} pixels that are read; make it "
            "smaller."
        ) from error
    except Exception as error:  # damaged images make the decoders raise almost anything
        raise DataError(
            f"The image {file_name(name)} cannot be read ({_reason(error)}); it is damaged or none of "
            f"{', '.join(FORMATS)}: leave it out or save it again."
        ) from error


def read_size(content: bytes) -> tuple[int, int] | None:
    """Return height and width of an image file from its header alone; None where it holds no image that is read."""
    from PIL import Image

    try:
        check_layout(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                return image.height, image.width
    except Exception:  # damaged images make the decoders raise almost anything
        return None


def fit_pixels(pixels: np.ndarray, name: str, settings: ImageSettings) -> np.ndarray:
    """Give the pixels of one image of an array their channels and size.

    Args:
        pixels: uint8, or float32 in [0, 1], [1 or 3, H, W].
        name: What to call it in messages.
        settings: Size and channels.

    Returns:
        Of the same type, [C, H, W].

    Raises:
        DataError: If it would grow beyond what is read.
    """
    from PIL import Image

    if pixels.shape[1:] != settings.size:
        # The type of a plane decides its mode: uint8 is "L", float32 is "F".
        pixels = np.stack([np.asarray(_sized(Image.fromarray(plane), name, settings)) for plane in pixels])
        if pixels.dtype != np.uint8:
            pixels = pixels.clip(0.0, 1.0)  # bicubic and Lanczos overshoot
    if len(pixels) == settings.channels:
        return pixels
    if settings.channels == 3:
        return pixels.repeat(3, axis=0)
    grey = np.tensordot(_GREY, pixels.astype(np.float32), axes=1)[None]
    return np.rint(grey).astype(np.uint8) if pixels.dtype == np.uint8 else grey


def _check_size(image: Image, name: str) -> None:
    if image.width * image.height > LIMITS.image_pixels:
        raise DataError(
            f"The image {file_name(name)} has {image.width:,} × {image.height:,} pixels, at most "
            f"{LIMITS.image_pixels:,} are read; make it smaller."
        )


def _on_ground(image: Image) -> Image:
    """Return it on white where it has transparent parts, or on black where what is seen of it is light."""
    from PIL import Image

    if not image.has_transparency_data:
        return image
    image = image.convert("RGBA")
    alpha = np.asarray(image.getchannel("A"))
    # Sums without a copy of a large picture in another type.
    ink = np.einsum("yx,yx->", np.asarray(image.convert("L")), alpha, dtype=np.uint64, casting="unsafe")
    ink = float(ink) / max(float(alpha.sum(dtype=np.uint64)), 1.0)
    ground = 0 if ink > 255 / 2 else 255
    return Image.alpha_composite(Image.new("RGBA", image.size, (ground, ground, ground, 255)), image)


def _eight_bits(image: Image, settings: ImageSettings) -> Image:
    """Return it as grey or colour with 8 bits a channel."""
    from PIL import Image

    if image.mode in ("F", "I"):
        raise ValueError("it holds 32 bits a pixel, which belong into an .npz")
    if image.mode.startswith("I"):
        # Pillow would cut 16-bit greys off at 255 instead of scaling them.
        image = Image.fromarray((np.asarray(image).clip(0, 65535) >> 8).astype(np.uint8))
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("L" if settings.channels == 1 else "RGB")


def _sized(image: Image, name: str, settings: ImageSettings) -> Image:
    """Resize, cut out and pad to the size."""
    height, width = settings.size
    if settings.how == "stretch":
        return _resized(image, height, width, name, settings)
    if settings.how == "resize":
        # torchvision's rule, to the pixel: the longer side is rounded down.
        short = settings.resize or max(
            height if image.height <= image.width else -(-height * image.width // image.height),
            width if image.width <= image.height else -(-width * image.height // image.width),
        )
        tall = int(short * image.height / image.width) if image.width <= image.height else short
        wide = short if image.width <= image.height else int(short * image.width / image.height)
        image = _resized(image, tall, wide, name, settings)
    elif settings.how == "pad":
        by = min(height / image.height, width / image.width)
        tall, wide = (max(1, round(by * side)) for side in (image.height, image.width))
        image = _resized(image, tall, wide, name, settings)
    return _centre(image, height, width)


def _resized(image: Image, height: int, width: int, name: str, settings: ImageSettings) -> Image:
    from PIL import Image

    if (image.height, image.width) == (height, width):
        return image
    if height * width > LIMITS.image_pixels:
        raise DataError(
            f"The image {file_name(name)} of {image.width:,} × {image.height:,} pixels would grow to {width:,} × "
            f"{height:,}; cut a part out of it, or leave it out."
        )
    return image.resize((width, height), Image.Resampling[settings.interpolation.upper()])


def _centre(image: Image, height: int, width: int) -> Image:
    """Cut the centre out, with black where the image ends; the offsets round as torchvision's ``center_crop`` does."""
    from PIL import Image

    if (image.height, image.width) == (height, width):
        return image
    if image.height < height or image.width < width:
        large = Image.new(image.mode, (max(width, image.width), max(height, image.height)))
        large.paste(image, ((large.width - image.width) // 2, (large.height - image.height) // 2))
        image = large
    top, left = round((image.height - height) / 2.0), round((image.width - width) / 2.0)
    return image.crop((left, top, left + width, top + height))


def _reason(error: Any) -> str:
    line = first_line(error)
    # Pillow names the buffer that it reads from, which says nothing.
    return line if "BytesIO" not in line and len(line) <= 120 else type(error).__name__
