"""Pruning plans on disk: one small JSON file each beside the stored results, kept when those are cleared."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ncviz.config import ALGORITHM_VERSION, PruningConfig
from ncviz.errors import NcvizError, StoreError
from ncviz.store import open_folder
from ncviz.store.record import DamagedError

PREFIX, SUFFIX = "plan-", ".json"
# Plans that do not say so were saved by versions of the algorithm up to this one.
UNSAID_VERSION = 3
MAX_NAME = 60
# A longer file is no plan, and cut off, no JSON.
_MOST_BYTES = 1_000_000
# Counts that tables can show, and dates that have a year: up to 9999.
_MOST, _LATEST = 2**63, 253_402_214_400.0


@dataclass(frozen=True)
class Plan:
    """What is removed from which network, and what that was measured to cost.

    Attributes:
        name: What its maker calls it.
        fingerprint: The network's.
        network: What the store calls it; nothing of an uploaded file's name.
        pruning: The settings that decide the order.
        removed: How many weights go.
        total: Of how many.
        accuracy: Fraction of the evaluation images that the pruned network classifies correctly.
        images: Their number.
        layers: Fraction of each layer that goes.
        key: The file's own.
        created: Seconds since the epoch.
        algorithm: Version of the algorithm by which the curvature was computed.
    """

    name: str
    fingerprint: str
    network: str
    pruning: PruningConfig
    removed: int
    total: int
    accuracy: float
    images: int
    layers: tuple[float, ...]
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    created: float = field(default_factory=time.time)
    algorithm: int = ALGORITHM_VERSION

    def __post_init__(self) -> None:
        name = " ".join(self.name.split())
        if not name or len(name) > MAX_NAME:
            raise NcvizError(
                f"A plan's name must have 1 to {MAX_NAME} letters; say what is special about it."
            )
        object.__setattr__(self, "name", name)

    @property
    def sparsity(self) -> float:
        """Fraction of the weights that goes."""
        return self.removed / max(1, self.total)

    @property
    def is_of_this_version(self) -> bool:
        """Whether a curvature would be the same today."""
        return self.algorithm == ALGORITHM_VERSION


class PlanStore:
    """The plans in one folder.

    Args:
        where: A folder or any fsspec URL, such as a store's own.
    """

    def __init__(self, where: str) -> None:
        self._folder = open_folder(where)

    def all(self) -> list[Plan]:
        """Return the plans, oldest first; files that cannot be read are left out.

        Raises:
            StoreError: If the folder cannot be listed.
        """
        names = [item.name for item in self._folder.items()]
        found = [self._read(name) for name in names if name.startswith(PREFIX) and name.endswith(SUFFIX)]
        return sorted((plan for plan in found if plan is not None), key=lambda plan: (plan.created, plan.key))

    def put(self, plan: Plan) -> None:
        """Keep a plan; one of the same key is replaced.

        Raises:
            StoreError: If it cannot be written.
        """
        content = {**asdict(plan), "pruning": plan.pruning.as_dict()}
        self._folder.write(_file(plan.key), json.dumps(content, indent=1).encode())

    def remove(self, key: str) -> None:
        """Remove a plan, if it is there.

        Raises:
            StoreError: If it cannot be removed.
        """
        self._folder.remove(_file(key))

    def _read(self, name: str) -> Plan | None:
        try:
            return _plan(json.loads(self._folder.read(name, _MOST_BYTES)), name)
        except (
            OSError,
            DamagedError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            OverflowError,
            RecursionError,
        ):
            # Removed meanwhile, or written by other hands.
            return None


def _plan(given: Mapping[str, Any], name: str) -> Plan:
    pruning = dict(given["pruning"])
    for field_name in ("protected", "layers"):
        pruning[field_name] = tuple(str(part) for part in pruning.get(field_name, ()))
    budgets = dict(pruning.get("budgets", {}))
    # The other settings check themselves.
    pruning["criterion"] = str(pruning["criterion"])
    pruning["budgets"] = tuple((str(layer), float(share)) for layer, share in budgets.items())
    plan = Plan(
        str(given["name"]),
        str(given["fingerprint"]),
        str(given["network"]),
        PruningConfig(**pruning),
        int(given["removed"]),
        int(given["total"]),
        float(given["accuracy"]),
        int(given["images"]),
        tuple(float(share) for share in given["layers"]),
        str(given["key"]),
        float(given["created"]),
        int(given.get("algorithm", UNSAID_VERSION)),
    )
    if _file(plan.key) != name or not _is_possible(plan):
        raise ValueError(name)
    return plan


def _is_possible(plan: Plan) -> bool:
    """Whether a plan of other hands holds what one can: a page shows all of them, and must not fail by one."""
    settings = plan.pruning
    for text in (
        plan.name,
        plan.fingerprint,
        plan.network,
        settings.criterion,
        *settings.protected,
        *settings.layers,
    ):
        text.encode()  # half a character cannot be sent to a page
    return (
        0 <= plan.removed <= plan.total < _MOST
        and 0 <= plan.images < _MOST
        and 0 <= plan.created < _LATEST
        and all(0 <= share <= 1 for share in (plan.accuracy, *plan.layers))
    )


def _file(key: str) -> str:
    if not key.isalnum() or len(key) > 64:
        raise StoreError(f"A plan's key must be letters and digits, got {key[:80]!r}.")
    return f"{PREFIX}{key}{SUFFIX}"
