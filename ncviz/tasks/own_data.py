"""A network of the user's own and images of the user's own, brought together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ncviz.data.datasets import find_dataset
from ncviz.data.image_settings import ImageSettings, settings_for, size_of, with_size
from ncviz.data.images import fit_pixels
from ncviz.data.known.prepared import read_named
from ncviz.data.predicted_labels import fit_classes
from ncviz.data.user_data.registry import Part, UserData, find_user_data, is_user_data, register
from ncviz.errors import ModelError
from ncviz.models.network import Network
from ncviz.tasks.task import Context


def image_settings(network: Network, layout: str | None = None) -> ImageSettings:
    """Return how images become a network's inputs, as far as is known: its size, and its published normalisation.

    Args:
        network: The network.
        layout: Where its inputs have their channels, a name in ``LAYOUTS``; None guesses it from their shape.

    Raises:
        DataError: If images do not fit its inputs.
    """
    found = settings_for(network.image_shape, layout)
    if network.blueprint is not None:
        return found
    from ncviz.models.catalogue.architectures import find_architecture

    known = find_architecture(network.architecture).preprocessing
    if known is None:
        return found
    resize = known.resize if found.size == (known.crop, known.crop) else None
    return replace(found, resize=resize, mean=known.mean, std=known.std)


def logits_of(network: Network, shape: Sequence[int] | None = None) -> int:
    """Return how many classes a network tells apart; only sizes are worked out.

    Args:
        network: The network.
        shape: Shape of one image; by default the network's own.

    Raises:
        ModelError: If it takes no such images, or does not give one row of numbers for each.
    """
    import torch

    shape = network.image_shape if shape is None else tuple(shape)
    told = "×".join(map(str, shape))
    try:
        with torch.inference_mode():
            out = network.module().to("meta")(torch.empty(1, *shape, device="meta"))
    except (AssertionError, RuntimeError, ValueError, IndexError, TypeError) as error:
        raise ModelError(
            f"{network.name} cannot take images of shape {told}; bring an image classifier, or say the right size."
        ) from error
    if not isinstance(out, torch.Tensor) or out.ndim != 2 or len(out) != 1 or out.shape[1] < 2:
        got = list(out.shape) if isinstance(out, torch.Tensor) else type(out).__name__
        raise ModelError(
            f"{network.name} gives no list of classes for an image: expected one number for each class, [1, classes], "
            f"got {got}; bring an image classifier."
        )
    return int(out.shape[1])


def takes_other_sizes(network: Network) -> bool:
    """Whether a network also tells as many classes apart on larger images."""
    shape = network.image_shape
    if len(shape) != 3:
        return False
    try:
        larger = with_size(shape, [side + 32 for side in size_of(shape)])
        return logits_of(network, larger) == logits_of(network)
    except ModelError:
        return False


def with_images(network: Network, own: UserData, names: Sequence[str] = ()) -> Network:
    """Return the network on images of the user's own, which the server's registry holds from now on.

    Args:
        network: The network.
        own: The images, at the size that it takes.
        names: Names for its classes; none for those that network or images bring.

    Raises:
        DataError: If images or classes do not fit the network.
        ModelError: If the network does not tell classes apart.
    """
    shaped = replace(network, input_shape=own.settings.input_shape)
    fitted = fit_classes(own, tuple(names) or class_names(shaped))
    return replace(shaped, dataset=register(replace(fitted, classes=tuple(names)) if names else fitted))


def smaller_images(dataset: str, side: tuple[int, int], context: Context) -> UserData:
    """Return the same images at another height and width, not registered yet.

    Args:
        dataset: Name of a data set that ncviz knows, or of a registered one of the user's own.
        side: Height and width.
        context: Where the data sets are that ncviz knows.

    Raises:
        DataError: If the images are no longer there.
    """
    if not is_user_data(dataset):
        settings = replace(settings_for(find_dataset(dataset).input_shape), size=side)
        return read_named(dataset, settings, context.data_dir)
    own = find_user_data(dataset)
    settings = replace(own.settings, size=side, resize=None)
    parts = {
        split: Part(
            np.stack([fit_pixels(image, own.title, settings) for image in part.images]),
            part.labels,
            part.total,
        )
        for split, part in own.parts.items()
    }
    note = f"Made smaller from {own.settings.size[0]}×{own.settings.size[1]}."
    return replace(own, settings=settings, parts=parts, notes=(*own.notes, note))


def class_names(network: Network) -> tuple[str, ...]:
    """Return one name for each class that a network tells apart, "" where nobody named it.

    Raises:
        ModelError: If it does not tell classes apart.
    """
    count = logits_of(network)
    known = network.classes
    if not known and network.dataset:
        known = find_dataset(network.dataset).classes
    return known if len(known) == count else ("",) * count
