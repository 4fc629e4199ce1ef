"""Class names and labels out of a user's arrays: whole numbers, one-hot rows or texts."""

from __future__ import annotations

import numpy as np

from ncviz.errors import DataError
from ncviz.limits import LIMITS


def class_names(values: np.ndarray, title: str) -> tuple[str, ...]:
    """Return the class names of an array.

    Raises:
        DataError: If it is no list of texts, or too long.
    """
    if values.ndim != 1 or values.dtype.kind not in "US" or len(values) > LIMITS.classes:
        raise DataError(
            f"The class names in {title} must be a list of at most {LIMITS.classes:,} texts, got {values.dtype} "
            f"{list(values.shape)}."
        )
    return tuple(_text(value) for value in values)


def _text(value: bytes | str) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text[: LIMITS.name_length]


def whole_labels(
    arrays: dict[str, np.ndarray | None], classes: tuple[str, ...] | None, title: str
) -> tuple[tuple[str, ...], dict[str, np.ndarray | None]]:
    """Return class names, and labels as int64 [n]: whole numbers, one-hot rows and texts are understood.

    Args:
        arrays: For each split its labels, or None.
        classes: Class names, if the file holds them.
        title: What to call the file in messages.

    Raises:
        DataError: If the labels are anything else.
    """
    given = {split: values for split, values in arrays.items() if values is not None}
    for values in given.values():
        _check_shape(values, title)
    if not given:
        return classes or (), dict(arrays)
    if any(values.dtype.kind in "US" for values in given.values()):
        return _text_labels(arrays, classes, title)
    numbers: dict[str, np.ndarray | None] = dict.fromkeys(arrays)
    most = 0
    for split, values in given.items():
        if values.ndim == 2 and values.shape[1] > 1 and bool((values.sum(axis=1) == 1).all()):
            most = max(most, values.shape[1])
            values = values.argmax(axis=1)
        flat = values.reshape(len(values), -1) if values.ndim else values.reshape(1, 1)
        with np.errstate(invalid="ignore"):
            is_whole = flat.shape[1] == 1 and bool((np.mod(flat, 1) == 0).all())
        if not is_whole or flat.min() < 0 or flat.max() >= LIMITS.classes:
            raise DataError(
                f"The labels in {title} must be whole numbers from 0 to {LIMITS.classes - 1:,}, one for each image; "
                f"got {values.dtype} {list(values.shape)}"
                + (f" from {flat.min():,} to {flat.max():,}." if is_whole else ".")
            )
        own = flat[:, 0].astype(np.int64)
        most, numbers[split] = max(most, int(own.max()) + 1), own
    if classes is None:
        return tuple(str(number) for number in range(most)), numbers
    if most > len(classes):
        raise DataError(f"{title} names {len(classes)} classes, but its labels go up to {most - 1}.")
    return classes, numbers


def _check_shape(values: np.ndarray, title: str) -> None:
    """Refuse labels of more images or classes than are read: what is made of them grows with both."""
    for size, most, what in zip(
        values.shape, (LIMITS.images, LIMITS.classes), ("images", "classes"), strict=False
    ):
        if size > most:
            raise DataError(
                f"The labels in {title} have the shape {list(values.shape)[:9]}, which would be {size:,} {what}; at "
                f"most {most:,} are read, so leave some out."
            )


def _text_labels(
    arrays: dict[str, np.ndarray | None], classes: tuple[str, ...] | None, title: str
) -> tuple[tuple[str, ...], dict[str, np.ndarray | None]]:
    texts: dict[str, list[str]] = {}
    for split, values in arrays.items():
        if values is not None and (values.ndim != 1 or values.dtype.kind not in "US"):
            raise DataError(f"The labels in {title} must be all texts or all numbers, one for each image.")
        texts[split] = [] if values is None else [_text(value) for value in values]
    seen = sorted({text for own in texts.values() for text in own})
    names = classes or tuple(seen)
    unknown = [text for text in seen if text not in names]
    if unknown or len(names) > LIMITS.classes:
        raise DataError(
            f"{title} has {len(seen):,} different labels, such as {(unknown or seen)[0][:40]!r}; expected at most "
            f"{LIMITS.classes:,}, each one of its class names."
        )
    place = {name: number for number, name in enumerate(names)}
    found = {split: np.array([place[text] for text in own], dtype=np.int64) for split, own in texts.items()}
    return names, {split: None if arrays[split] is None else own for split, own in found.items()}
