"""Weights that timm publishes at the Hugging Face Hub, downloaded when somebody asks for them and never before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ncviz.data.known.downloads import downloaded
from ncviz.errors import CancelledError, ModelError
from ncviz.models.catalogue.timm_models import timm_architecture, weights_repository
from ncviz.models.files.content import read_content
from ncviz.models.files.state_dict.reader import load_safetensors
from ncviz.models.pretrained import check_download
from ncviz.progress import Progress
from ncviz.text import quotable

if TYPE_CHECKING:
    from ncviz.models.network import Network

HOST = "huggingface.co"
# Numbers and their names, nothing else.
_FILE = "model.safetensors"


def weights_here(name: str) -> Path | None:
    """Return where the weights of one of timm's architectures lie, in the Hub's own folder; None if they do not yet.

    Args:
        name: A name in ``ncviz.models.catalogue.timm_models.timm_names()``.

    Raises:
        ModelError: If timm is not installed, or publishes no such weights.
    """
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(weights_repository(name), _FILE)
    return Path(found) if isinstance(found, str) else None


def hub_bytes(name: str, endpoint: str | None = None) -> int:
    """Return how large the file of published weights is; asks the Hub, unless it is on this machine.

    Args:
        name: As for ``weights_here``.
        endpoint: Address of the Hub; by default the usual one.

    Raises:
        ModelError: If timm is not installed, publishes no such weights, or the Hub cannot be reached.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    here = weights_here(name)
    if here is not None:
        return here.stat().st_size
    with _asking(name):
        url = hf_hub_url(weights_repository(name), _FILE, endpoint=endpoint)
        size = get_hf_file_metadata(url, token=False, endpoint=endpoint).size
    if size is None:
        raise ModelError(f"{HOST} does not say how large the weights of {name} are; bring the file itself.")
    return size


def download_from_hub(
    name: str,
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
    *,
    dataset: str = "",
    endpoint: str | None = None,
) -> Network:
    """Return a network of timm's with its published weights, from the disk if they were downloaded before.

    The file is of safetensors; no token of the user's is sent.

    Args:
        name: As for ``weights_here``.
        progress: Called with the fraction done and a short text; may raise ``CancelledError`` to stop.
        cancel: Asked between the parts of the download whether to stop.
        dataset: Name of the data that it is shown on.
        endpoint: Address of the Hub; by default the usual one.

    Raises:
        ModelError: If timm is not installed, there is no such architecture, no network, no room on the disk, or the
            file is damaged or too large.
        CancelledError: If it was stopped; what had come is kept, and the next try goes on from there.
    """
    from huggingface_hub import hf_hub_download

    from ncviz.models.files.open_file import network_from_state

    title, size = timm_architecture(name).title, hub_bytes(name, endpoint)
    check_download(title, size)
    path = weights_here(name)
    if path is None:
        with _asking(name):
            bar = _bar(progress, cancel)
            path = Path(
                hf_hub_download(
                    weights_repository(name), _FILE, token=False, endpoint=endpoint, tqdm_class=bar
                )
            )
    label = quotable(f"{name.rpartition('/')[2]}.safetensors")
    state = load_safetensors(read_content(path, label), label)
    return network_from_state(state, name, label, dataset=dataset, title=title, format="safetensors")


def _bar(progress: Progress | None, cancel: Callable[[], bool] | None) -> Any:
    """Return a class that the Hub's library tells how far it is, as it would a bar in a terminal."""
    from tqdm.auto import tqdm

    class Bar(tqdm):
        def __init__(self, *given: Any, **named: Any) -> None:
            self._done, self._whole = (round(named.get(name) or 0) for name in ("initial", "total"))
            super().__init__(*given, **(named | {"disable": True}))

        def update(self, n: float | None = 1) -> bool | None:
            self._done += round(n or 0)
            if cancel is not None and cancel():
                raise CancelledError
            if progress is not None:
                progress(*downloaded(self._done, self._whole))
            return super().update(n)

    return Bar


@contextmanager
def _asking(name: str) -> Iterator[None]:
    """Make one ModelError of whatever asking the Hub raises."""
    try:
        yield
    except (ModelError, CancelledError):
        raise
    except Exception as error:
        raise ModelError(
            f"The weights of {name} could not be downloaded from {HOST} ({type(error).__name__}); check the "
            "connection, or bring the file itself."
        ) from error
