"""The images that a network is shown: known sets, and files or folders of the user's own."""

from __future__ import annotations

from ncviz.data.datasets import (
    DATASETS,
    Dataset,
    DatasetSpec,
    default_data_dir,
    find_dataset,
    load_dataset,
    load_sample_arrays,
)
from ncviz.data.image_settings import LAST, LAYOUTS, WAYS, ImageSettings, layouts_of, settings_for, size_of
from ncviz.data.known.prepared import download_named, known_names, read_named
from ncviz.data.known.torchvision_sets import NAMED
from ncviz.data.user_data.image_files import read_tree
from ncviz.data.user_data.registry import UserData, find_user_data, is_user_data, register
from ncviz.data.user_data.uploads import ENDINGS
from ncviz.errors import DataError, NcvizError
from ncviz.models.network import Network
from ncviz.reading.doors import prepare_reading, read_uploads, shared_size

__all__ = [
    "DATASETS", "ENDINGS", "LAST", "LAYOUTS", "WAYS", "Dataset", "DatasetSpec", "ImageSettings", "UserData",
    "default_data_dir", "download_named", "find_dataset", "is_gone", "is_ready", "is_user_data", "known_names",
    "known_title", "layouts_of", "load_dataset", "load_sample_arrays", "native_set", "nearest_set",
    "numbers_text", "prepare_reading", "read_class_names", "read_named", "read_numbers", "read_tree", "read_uploads",
    "read_white", "register", "settings_for", "shared_size", "size_of",
]  # fmt: skip


def is_gone(dataset: str) -> bool:
    """Whether a data set of the user's own is no longer on the server."""
    if not is_user_data(dataset):
        return False
    try:
        find_user_data(dataset)
    except NcvizError:
        return True
    return False


def known_title(name: str) -> str:
    """Return what a set of ``known_names()`` is called."""
    return DATASETS[name].title if name in DATASETS else NAMED[name].title


def native_set(network: Network) -> str:
    """Return the known set that a network is made for, or whose images have its shape; "" if there is none."""
    if network.dataset in DATASETS:
        return network.dataset
    try:
        shape = settings_for(network.image_shape).pixel_shape
    except DataError:
        return ""
    fits = [name for name, spec in DATASETS.items() if spec.is_bundled and spec.input_shape == shape]
    return fits[0] if fits else ""


def nearest_set(network: Network, classes: int) -> str:
    """Return the known set whose channels, then classes, are most like what a network takes and tells apart."""
    native = native_set(network)
    if native:
        return native
    channels = network.image_shape[0]

    def unlike(name: str) -> tuple[bool, bool]:
        spec = DATASETS[name]
        return spec.input_shape[0] != channels, len(spec.classes) != classes

    return min(DATASETS, key=unlike)


def is_ready(name: str, settings: ImageSettings, classes: int) -> bool:
    """Whether a known set serves without being read anew: same size, plain pixels, as many classes."""
    spec = DATASETS.get(name)
    return spec is not None and len(spec.classes) == classes and settings == settings_for(spec.input_shape)


def read_white(text: str) -> float | None:
    """Return what a white pixel counts, None where nobody says.

    Raises:
        DataError: If it is no number.
    """
    if not text.strip():
        return None
    try:
        return float(text)
    except ValueError as error:
        raise DataError(
            f"A white pixel must count a number, such as 255, got {text[:40]!r}; leave it empty to have it found out."
        ) from error


def read_numbers(what: str, text: str) -> tuple[float, ...]:
    """Return the numbers of a list, such as those of the mean.

    Raises:
        DataError: If there are none, or anything else stands there.
    """
    try:
        found = tuple(float(part) for part in text.replace(";", ",").split(",") if part.strip())
    except ValueError:
        found = ()
    if not found:
        raise DataError(
            f"The {what} must be numbers with commas between, such as 0.485, 0.456, 0.406, got {text[:40]!r}."
        )
    return found


def numbers_text(values: tuple[float, ...]) -> str:
    """Return numbers as ``read_numbers`` reads them, those that are all equal as one."""
    return ", ".join(f"{value:g}" for value in (values[:1] if len(set(values)) == 1 else values))


def read_class_names(text: str, classes: int) -> tuple[str, ...]:
    """Return the class names of a text, one on each line; none if it is empty.

    Raises:
        DataError: If there are not as many as the network tells classes apart.
    """
    names = tuple(line.strip()[:100] for line in text.splitlines() if line.strip())
    if names and len(names) != classes:
        raise DataError(f"The network tells {classes:,} classes apart, but {len(names):,} names are given.")
    return names
