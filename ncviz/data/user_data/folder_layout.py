"""Which split and class each image of a folder or archive belongs to, from its path alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from ncviz.data.images import SUFFIXES
from ncviz.errors import DataError
from ncviz.limits import LIMITS
from ncviz.text import file_name

# What folders are called in practice, and which split they stand for.
SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing"), "test"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
}
EXPECTED = (
    "expected <class>/<image>, with train/ and test/ or val/ above the classes if you like, or images alone"
)


@dataclass(frozen=True)
class Layout:
    """Where the images lie.

    Attributes:
        paths: For each split, "train" and "test" or "all" alone, the images' paths, sorted.
        labels: For each split, one label for each path; None for images without classes.
        classes: The names of the class folders, sorted; none for images without classes.
        notes: What was left out, one sentence each.
    """

    paths: dict[str, tuple[str, ...]]
    labels: dict[str, tuple[int, ...] | None]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()


def find_layout(names: Iterable[str], label: str) -> Layout:
    """Find splits and classes, as torchvision's ``ImageFolder`` does.

    One folder alone is a wrapping and no class. Of validation and test images the test images count; validation images
    alone serve as the test images.

    Args:
        names: Paths with forward slashes; what is no image is passed over.
        label: What holds them, for messages.

    Raises:
        DataError: If there are no images, too many, or they lie at different depths.
    """
    everything = list(names)
    images = sorted(name for name in everything if PurePosixPath(name).suffix.lower() in SUFFIXES)
    if not images:
        raise DataError(
            f"{label} holds no images, but {len(everything):,} other files; {EXPECTED}, as PNG, JPEG, "
            "BMP, WebP, GIF or TIFF."
        )
    if len(images) > LIMITS.images:
        raise DataError(
            f"{label} holds {len(images):,} images, at most {LIMITS.images:,} are read; leave some out."
        )
    folders = [tuple(name.split("/")[:-1]) for name in images]
    depth = len(folders[0])
    if any(len(folder) != depth for folder in folders):
        other = next(name for name, folder in zip(images, folders, strict=True) if len(folder) != depth)
        raise DataError(
            f"The images in {label} lie at different depths, such as {file_name(images[0], 60)} and "
            f"{file_name(other, 60)}; {EXPECTED}."
        )
    levels = range(max(0, depth - 2), depth)
    fits = (level for level in levels if all(folder[level].lower() in SPLIT_NAMES for folder in folders))
    at = next(fits, None)
    wrapping = at if at is not None else max(0, depth - 1)
    if len({folder[:wrapping] for folder in folders}) > 1:
        raise DataError(f"The folders in {label} are nested too deep; {EXPECTED}.")
    splits = ["all"] * len(images) if at is None else [SPLIT_NAMES[folder[at].lower()] for folder in folders]
    kinds = [folder[-1] if depth > wrapping + (at is not None) else "" for folder in folders]
    if at is None and len(set(kinds)) == 1:
        kinds = [""] * len(images)
    return _sorted_out(images, splits, kinds, label)


def _sorted_out(images: list[str], splits: list[str], kinds: list[str], label: str) -> Layout:
    notes: tuple[str, ...] = ()
    if {"val", "test"} <= set(splits):
        notes = (f"{splits.count('val'):,} validation images were left out, since there are test images.",)
    elif "val" in splits:
        splits = ["test" if split == "val" else split for split in splits]
    if not {"train", "test"} <= set(splits):
        splits = ["all" if split in ("train", "test") else split for split in splits]
    used = [number for number, split in enumerate(splits) if split != "val"]
    classes = tuple(sorted({kinds[number] for number in used} - {""}))
    if len(classes) > LIMITS.classes:
        raise DataError(
            f"{label} holds {len(classes):,} class folders, at most {LIMITS.classes:,} are read; leave some out."
        )
    place = {name: number for number, name in enumerate(classes)}
    paths: dict[str, tuple[str, ...]] = {}
    labels: dict[str, tuple[int, ...] | None] = {}
    for split in sorted({splits[number] for number in used}):
        own = [number for number in used if splits[number] == split]
        paths[split] = tuple(images[number] for number in own)
        labels[split] = tuple(place[kinds[number]] for number in own) if classes else None
    return Layout(paths, labels, classes, notes)
