"""A network of the user's own: out of a file, or weights that others publish, if the server has room for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ncviz.errors import ModelError
from ncviz.models import hub
from ncviz.models.catalogue.timm_models import PREFIX as TIMM
from ncviz.models.catalogue.timm_models import has_timm, timm_names
from ncviz.models.catalogue.torchvision_models import default_weights
from ncviz.models.memory import NETWORK_MEMORY
from ncviz.models.network import Network
from ncviz.models.pretrained import download_bytes, download_pretrained, pretrained_names, weights_file
from ncviz.progress import Progress
from ncviz.reading.doors import prepare_reading, read_network_file
from ncviz.text import quotable

__all__ = [
    "ENDINGS", "NETWORK_MEMORY", "Published", "Question", "architecture_title", "download_published", "has_timm",
    "prepare_reading", "pretrained_names", "published", "read_network", "timm_names",
]  # fmt: skip

ENDINGS = ("onnx", "pt", "pth", "safetensors", "pt2")


@dataclass(frozen=True)
class Published:
    """Weights that others publish: size of the file if it is known, whether it is on this machine, and else where."""

    bytes: int | None
    is_here: bool
    host: str


@dataclass(frozen=True)
class Question:
    """What a file leaves open.

    Attributes:
        what: "architecture", "weights", "output" or "size".
        choices: What it may be.
    """

    what: str
    choices: tuple[str, ...]


def read_network(
    content: Callable[[], bytes],
    size: int,
    filename: str,
    answers: Mapping[str, str] | None = None,
    visitor: str | None = None,
) -> Network | Question:
    """Return the network in an uploaded file, or what the user has to choose first.

    Args:
        content: Gives the file's bytes, which are asked for only if there is room.
        size: How many they are.
        filename: What it is called.
        answers: What was chosen, by what it is.
        visitor: Whose it is: each visitor's files are read one at a time.

    Raises:
        ModelError: If there is no room, or the file is none that is read; one sentence.
    """
    given = answers or {}
    with NETWORK_MEMORY.reading(size, quotable(filename)):
        found = read_network_file(
            content(),
            filename,
            given.get("architecture"),
            weights=given.get("weights"),
            output=given.get("output"),
            size=_size(given["size"]) if "size" in given else None,
            visitor=visitor,
        )
    return found if isinstance(found, Network) else Question(*found)


def _size(text: str) -> tuple[int, int]:
    try:
        height, width = (int(side) for side in text.lower().replace("×", "x").split("x"))
    except ValueError as error:
        raise ModelError(
            f"A size is height and width, such as 64x64, got '{quotable(text)}'; choose another."
        ) from error
    return height, width


def architecture_title(name: str) -> str:
    """Return an architecture's title for people with its name."""
    from ncviz.models.catalogue.architectures import find_architecture

    return f"{find_architecture(name).title} ({name})"


def published(name: str) -> Published:
    """Return what is known of an architecture's published weights before they are fetched.

    Raises:
        ModelError: If there are none.
    """
    if name.startswith(TIMM):
        here = hub.weights_here(name)
        return Published(here.stat().st_size if here else None, here is not None, hub.HOST)
    return Published(
        download_bytes(name), weights_file(name).is_file(), default_weights(name).url.split("/")[2]
    )


def download_published(name: str, progress: Progress, is_cancelled: Callable[[], bool]) -> Network:
    """Return a network with its published weights, fetched unless they are on this machine.

    Raises:
        ModelError: If there is no room, no network, or the file is damaged.
        CancelledError: If it was stopped.
    """
    of_timm = name.startswith(TIMM)
    size = hub.hub_bytes(name) if of_timm else download_bytes(name)
    with NETWORK_MEMORY.reading(size, architecture_title(name)):
        return (hub.download_from_hub if of_timm else download_pretrained)(name, progress, is_cancelled)
