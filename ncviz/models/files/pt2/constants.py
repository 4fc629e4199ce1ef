"""ATen's operators on constants, as a forward makes masks with them: done in numpy, in memory that views share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ncviz.models.files.pt2.archive import FLOAT_CODES
from ncviz.models.files.pt2.calls import Call


def made(fill: float | None) -> Callable[[Call], np.ndarray]:
    """Translate what makes a constant of a shape, full of one number; None where an argument says which."""

    def translate(call: Call) -> np.ndarray:
        sizes = [int(size) for size in call.arguments["size"]]
        code = call.arguments.get("dtype")
        kind = np.float32 if code is None else FLOAT_CODES[code]
        call.check_constant(tuple(sizes), itemsize=np.dtype(kind).itemsize)
        return np.full(sizes, call.arguments["fill_value"] if fill is None else fill, dtype=kind)

    return translate


def filled(call: Call) -> np.ndarray:
    """Translate ``fill`` of a constant; in place, what is a view of another changes that.

    Raises:
        ModelError: If it is none that the graph has made.
    """
    target, given = call.value(call.tensor), call.arguments["value"]
    number = given if isinstance(given, (int, float)) else call.value(given)
    if isinstance(target, np.ndarray) and np.size(number) == 1:
        call.check_constant(target.shape, itemsize=target.itemsize)
        if not call.node.operator.startswith("fill_"):
            target = target.copy()
    if not isinstance(target, np.ndarray) or np.size(number) != 1 or not _is_own(target):
        raise call.refusal("fills in place what is no constant of the graph's own, which is not supported")
    target[...] = number
    return target


def compared(function: Callable[[Any, Any], Any]) -> Callable[[Call], np.ndarray]:
    """Translate a comparison of constants."""

    def translate(call: Call) -> np.ndarray:
        one, other = call.value(call.tensor), call.arguments["other"]
        other = other if isinstance(other, (int, float)) else call.value(other)
        if not all(isinstance(each, (int, float, np.ndarray)) for each in (one, other)):
            raise call.refusal("compares activations, which is not supported")
        call.check_constant(np.shape(one), np.shape(other), itemsize=1)
        return np.asarray(function(one, other))

    return translate


def copied(call: Call) -> np.ndarray | None:
    """Return a constant that may change in memory of its own, as torch gives what it copies; None for all others."""
    value = call.value(call.tensor)
    if not isinstance(value, np.ndarray) or not _is_own(value):
        return None
    call.check_constant(value.shape, itemsize=value.itemsize)
    return value.copy()


def keep(values: np.ndarray) -> None:
    """Let no constant change in place any more that a layer was made of."""
    _root(values).setflags(write=False)


def _is_own(values: np.ndarray) -> bool:
    return values.flags.writeable and _root(values).flags.writeable


def _root(values: np.ndarray) -> np.ndarray:
    while isinstance(values.base, np.ndarray):
        values = values.base
    return values
