"""What is known of an architecture without building it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from ncviz.errors import ModelError
from ncviz.limits import LIMITS

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Preprocessing:
    """What published weights expect of an image, as their metadata say.

    Attributes:
        mean: Subtracted from each channel of an image in [0, 1].
        std: Each channel is divided by it after that.
        resize: Length of the image's shorter side, in pixels, before it is cropped.
        crop: Side of the square that is then cut out of its middle, in pixels.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize: int
    crop: int


@dataclass(frozen=True)
class Architecture:
    """One architecture, and the data it is made for.

    Attributes:
        name: What ``find_architecture`` finds it by.
        title: Name for people.
        build: Makes a network of this architecture with PyTorch's default initialisation; takes ``num_classes=`` for
            another number of logits, unless the name alone decides.
        input_shape: Shape of one input, (C, H, W).
        num_classes: Number of logits.
        dataset: Name of its dataset in ``ncviz.data.datasets.DATASETS``; empty if it is made for none of them.
        classes: Class names of its published weights, if it has any.
        preprocessing: What its published weights expect of an image, if it has any.
        is_resizable: Whether it also takes images of another height and width.
        has_own_values: Whether it holds numbers that are not in its state dict, so that it is never built empty.
    """

    name: str
    title: str
    build: Callable[..., nn.Module]
    input_shape: tuple[int, int, int]
    num_classes: int
    dataset: str
    classes: tuple[str, ...] = ()
    preprocessing: Preprocessing | None = None
    is_resizable: bool = False
    has_own_values: bool = False

    def with_classes(self, count: int) -> Architecture:
        """Return the same with another number of logits; its name then ends in ``@<count>``.

        Raises:
            ModelError: If there would be fewer than two, or more than ``LIMITS.classes``.
        """
        if count == self.num_classes:
            return self
        if not 2 <= count <= LIMITS.classes:
            raise ModelError(
                f"{self.name} is built for 2 to {LIMITS.classes:,} classes, got {count:,}; give another number "
                f"after the @."
            )
        return replace(
            self,
            name=f"{self.name}@{count}",
            title=f"{self.title}, {count} classes",
            build=partial(self.build, num_classes=count),
            num_classes=count,
            dataset="",
            classes=(),
        )
