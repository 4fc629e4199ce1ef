"""What tasks have in common whose result is a network's curvature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ncviz.models.network import Network
from ncviz.store import Record
from ncviz.tasks.curvature.record import CurvatureRecord
from ncviz.tasks.curvature.stored import decode, encode
from ncviz.tasks.task import StoredTask


@dataclass(frozen=True, eq=False)
class OfNetwork(StoredTask[CurvatureRecord]):
    """A network's curvature, on whichever images: whose it is, and the record."""

    network: Network

    kind: ClassVar[str] = "curvature"
    what: ClassVar[str] = "result"

    @property
    def asked_as(self) -> tuple[str, ...]:
        """What the network and its images are called."""
        return self.network.name, self.network.title, self.network.dataset

    def encode(self, result: CurvatureRecord) -> Record:
        """Return the curvature as arrays and JSON."""
        return encode(result)

    def decode(self, record: Record) -> CurvatureRecord:
        """Read a curvature back."""
        return decode(record)
