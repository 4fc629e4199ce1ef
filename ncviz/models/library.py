"""Networks that somebody saved: weights as safetensors, everything else as JSON, one folder, nothing ever executed."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from platformdirs import user_data_dir

from ncviz.archives import read_bounded
from ncviz.data.user_data import saved
from ncviz.data.user_data.registry import find_user_data, is_user_data, register
from ncviz.errors import DataError, ModelError
from ncviz.limits import LIMITS
from ncviz.models.files.state_dict.naming import KNOWN
from ncviz.models.network import MAX_NAME, Network, heading
from ncviz.text import megabytes

LIBRARY_VARIABLE = "NCVIZ_LIBRARY"
MAX_SAVED = 200
_FORMAT = "ncviz network 1"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,79}")
_IMAGES = "images"
_FILES = (".json", ".safetensors", ".onnx")


@dataclass(frozen=True)
class SavedNetwork:
    """A saved network, without its weights.

    Attributes:
        name: What ``open_saved`` opens it by.
        title: For people.
        architecture: Name of its architecture, or "onnx" or "pt2".
        dataset: Name of the data that it was shown on.
        bytes: Size of its files.
    """

    name: str
    title: str
    architecture: str
    dataset: str
    bytes: int


def library_folder() -> Path:
    """Return where networks are saved: the folder in NCVIZ_LIBRARY, else one in the user's data folder."""
    own = os.environ.get(LIBRARY_VARIABLE, "")
    return Path(own).expanduser() if own else Path(user_data_dir("ncviz")) / "networks"


def save_network(folder: str | Path, network: Network) -> str:
    """Save a network, whole or not at all, and return its name there; the same network gets the same name.

    Raises:
        ModelError: If it is too large, the folder is full, or it cannot be written.
    """
    from safetensors.numpy import save

    from ncviz.models.saving import write_atomically

    held = sum(values.nbytes for values in network.arrays.values())
    if held > LIMITS.file_bytes:
        raise ModelError(
            f"{network.name} takes {megabytes(held)}, at most {megabytes(LIMITS.file_bytes)} are saved."
        )
    stem = re.sub(r"[^A-Za-z0-9.-]+", "-", network.name)[:MAX_NAME].strip(".-") or "network"
    name = f"{stem}-{network.fingerprint[:8]}"
    place = Path(folder)
    known = {saved.name for saved in list_networks(place)}
    if name not in known and len(known) >= MAX_SAVED:
        raise ModelError(f"{place} holds {MAX_SAVED} networks, the most that are kept; remove one first.")
    used = sum(file.stat().st_size for file in place.rglob("*") if file.is_file()) if place.is_dir() else 0
    if used + held > LIMITS.library_bytes:
        raise ModelError(
            f"{place} would outgrow the {LIMITS.library_bytes / 1e9:,.1f} GB that are kept; remove a network first."
        )
    facts = {
        "format": _FORMAT,
        "name": heading(network.name),
        "title": network.title[: LIMITS.name_length],
        "architecture": network.architecture,
        "dataset": network.dataset,
        "came_as": network.format,
        "classes": list(network.classes),
        "input_shape": None if network.input_shape is None else list(network.input_shape),
        "prefix": network.prefix,
        "words": [list(pair) for pair in network.words],
        "notes": [note[: LIMITS.name_length * 4] for note in network.notes],
        "blueprint": None if network.blueprint is None else network.blueprint.to_json(),
        "has_original": network.original is not None,
    }
    content = {key: np.array(values) for key, values in network.arrays.items()}
    write_atomically(place / f"{name}.safetensors", save(content))
    if network.original is not None:
        write_atomically(place / f"{name}.onnx", network.original)
    # Last, because it is what says that the network is there.
    write_atomically(place / f"{name}.json", (json.dumps(facts, ensure_ascii=False) + "\n").encode())
    return name


def list_networks(folder: str | Path) -> list[SavedNetwork]:
    """Return the networks in a folder by name; files that are none of ours, or damaged, are left out."""
    place = Path(folder)
    if not place.is_dir():
        return []
    found = []
    for path in sorted(place.glob("*.json")):
        if not _NAME.fullmatch(path.stem):
            continue
        try:
            facts = _facts(place, path.stem)
            size = sum(file.stat().st_size for file in _files(place, path.stem))
        except (ModelError, OSError):
            continue
        found.append(SavedNetwork(path.stem, facts["title"], facts["architecture"], facts["dataset"], size))
    return found


