"""Networks that an experiment trains itself: opened again, with their cards, for the images they were trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ncviz import tasks
from ncviz.data.datasets import load_dataset
from ncviz.errors import ModelError
from ncviz.models.files.open_file import read_file
from ncviz.models.network import Network
from ncviz.models.zoo import ModelSpec


def is_own(spec: ModelSpec, is_trained_anew: bool) -> bool:
    """Return whether a network is trained here, rather than taken from what ships with ncviz."""
    return is_trained_anew or not spec.path.is_file()


def open_trained(spec: ModelSpec, folder: Path, context: tasks.Context) -> Network | None:
    """Return a network that was trained into a folder, or None if it is not there yet.

    Args:
        spec: Which network.
        folder: Where it was trained into.
        context: Where its images are.

    Raises:
        ModelError: If its file is damaged, or it was trained on more or fewer images than there are now.
    """
    file = folder / spec.checkpoint
    if not file.is_file():
        return None
    images = card_of(spec, folder).get("training_images")
    now = len(load_dataset(spec.dataset, "train", context.data_dir))
    if images is not None and images != now:
        # Or what was trained on a sample would stand in a report on the full data.
        raise ModelError(
            f"{file} was trained on {images} images, but {now} are given now: delete it to train it anew, or name "
            "another folder with --out."
        )
    arrays = read_file(file, architecture=spec.architecture).arrays
    return Network(spec.name, spec.title, spec.architecture, spec.dataset, arrays, is_bundled=False)


def card_of(spec: ModelSpec, folder: Path | None = None) -> Mapping[str, Any]:
    """Return the card of a network of the zoo, or of one that was trained into a folder; empty without a card."""
    # An absolute name takes the place of the folder that ships with ncviz.
    own = spec if folder is None else replace(spec, checkpoint=str((folder / spec.checkpoint).absolute()))
    try:
        return own.card
    except ModelError:
        return {}
