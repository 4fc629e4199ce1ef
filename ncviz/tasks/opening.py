"""Where results are: the user's store, the results that ship with ncviz behind it."""

from __future__ import annotations

from pathlib import Path

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
