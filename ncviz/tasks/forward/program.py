"""A network's forward as plain operations, so that a browser can run it on every step of a drag."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np

from ncviz.fingerprint import digest
from ncviz.models.network import Network
from ncviz.store import Record
from ncviz.tasks.curvature.task import count_weights
from ncviz.tasks.task import Context, StoredTask, anonymous

# Beyond, the weights take too long to travel, or an image to be worked out, for a browser to keep pace with a drag.
MAX_WEIGHTS = 300_000
MAX_PRODUCTS = 20_000_000
_VERSION = 1
_TENSORS = ("weight", "bias", "running_mean", "running_var")


@dataclass(frozen=True)
class ForwardRecord:
    """What a network does to one image.

    Attributes:
        operations: One after the other, as ``ncviz.graph.forward.program`` writes them; none if the network is too
            large for a browser, or no chain of operations that are known there.
        layers: For each layer of units how many operations are done when its activation is read.
    """

    operations: tuple[Mapping[str, Any], ...] = ()
    layers: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.operations)

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the parameters and statistics that it reads, each once."""
        named = (step[name] for step in self.operations for name in _TENSORS if step.get(name))
        return tuple(dict.fromkeys(named))

    @property
    def products(self) -> int:
        """How many products of a weight and an activation it takes."""
        return sum(
            prod(step["returns"])
            * prod(step.get("kernel_size", ()))
            * step["reads"][0]
            // step.get("groups", 1)
            for step in self.operations
            if step.get("weight") and "eps" not in step
        )

    def header(
        self, arrays: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]]
    ) -> dict[str, Any]:
        """Return what the browser is told of it besides the numbers in ``values``.

        Args:
            arrays: The network's parameters by name.
            shapes: Name and shape of each weight that is ranked, in the ranks' order.
        """
        first, ranked = 0, {}
        for name, shape in shapes.items():
            ranked[name] = first
            first += prod(shape)
        start, tensors = 0, []
        for name in self.tensors:
            size = int(arrays[name].size)
            tensors.append({"name": name, "start": start, "size": size, "ranked": ranked.get(name)})
            start += size
        return {"operations": list(self.operations), "layers": list(self.layers), "tensors": tensors}

    def values(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return all the numbers that it reads, float32, in the order of ``tensors``."""
        return np.concatenate(
            [np.asarray(arrays[name], dtype=np.float32).reshape(-1) for name in self.tensors]
        )


@dataclass(frozen=True, eq=False)
class Forward(StoredTask[ForwardRecord]):
    """A network's forward as plain operations.

    Attributes:
        network: The network.
    """

    network: Network

    kind: ClassVar[str] = "forward"
    what: ClassVar[str] = "forward pass"
    most_known: ClassVar[int] = 16

    def key(self, context: Context) -> str:
        """Return the store's key: weights, and the shape of an image."""
        return digest("forward", _VERSION, self.network.fingerprint, list(self.network.image_shape))

    def known(self, context: Context) -> ForwardRecord | None:
        """Return that there is none, of a network that is too large."""
        return ForwardRecord() if count_weights(self.network) > MAX_WEIGHTS else None

    def run(self, context: Context) -> ForwardRecord:
        """Read it off the network."""
        from ncviz.graph.build import build_graph
        from ncviz.graph.forward.program import forward_program

        net, shape = self.network.module(), self.network.image_shape
        found = forward_program(net, build_graph(net, shape), shape)
        if found is None:
            return ForwardRecord()
        record = ForwardRecord(tuple(found["operations"]), tuple(found["layers"]))
        is_whole = all(name in self.network.arrays for name in record.tensors)
        return record if is_whole and record.products <= MAX_PRODUCTS else ForwardRecord()

    def encode(self, result: ForwardRecord) -> Record:
        """Return the operations as JSON."""
        steps = [dict(step) for step in result.operations]
        facts = {"kind": self.kind, "operations": steps, "layers": list(result.layers)}
        return Record({}, {**facts, **anonymous(self.network)})

    def decode(self, record: Record) -> ForwardRecord:
        """Read the operations back."""
        return ForwardRecord(tuple(record.meta["operations"]), tuple(record.meta["layers"]))
