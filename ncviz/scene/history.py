"""Undo and redo, on every page that has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MAX_HISTORY = 200


def _all_of_it(step: Any) -> Any:
    return step


@dataclass
class History:
    """Undo and redo over any values that compare equal when they are the same step.

    Where only a part of a step can be seen, ``seen`` returns that part, and steps that look the same count as one.
    """

    past: list[Any] = field(default_factory=list)
    future: list[Any] = field(default_factory=list)

    def push(self, before: Any, after: Any) -> None:
        """Note a step from ``before`` to ``after``; a step that changes nothing is none."""
        if before == after:
            return
        self.past = [*self.past, before][-MAX_HISTORY:]
        self.future = []

    def can_undo(self, now: Any, seen: Callable[[Any], Any] = _all_of_it) -> bool:
        """Whether there is a step to take back."""
        return any(seen(step) != seen(now) for step in self.past)

    def can_redo(self, now: Any, seen: Callable[[Any], Any] = _all_of_it) -> bool:
        """Whether there is a step to take again."""
        return any(seen(step) != seen(now) for step in self.future)

    def undo(self, now: Any, seen: Callable[[Any], Any] = _all_of_it) -> Any:
        """Return the step before, or ``now`` if there is none."""
        return _walk(self.past, self.future, now, seen) if self.can_undo(now, seen) else now

    def redo(self, now: Any, seen: Callable[[Any], Any] = _all_of_it) -> Any:
        """Return the step that was undone last, or ``now`` if there is none."""
        return _walk(self.future, self.past, now, seen) if self.can_redo(now, seen) else now


def _walk(ahead: list[Any], behind: list[Any], now: Any, seen: Callable[[Any], Any]) -> Any:
    step = now
    while seen(step) == seen(now):
        behind.append(step)
        step = ahead.pop()
    return step
