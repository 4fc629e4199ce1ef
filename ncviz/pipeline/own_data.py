"""A network of the user's own and images of the user's own, brought together."""

from __future__ import annotations

from dataclasses import replace

from ncviz.data.answers import fit_classes
from ncviz.data.image_settings import ImageSettings, settings_for
from ncviz.data.own import OwnData, register
from ncviz.data.specs import find_dataset
from ncviz.errors import ModelError
from ncviz.models.network import Network


def image_settings(network: Network) -> ImageSettings:
    """Return how images become a network's inputs, as far as is known: its size, and its published normalisation.

    Raises:
        DataError: If images do not fit its inputs.
    """
    found = settings_for(network.image_shape)
    if network.blueprint is not None:
        return found
    from ncviz.models.architectures import find_architecture

    known = find_architecture(network.architecture).preprocessing
    return found if known is None else replace(found, mean=known.mean, std=known.std)


def logits_of(network: Network) -> int:
    """Return how many classes a network tells apart.

    Raises:
        ModelError: If it does not give one row of numbers for each image.
    """
    import torch

    with torch.inference_mode():
        out = network.module()(torch.zeros(1, *network.image_shape))
    if not isinstance(out, torch.Tensor) or out.ndim != 2 or len(out) != 1:
        got = list(out.shape) if isinstance(out, torch.Tensor) else type(out).__name__
        raise ModelError(
            f"The network returns {got} for one image, expected one number for each class, [1, classes]."
        )
    return int(out.shape[1])


def with_images(network: Network, own: OwnData) -> Network:
    """Return the network on images of the user's own, which the server's registry holds from now on.

    Args:
        network: The network.
        own: The images, at the size that it takes.

    Raises:
        DataError: If images or classes do not fit the network.
        ModelError: If the network does not tell classes apart.
    """
    shaped = replace(network, input_shape=own.settings.input_shape)
    return replace(shaped, dataset=register(fit_classes(own, class_names(shaped))))


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
