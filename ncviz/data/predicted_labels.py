"""What a network itself says of images, for where nobody knows the right classes; and whether classes fit a network."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ncviz.data.user_data.registry import UserData
from ncviz.devices import guard, resolve_device
from ncviz.errors import DataError
from ncviz.text import file_name

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ncviz.data.datasets import Dataset

_BATCH = 100


def labels_for(net: nn.Module, data: Dataset, device: str = "cpu", rows: Tensor | None = None) -> Tensor:
    """Return what answers are compared with: the data's labels, or what the whole network says where there are none.

    A fraction of right answers is then an accuracy, or else the agreement with the whole network; ``data.has_labels``
    tells which.

    Args:
        net: The whole network.
        data: Images.
        device: Where to classify.
        rows: int64, only for these images.

    Returns:
        int64 [n].

    Raises:
        DataError: If a label lies outside the network's classes, or the images do not fit it.
        DeviceError: If the device is missing or out of memory.
    """
    if data.has_labels:
        return data.labels if rows is None else data.labels[rows]
    return predictions(net, data.inputs if rows is None else data.inputs[rows], device)


def predictions(net: nn.Module, inputs: Tensor, device: str = "cpu") -> Tensor:
    """Return the class that a network gives each image, int64 [n].

    Raises:
        DataError: If the images do not fit the network.
        DeviceError: If the device is missing or out of memory.
    """
    import torch

    from ncviz.copies.own_copy import own_copy

    where = resolve_device(device)
    with guard(where):
        own = own_copy(net, inputs).to(where)
        found = [logits(own, part.to(where)).argmax(dim=1).cpu() for part in inputs.split(_BATCH)]
    return torch.cat(found)


def logits(net: nn.Module, inputs: Tensor) -> Tensor:
    """Return a network's logits [n, classes], without gradients.

    Raises:
        DataError: If the images do not fit the network, or it gives anything else.
    """
    import torch

    with torch.inference_mode():
        try:
            found = net(inputs)
        except RuntimeError as error:
            # Out of memory is the guard's to tell.
            if isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error):
                raise
            raise DataError(
                f"Images of shape {list(inputs.shape[1:])} do not fit the network; choose the size and channels "
                "that it was trained on."
            ) from error
    if not isinstance(found, torch.Tensor) or found.ndim != 2:
        raise DataError("The network gives no list of classes for each image; bring an image classifier.")
    return found


def check_labels(data: Dataset, classes: int) -> None:
    """Raise a DataError if a label lies outside a network's classes.

    Args:
        data: Images.
        classes: How many logits the network gives.
    """
    if data.has_labels and len(data) and int(data.labels.max()) >= classes:
        label = int(data.labels.max())
        named = f" ('{file_name(data.classes[label])}')" if label < len(data.classes) else ""
        raise DataError(
            f"The network tells {classes} classes apart, 0 to {classes - 1}, but an image has label {label}{named}; "
            "leave those images out or bring a network with more classes."
        )


@dataclass(frozen=True)
class Matching:
    """Which of a network's classes each class of a data set stands for.

    Attributes:
        labels: For each class, one of the network's.
        by_name: Whether they were found by their names; otherwise they are the network's first ones, in their order.
    """

    labels: tuple[int, ...]
    by_name: bool


def matched_classes(class_names: Sequence[str], network_classes: Sequence[str]) -> Matching:
    """Match a data set's classes to a network's: by name if all are known, else one after the other.

    Upper and lower case, spaces, dashes and underscores make no difference. Class folders come sorted, as a network
    trained through ``ImageFolder`` learned them; labels that are numbers, and known data sets, have an order of their
    own, which is kept.

    Args:
        class_names: Names of the data set's classes, in the order of its labels.
        network_classes: The network's class names, in the order of its logits; names that nobody gave may be "".

    Raises:
        DataError: If two of them are one class, or there are more than the network tells apart.
    """
    known = [_plain(name) for name in network_classes]
    count = Counter(known)
    asked = [_plain(name) for name in class_names]
    if asked and all(name and count[name] == 1 for name in asked):
        if len(set(asked)) < len(asked):
            twice = class_names[next(at for at, name in enumerate(asked) if asked.count(name) > 1)]
            raise DataError(
                f"Two classes are called '{file_name(twice)}', but for case or spaces; put them together."
            )
        return Matching(tuple(known.index(name) for name in asked), True)
    if len(asked) > len(known):
        raise DataError(
            f"The images are of {len(asked)} classes, {file_name(class_names[0], 30)} to "
            f"{file_name(class_names[-1], 30)}, but the network tells only {len(known)} apart; leave some out, or "
            "bring a network with more."
        )
    return Matching(tuple(range(len(asked))), False)


def fit_classes(own: UserData, network_classes: Sequence[str]) -> UserData:
    """Return a data set with a network's classes as its own.

    Args:
        own: With labels or without.
        network_classes: One name for each logit of the network; "" for a class that nobody named.

    Raises:
        DataError: If the classes do not fit.
    """
    count = len(network_classes)
    names = tuple(name or f"class {number}" for number, name in enumerate(network_classes))
    if not own.has_labels:
        return replace(own, classes=names)
    match = matched_classes(own.classes, network_classes)
    notes = own.notes
    if not match.by_name:
        # They name the network's classes best.
        names = own.classes + names[len(own.classes) :]
        if len(own.classes) < count or any(network_classes):
            notes = (
                *notes,
                f"The {len(own.classes)} classes are taken for the network's first ones of {count}, in their order, "
                "since not all are among its class names.",
            )
    place = np.array(match.labels, dtype=np.int64)
    parts = {split: replace(part, labels=place[part.labels]) for split, part in own.parts.items()}
    return replace(own, classes=names, parts=parts, notes=notes)


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-]+", " ", name).strip().casefold()
