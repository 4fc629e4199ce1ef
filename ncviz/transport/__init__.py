"""Optimal transport for edges: problems and the solvers that agree on them; knows nothing of networks.

The public names load on first use, so that importing the package does not import numba.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ncviz.transport.many.solve import TransportResult, solve_many

__all__ = ["TransportResult", "solve_many"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'ncviz.transport' has no attribute '{name}'")
    return getattr(import_module("ncviz.transport.many.solve"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
