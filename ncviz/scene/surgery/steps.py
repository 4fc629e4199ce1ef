"""What is done by hand, step by step, and the one place that reads and writes it as links, files and the browser do.

A step reads ACTION:TARGET or ACTION:TARGET:AMOUNT, such as "cut:slice-1-5-3", "hold:channel-2-4", "x0.5:weight-42",
"free:unit-3-7", "cut:class-0:906" (so many of the bottlenecks that are a class's own), "cut:layer-2:0.3" (the share of
a layer that the criterion takes first) or "cut:set-a.3-k" (a set of weights, as runs of "gap.length" in base 36, each
gap counted from the start before). Steps are divided by commas, and a later one overrules those before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ncviz.config import Group
from ncviz.errors import NcvizError
from ncviz.scene.selection import Selection, read_selection

CUT, HOLD, FREE = "cut", "hold", "free"
MAX_FACTOR = 10.0
MAX_STEPS = 400
MAX_SET = 2_000_000
# What fits into an address that other programs pass on whole.
LONGEST_LINK = 1500
_ACTION = re.compile(rf"{CUT}|{HOLD}|{FREE}|x\d{{1,2}}(\.\d{{1,3}})?", re.ASCII)
_GROUP = re.compile(r"(class|image)-\d{1,6}(\+\d{1,6}){0,199}", re.ASCII)
_LAYER = re.compile(r"layer-\d{1,4}", re.ASCII)
_SET = re.compile(r"set-[0-9a-z]{1,6}(\.[0-9a-z]{1,6})?(-[0-9a-z]{1,6}(\.[0-9a-z]{1,6})?)*", re.ASCII)
_COUNT = re.compile(r"\d{1,9}", re.ASCII)
_SHARE = re.compile(r"[01](\.\d{1,4})?", re.ASCII)


@dataclass(frozen=True)
class Step:
    """One thing that is done.

    Attributes:
        action: "cut", "hold", "free" or "x" and a factor, such as "x0.5".
        target: To what, as it is written.
        amount: How many bottlenecks of a group, or the share of a layer, as it is written; "" elsewhere.
    """

    action: str
    target: str
    amount: str = ""

    def __str__(self) -> str:
        return ":".join([self.action, self.target, *([self.amount] if self.amount else [])])

    @property
    def factor(self) -> float | None:
        """What the weights are multiplied by, None where they are not."""
        return float(self.action[1:]) if self.action.startswith("x") else None

    @property
    def group(self) -> Group | None:
        """The images whose bottlenecks are meant, None where none are."""
        return read_group(self.target) if _GROUP.fullmatch(self.target) else None

    @property
    def layer(self) -> int | None:
        """The layer of which a share goes, None elsewhere."""
        return int(self.target.split("-")[1]) if _LAYER.fullmatch(self.target) else None

    @property
    def weights(self) -> np.ndarray | None:
        """The set of weights, int64, None where something else is meant."""
        return _unpacked(self.target) if _SET.fullmatch(self.target) else None

    @property
    def selection(self) -> Selection | None:
        """The part of the network, None where something else is meant."""
        is_other = any(form.fullmatch(self.target) for form in (_GROUP, _LAYER, _SET))
        return None if is_other else read_selection(self.target)


def read_steps(text: str) -> tuple[Step, ...]:
    """Read steps; () for "". Of those that name the same target the last counts, as when they are made one by one.

    Raises:
        NcvizError: If one of them is none.
    """
    parts = text.split(",") if text else []
    if len(parts) > MAX_STEPS:
        raise NcvizError(f"There may be {MAX_STEPS} steps by hand, got {len(parts)}.")
    steps: tuple[Step, ...] = ()
    for part in parts:
        steps = with_step(steps, _read_step(part))
    if sum(_size(step.target) for step in steps if _SET.fullmatch(step.target)) > MAX_SET:
        raise NcvizError(f"Sets of weights may name {MAX_SET:,} weights in all.")
    return steps


def write_steps(steps: Iterable[Step]) -> str:
    """Write steps as they are read."""
    return ",".join(map(str, steps))


def read_group(text: str) -> Group | None:
    """Read such as "class-0", "class-0+3" or "image-4+17"; None for "".

    Raises:
        ValueError: If it is none.
    """
    if not text:
        return None
    if not _GROUP.fullmatch(text):
        raise ValueError(f"'{text[:40]}' is no group of classes or images")
    kind, _, numbers = text.partition("-")
    return Group(kind, tuple(sorted({int(number) for number in numbers.split("+")})))


def with_step(steps: tuple[Step, ...], new: Step) -> tuple[Step, ...]:
    """Return the steps with one more; what it does to the same target anew takes the old one's place."""
    kept = tuple(step for step in steps if step.target != new.target)
    is_nothing = new.layer is not None and float(new.amount) == 0
    return kept if is_nothing else (*kept, new)


def _read_step(text: str) -> Step:
    action, target, amount, *rest = [*text.split(":"), "", ""]
    step = Step(action, target, amount)
    is_known = _ACTION.fullmatch(action) and (step.factor or 0) <= MAX_FACTOR and not any(rest)
    if is_known and _GROUP.fullmatch(target):
        is_known = bool(_COUNT.fullmatch(amount))
    elif is_known and _LAYER.fullmatch(target):
        is_known = action == CUT and bool(_SHARE.fullmatch(amount)) and float(amount) <= 1
    elif is_known and _SET.fullmatch(target):
        is_known = not amount and _size(target) <= MAX_SET
    elif is_known:
        is_known = not amount and bool(target) and _is_selection(target)
    if not is_known:
        raise NcvizError(
            f"a step by hand must read such as cut:class-0:906 or hold:channel-2-4, got '{text[:40]}'."
        )
    return step


def _is_selection(text: str) -> bool:
    try:
        return read_selection(text) is not None
    except ValueError:
        return False


def _runs(text: str) -> list[tuple[int, int]]:
    """Return gap and length of each run."""
    parts = [run.partition(".") for run in text.split("-")[1:]]
    return [(int(gap, 36), int(length, 36) if length else 1) for gap, _, length in parts]


def _size(text: str) -> int:
    return sum(length for _, length in _runs(text))


def _unpacked(text: str) -> np.ndarray:
    found, at = [], 0
    for gap, length in _runs(text):
        at += gap
        found.append(np.arange(at, at + length, dtype=np.int64))
    return np.unique(np.concatenate(found))
