"""Where results are: the user's store, the results that ship with ncviz behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ncviz.models.network import Network
from ncviz.store import Store
from ncviz.tasks.desk import Desk
from ncviz.tasks.task import Context

BUNDLED = Path(__file__).parents[1] / "models" / "results"


def open_store(url: str | None = None) -> Store:
    """Return the user's store, with the results that ship with ncviz behind it."""
    return Store(url, bundled=BUNDLED)


def open_context(url: str | None = None, data_dir: str | None = None, device: str = "cpu") -> Context:
    """Return where and how tasks run that keep their results in the user's store.

    Args:
        url: Folder or URL of the results; by default that of NCVIZ_CACHE, else the user's cache folder.
        data_dir: Folder of the full data sets; without it, the bundled samples.
        device: Where to compute.
    """
    return Context(Desk(open_store(url)), data_dir, device)


def anonymous(network: Network) -> dict[str, Any]:
    """What the store calls a network: every session sees its list, so the name of an upload stays out of it."""
    if network.is_bundled:
        return {"model": network.name, "title": network.title}
    return {"model": "own checkpoint", "title": f"own checkpoint ({network.architecture})"}
