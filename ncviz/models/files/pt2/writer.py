"""The way back: a ``.pt2`` program with other weights; its graph, and all else that it holds, stays as it is."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from ncviz.archives import read_entry
from ncviz.errors import ModelError
from ncviz.models.files.pt2.archive import BFLOAT16, FLOAT_CODES, Archive
from ncviz.models.files.pt2.reader import read_archive
from ncviz.text import quotable


def write_exported(content: bytes, arrays: Mapping[str, np.ndarray], label: str) -> bytes:
    """Return the same program with other weights.

    Args:
        content: The file that ``read_exported`` read.
        arrays: Weights by the names that the program has for them; those left out stay as they are.
        label: Its name, for messages.

    Raises:
        ModelError: As ``read_exported``, or if the program has no such weights of this shape.
    """
    return read_archive(content, label, lambda archive, _: _written(archive, arrays))


def _written(archive: Archive, arrays: Mapping[str, np.ndarray]) -> bytes:
    entries = {name: tensor.entry for name, tensor in archive.tensors("weights").items()}
    changed: dict[str, bytearray] = {}
    for name, values in arrays.items():
        entry = entries.get(name)
        if entry is None or _sizes(entry, "sizes") != values.shape or entry["use_pickle"]:
            raise ModelError(
                f"{archive.label} has no weights '{quotable(name)}' of shape {list(values.shape)} to write back to."
            )
        path = f"data/weights/{entry['path_name']}"
        # Several names may share what lies there.
        if path not in changed:
            changed[path] = bytearray(archive.bytes(path))
        _put(changed[path], entry["tensor_meta"], values)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as packed:
        for name, info in archive.entries.items():
            own = changed.get(name.removeprefix(f"{archive.root}/"))
            packed.writestr(name, read_entry(archive.archive, info) if own is None else own)
    return target.getvalue()


def _put(data: bytearray, meta: Mapping[str, Any], values: np.ndarray) -> None:
    """Write values where the reader found them, in the type that they have there."""
    kind: np.dtype[Any]
    if meta["dtype"] == BFLOAT16:
        kind = np.dtype("<u2")
        # What a bfloat16 came as is its upper half, and zeros have none.
        stored = (np.ascontiguousarray(values, dtype=np.float32).view(np.uint32) >> 16).astype(kind)
    else:
        kind = np.dtype(FLOAT_CODES[meta["dtype"]]).newbyteorder("<")
        stored = values.astype(kind)
    flat = np.frombuffer(data, dtype=kind, count=len(data) // kind.itemsize)
    flat = flat[int(meta["storage_offset"]["as_int"]) :]
    strides = [int(each["as_int"]) * kind.itemsize for each in meta["strides"]]
    np.lib.stride_tricks.as_strided(flat, values.shape, strides, writeable=True)[...] = stored


def _sizes(entry: Mapping[str, Any], key: str) -> tuple[int, ...]:
    return tuple(int(each["as_int"]) for each in entry["tensor_meta"][key])
