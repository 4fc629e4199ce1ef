"""Networks that are saved on this machine, each with the images of the user's own that it is shown."""

from __future__ import annotations

from pathlib import Path

from ncviz.data.user_data import saved as saved_images
from ncviz.data.user_data.registry import find_user_data, is_user_data, register
from ncviz.errors import DataError
from ncviz.models import library
from ncviz.models.library import Saved, library_folder
from ncviz.models.network import Network

__all__ = [
    "Saved",
    "library_folder",
    "open_images",
    "open_saved",
    "remove_saved",
    "save_images",
    "save_network",
    "saved_networks",
]


def saved_networks() -> list[Saved]:
    """Return the saved networks by name, without their weights."""
    return library.list_networks(library_folder())


def save_network(network: Network) -> str:
    """Save a network, and return its name there; the same network gets the same name.

    Raises:
        ModelError: If it is too large, the folder is full, or it cannot be written.
    """
    return library.save_network(library_folder(), network)


def save_images(network: Network) -> None:
    """Save the images of the user's own that a network is shown, if it is.

    Raises:
        DataError: If they are no longer there, or cannot be written.
    """
    if is_user_data(network.dataset):
        saved_images.save_user_data(_images_folder(), find_user_data(network.dataset))


def open_saved(name: str) -> Network:
    """Return a saved network, checked as strictly as an upload.

    Raises:
        ModelError: If there is none of that name, or its files are damaged.
    """
    return library.open_saved(library_folder(), name)


def open_images(network: Network) -> bool:
    """Make the images known that a saved network is shown; whether they are there, or none of the user's own."""
    if is_user_data(network.dataset):
        try:
            register(saved_images.open_saved(_images_folder(), network.dataset))
        except DataError:
            return False
    return True


def remove_saved(name: str) -> None:
    """Delete a saved network, and saved images that no saved network is shown on any more.

    Raises:
        NcvizError: If there is none of that name, or it cannot be deleted.
    """
    library.remove_saved(library_folder(), name)
    used = {each.dataset for each in saved_networks()}
    for dataset in saved_images.saved_names(_images_folder()):
        if dataset not in used:
            saved_images.remove_user_data(_images_folder(), dataset)


def _images_folder() -> Path:
    return library_folder() / "images"
