"""The archive of a ``torch.export`` program: its JSON and its weights, read as plain bytes."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from ncviz.archives import read_entry
from ncviz.budget import Budget
from ncviz.errors import ModelError
from ncviz.limits import LIMITS
from ncviz.text import megabytes, quotable

ADVICE = "save it again with torch.export.save(torch.export.export(net.eval(), (images,)), path)"
FLOAT_CODES = {6: np.float16, 7: np.float32, 8: np.float64}
_INT_CODES = {1: np.uint8, 2: np.int8, 3: np.int16, 4: np.int32, 5: np.int64, 12: np.bool_}
BFLOAT16 = 13
_STRIDED = 7


class Archive:
    """The entries of a program, read one by one into memory."""

    def __init__(
        self, archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], label: str, budget: Budget
    ) -> None:
        names = {entry.filename: entry for entry in entries}
        graphs = [
            name for name in names if name.count("/") == 2 and name.endswith(".json") and "/models/" in name
        ]
        if any(name.endswith("serialized_exported_program.json") for name in names):
            raise ModelError(f"{label} was written by PyTorch before 2.8, which is not read; {ADVICE}.")
        if len(graphs) != 1:
            raise ModelError(f"{label} holds {len(graphs)} programs of torch.export, expected one; {ADVICE}.")
        self.archive, self.entries, self.label, self.budget = archive, names, label, budget
        self.root, _, name = graphs[0].split("/")
        self.name = name.removesuffix(".json")
        order = self.entries.get(f"{self.root}/byteorder")
        if order is not None and read_entry(archive, order)[:10] != b"little":
            raise ModelError(f"{label} was written on a machine of another byte order; {ADVICE}.")

    def bytes(self, path: str) -> bytes:
        """Return an entry, never more of it than it declares."""
        entry = self.entries.get(f"{self.root}/{path}")
        if entry is None:
            raise ModelError(f"{self.label} lacks the entry '{quotable(path)}'; {ADVICE}.")
        self.budget.touch(entry.file_size)
        return read_entry(self.archive, entry)

    def json(self, path: str) -> Any:
        """Return what a JSON entry says."""
        entry = self.entries.get(f"{self.root}/{path}")
        if entry is not None and entry.file_size > LIMITS.header_bytes:
            raise ModelError(
                f"{self.label} holds a graph of {entry.file_size / 1e6:.0f} MB, at most "
                f"{megabytes(LIMITS.header_bytes)} are read; bring a smaller network."
            )
        return json.loads(self.bytes(path))

    def tensors(self, folder: str) -> dict[str, Tensor]:
        """Return the tensors of a folder by name."""
        read: dict[tuple[Any, ...], np.ndarray] = {}
        config = self.json(f"data/{folder}/{self.name}_{folder}_config.json")["config"]
        return {name: Tensor(self, folder, name, entry, read) for name, entry in config.items()}


class Tensor:
    """A tensor of the archive, read when it is first used."""

    def __init__(
        self,
        archive: Archive,
        folder: str,
        name: str,
        entry: Mapping[str, Any],
        read: dict[tuple[Any, ...], np.ndarray],
    ) -> None:
        self.archive, self.folder, self.name, self.entry, self.read = archive, folder, name, entry, read

    @property
    def is_plain(self) -> bool:
        """Whether its values are numbers of a known type, kept as bytes."""
        code = self.entry["tensor_meta"]["dtype"]
        return not self.entry["use_pickle"] and (code in (*FLOAT_CODES, *_INT_CODES) or code == BFLOAT16)

    def __call__(self) -> np.ndarray:
        """Return its values, after checking that they lie within the entry."""
        name, label, meta = quotable(self.name), self.archive.label, self.entry["tensor_meta"]
        if self.entry["use_pickle"]:
            raise ModelError(f"{label} keeps '{name}' as a pickle, which is not opened; {ADVICE}.")
        sizes, strides = (tuple(int(item["as_int"]) for item in meta[key]) for key in ("sizes", "strides"))
        offset, code = int(meta["storage_offset"]["as_int"]), meta["dtype"]
        kind = np.dtype(np.uint16 if code == BFLOAT16 else {**FLOAT_CODES, **_INT_CODES}[code]).newbyteorder(
            "<"
        )
        if self.values is not None:
            # Two layers share it.
            return self.values
        data = self.archive.bytes(f"data/{self.folder}/{self.entry['path_name']}")
        held = len(data) // kind.itemsize
        steps = [(size - 1) * stride for size, stride in zip(sizes, strides, strict=True)]
        if (
            meta["layout"] != _STRIDED
            or len(sizes) > LIMITS.dimensions
            or min((*sizes, 1)) < 1
            or min((*strides, offset, 0)) < 0
            or math.prod(sizes) > held
            or offset + sum(steps) >= held
        ):
            raise ModelError(
                f"{label} declares sizes or strides for '{name}' beyond what it holds; {ADVICE}."
            )
        flat = np.frombuffer(data, dtype=kind, count=held)[offset:]
        byte_strides = [stride * kind.itemsize for stride in strides]
        values = np.lib.stride_tricks.as_strided(flat, sizes, byte_strides, writeable=False)
        # Memory of its own, for which there is room or is not before it is taken.
        self.archive.budget.check_room(math.prod(sizes) * kind.itemsize)
        own = np.empty(sizes, dtype=np.float32 if code == BFLOAT16 else kind.newbyteorder("="))
        if code == BFLOAT16:
            np.left_shift(values, 16, out=own.view(np.uint32), dtype=np.uint32)
        else:
            own[...] = values
        own.setflags(write=False)
        self.read[self._place] = own
        return own

    @property
    def values(self) -> np.ndarray | None:
        """Its values, if they were read before, under this name or another."""
        return self.read.get(self._place)

    @property
    def _place(self) -> tuple[str, ...]:
        form = json.dumps(self.entry.get("tensor_meta"), sort_keys=True)
        return self.folder, str(self.entry.get("path_name")), form
