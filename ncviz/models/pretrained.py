"""Torchvision's published weights, downloaded when somebody asks for them and never before."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from ncviz.data.known.downloads import fetch
from ncviz.errors import DataError, ModelError
from ncviz.limits import LIMITS
from ncviz.models.catalogue.torchvision_models import (
    default_weights,
    torchvision_architecture,
    torchvision_names,
)
from ncviz.models.files.content import refusing
from ncviz.progress import Progress
from ncviz.text import megabytes

if TYPE_CHECKING:
    from ncviz.models.network import Network

_HASH = re.compile(r"-([0-9a-f]{8,64})\.")
# DenseNet's weights were published before its layers lost the dot in their names.
_OLD_DENSENET = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.((?:[12])\.\w+)$")


def pretrained_names() -> tuple[str, ...]:
    """Return the architectures whose published weights can be had, and fit within ``LIMITS.file_bytes``."""
    return tuple(name for name in torchvision_names() if download_bytes(name) <= LIMITS.file_bytes)


def download_bytes(name: str) -> int:
    """Return how large the file of an architecture's published weights is, by its metadata.

    Raises:
        ModelError: If there is no such architecture.
    """
    torchvision_architecture(name)
    return round(default_weights(name).meta["_file_size"] * 2**20)


def weights_file(name: str) -> Path:
    """Return where the weights lie once they are downloaded: torchvision's own folder, so that they are shared with it.

    Raises:
        ModelError: If there is no such architecture.
    """
    import torch

    torchvision_architecture(name)
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(default_weights(name).url).path).name


def download_pretrained(
    name: str,
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
    *,
    dataset: str = "",
) -> Network:
    """Return a network of torchvision's with its published weights, from the disk if they were downloaded before.

    The file must have the SHA-256 that its name tells, and is read by ``torch.load(weights_only=True)``.

    Args:
        name: A name in ``pretrained_names()``, such as "torchvision/resnet18".
        progress: Called with the fraction done and a short text; may raise ``CancelledError`` to stop.
        cancel: Asked between the parts of the download whether to stop.
        dataset: Name of the data that it is shown on.

    Raises:
        ModelError: If there is no such architecture, no network, no room on the disk, or the file is damaged.
        CancelledError: If it was stopped; nothing is kept.
    """
    from ncviz.models.files.open_file import network_from_state

    architecture = torchvision_architecture(name)
    check_download(architecture.title, download_bytes(name))
    path, url = weights_file(name), default_weights(name).url
    found = _HASH.search(path.name)
    if found is None:
        raise ModelError(
            f"{path.name} carries no SHA-256 in its name, so that nothing could be checked; it is not loaded."
        )
    wanted = found[1]
    try:
        # The metadata round the size; anything much larger is not these weights.
        fetch(url, path, "sha256", wanted, round(1.1 * download_bytes(name)) + 2**20, progress, cancel)
    except DataError as error:
        raise ModelError(str(error)) from error
    state = {_OLD_DENSENET.sub(r"\1\2", key): tensor for key, tensor in _load(path).items()}
    return network_from_state(state, name, path.name, dataset=dataset, title=architecture.title)


def check_download(title: str, size: int) -> None:
    """Refuse weights that take more than a file may.

    Raises:
        ModelError: If they do.
    """
    if size > LIMITS.file_bytes:
        raise ModelError(
            f"The weights of {title} take {megabytes(size)}, at most {megabytes(LIMITS.file_bytes)} are loaded; choose "
            "a smaller network."
        )


def _load(path: Path) -> dict[str, Any]:
    """Return the state dict of a file whose hash is right."""
    import torch

    with refusing(f"{path.name} cannot be read as torchvision's weights", f"delete {path} and try again"):
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state
