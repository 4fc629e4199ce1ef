"""Torchvision's published weights, downloaded when somebody asks for them and never before."""

from __future__ import annotations

import hashlib
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from ncviz.errors import CancelledError, ModelError
from ncviz.limits import LIMITS
from ncviz.models.torchvision_models import default_weights, torchvision_architecture, torchvision_names

if TYPE_CHECKING:
    from ncviz.models.network import Network

TIMEOUT_SECONDS = 30
_CHUNK_BYTES = 1 << 20
_HASH = re.compile(r"-([0-9a-f]{8,64})\.")
# DenseNet's weights were published before its layers lost the dot in their names.
_OLD_DENSENET = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.((?:[12])\.\w+)$")


def pretrained_names() -> tuple[str, ...]:
    """Return the architectures whose published weights can be had, and fit within ``LIMITS.unpacked_bytes``."""
    return tuple(name for name in torchvision_names() if download_bytes(name) <= LIMITS.unpacked_bytes)


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
    progress: Callable[[float, str], None] | None = None,
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
    from ncviz.models.bringing import network_from_state

    architecture = torchvision_architecture(name)
    if name not in pretrained_names():
        raise ModelError(
            f"The weights of {architecture.title} take {download_bytes(name) / 1e6:,.0f} MB, at most "
            f"{LIMITS.unpacked_bytes / 1e6:,.0f} MB are loaded; choose a smaller network."
        )
    path, url = weights_file(name), default_weights(name).url
    found = _HASH.search(path.name)
    if found is None:
        raise ModelError(
            f"{path.name} carries no SHA-256 in its name, so that nothing could be checked; it is not loaded."
        )
    wanted = found[1]
    if not (path.is_file() and _sha256(path).startswith(wanted)):
        _download(url, path, wanted, download_bytes(name), progress, cancel)
    state = {_OLD_DENSENET.sub(r"\1\2", key): tensor for key, tensor in _load(path).items()}
    return network_from_state(state, name, path.name, dataset=dataset, title=architecture.title)


def _download(
    url: str,
    path: Path,
    wanted: str,
    expected: int,
    progress: Callable[[float, str], None] | None,
    cancel: Callable[[], bool] | None,
) -> None:
    """Fetch a file, whole and with the right hash or not at all."""
    temporary, sha = "", hashlib.sha256()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer,
            NamedTemporaryFile(dir=path.parent, suffix=".partial", delete=False) as file,
        ):
            temporary, done = file.name, 0
            total = int(answer.headers.get("Content-Length") or expected)
            while chunk := answer.read(_CHUNK_BYTES):
                done += len(chunk)
                # The metadata round the size; anything much larger is not these weights.
                if done > 1.1 * expected + _CHUNK_BYTES:
                    raise ModelError(
                        f"{path.name} is larger than announced; it may not be torchvision's, so it was not kept."
                    )
                file.write(chunk)
                sha.update(chunk)
                if cancel is not None and cancel():
                    raise CancelledError
                if progress is not None:
                    fraction = min(1.0, done / max(1, total))
                    progress(fraction, f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB downloaded")
        if not sha.hexdigest().startswith(wanted):
            raise ModelError(
                f"{path.name} arrived damaged (its SHA-256 does not begin with {wanted}); try the download again."
            )
        os.chmod(temporary, 0o644)  # noqa: PTH101
        Path(temporary).replace(path)
    except (OSError, HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise ModelError(
            f"{path.name} could not be downloaded from {urlparse(url).netloc or url} ({_reason(error)}); check the "
            "connection, or bring the file itself."
        ) from error
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


def _load(path: Path) -> dict[str, Any]:
    """Return the state dict of a file whose hash is right."""
    import torch

    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's reader raises almost anything
        raise ModelError(
            f"{path.name} cannot be read as torchvision's weights ({type(error).__name__}); delete {path} and "
            "try again."
        ) from error
    return state


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reason(error: Exception) -> str:
    """Return the first line of an error's own words, shortened."""
    text = str(getattr(error, "reason", "") or error).strip().splitlines()
    return text[0][:100] if text else type(error).__name__