def open_saved(folder: str | Path, name: str) -> Network:
    """Return a saved network, checked as strictly as an upload.

    Raises:
        ModelError: If there is none of that name, or its files are damaged.
    """
    from ncviz.models.files.open_file import network_from_state
    from ncviz.models.files.state_dict.reader import load_safetensors

    place = Path(folder)
    facts = _facts(place, name)
    content = _read(place / f"{name}.safetensors", LIMITS.file_bytes + LIMITS.header_bytes)
    state = load_safetensors(content, f"{name}.safetensors")
    original = _read(place / f"{name}.onnx", LIMITS.file_bytes) if facts["has_original"] else None
    shape = None if facts["input_shape"] is None else tuple(facts["input_shape"])
    common: dict[str, Any] = {
        "is_bundled": False,
        "original": original,
        "format": facts["came_as"],
        "classes": tuple(facts["classes"]),
        "input_shape": shape,
        "prefix": facts["prefix"],
        "words": tuple(tuple(pair) for pair in facts.get("words", ())),
        "notes": tuple(facts.get("notes", ())),
    }
    label, title, architecture, dataset = (facts[key] for key in ("name", "title", "architecture", "dataset"))
    if facts["blueprint"] is None:
        arrays = network_from_state(state, architecture, name).arrays
        return Network(heading(label), title, architecture, dataset, arrays, **common)
    from ncviz.models.files.graph.blueprint import Blueprint
    from ncviz.models.files.graph.build import build_module

    blueprint = Blueprint.from_json(facts["blueprint"])
    arrays = {key: tensor.numpy() for key, tensor in state.items()}
    build_module(blueprint, arrays)
    return Network(heading(label), title, architecture, dataset, arrays, blueprint=blueprint, **common)


def remove_saved(folder: str | Path, name: str) -> None:
    """Delete a saved network.

    Raises:
        ModelError: If there is none of that name, or it cannot be deleted.
    """
    place = Path(folder)
    _facts(place, name)
    try:
        for file in _files(place, name):
            file.unlink(missing_ok=True)
    except OSError as error:
        raise ModelError(
            f"{name} cannot be removed ({error.strerror}); check the folder's rights."
        ) from error


def save_images(folder: str | Path, network: Network) -> None:
    """Save the images of the user's own that a network is shown, if it is, beside the saved networks.

    Raises:
        DataError: If they are no longer there, or cannot be written.
    """
    if is_user_data(network.dataset):
        saved.save_user_data(Path(folder) / _IMAGES, find_user_data(network.dataset))


def open_images(folder: str | Path, network: Network) -> bool:
    """Make the images known that a saved network is shown; whether they are there, or none of the user's own."""
    with suppress(DataError):
        if is_user_data(network.dataset):
            register(saved.open_saved(Path(folder) / _IMAGES, network.dataset))
        return True
    return False


def remove_unused_images(folder: str | Path) -> None:
    """Delete saved images that no saved network is shown on any more.

    Raises:
        DataError: If they cannot be deleted.
    """
    used = {each.dataset for each in list_networks(folder)}
    for name in saved.saved_names(Path(folder) / _IMAGES):
        if name not in used:
            saved.remove_user_data(Path(folder) / _IMAGES, name)


def _files(place: Path, name: str) -> list[Path]:
    return [path for path in (place / f"{name}{ending}" for ending in _FILES) if path.is_file()]


def _facts(place: Path, name: str) -> dict[str, Any]:
    """Return what a network's JSON says, every entry of the type that it must have.

    Raises:
        ModelError: If there is none, or it is damaged.
    """
    if not _NAME.fullmatch(name) or not (place / f"{name}.json").is_file():
        known = ", ".join(sorted(path.stem for path in place.glob("*.json"))[:10]) or "none yet"
        raise ModelError(f"No network {name[:80]!r} is saved; there are: {known}.")
    try:
        facts: dict[str, Any] = json.loads(_read(place / f"{name}.json", LIMITS.header_bytes))
        words = ("name", "title", "architecture", "dataset", "came_as", "prefix")
        shape = facts["input_shape"]
        is_right = (
            facts["format"] == _FORMAT
            and all(isinstance(facts[word], str) and len(facts[word]) <= LIMITS.name_length for word in words)
            and isinstance(facts["has_original"], bool)
            and (facts["blueprint"] is None or isinstance(facts["blueprint"], str))
            and isinstance(facts["classes"], list)
            and all(isinstance(text, str) for text in facts["classes"])
            and isinstance(facts.get("words", []), list)
            and all(isinstance(pair, list) and tuple(pair) in KNOWN for pair in facts.get("words", []))
            and isinstance(facts.get("notes", []), list)
            and all(isinstance(text, str) for text in facts.get("notes", []))
            and (
                shape is None
                or (isinstance(shape, list) and all(type(size) is int and size > 0 for size in shape))
            )
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"The saved network {name} is damaged; remove it and save it again.") from error
    if not is_right:
        raise ModelError(
            f"The saved network {name} is damaged or of another version; remove it and save it again."
        )
    return facts


def _read(path: Path, most: int) -> bytes:
    """Return a file's bytes, never reading more than allowed.

    Raises:
        ModelError: If it is missing, unreadable or too large.
    """
    return read_bounded(path, most, path.name, ModelError, "save the network again", "remove it")
