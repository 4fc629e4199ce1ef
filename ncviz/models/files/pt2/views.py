"""Which names of a program share memory, so that what changes in place is not read afterwards as it was."""

from __future__ import annotations

from collections.abc import Mapping


class Views:
    """Views and results of changes in place, by whose memory they are.

    Args:
        last_use: Name → index of the last node that reads it.
    """

    def __init__(self, last_use: Mapping[str, int]) -> None:
        self._last_use = last_use
        self._bases: dict[str, str] = {}
        # Of all names for a memory the two that are read last: one of them may be the one that is asked about.
        self._latest: dict[str, list[tuple[int, str]]] = {}

    def add(self, name: str, of: str) -> None:
        """Note that a name is a view of another, or what a change of it in place gave."""
        base = self._bases.get(of, of)
        self._bases[name] = base
        self._note(base, name)

    def read_after(self, changed: str, index: int) -> str | None:
        """Return another name for the same memory that is read after a node; None if there is none."""
        base = self._bases.get(changed, changed)
        self._note(base, base)
        return next((name for last, name in self._latest[base] if name != changed and last > index), None)

    def names_of(self, name: str) -> list[str]:
        """Return every name for the same memory."""
        base = self._bases.get(name, name)
        return [base, *(each for each, of in self._bases.items() if of == base)]

    def _note(self, base: str, name: str) -> None:
        known = {*self._latest.get(base, ()), (self._last_use.get(name, -1), name)}
        self._latest[base] = sorted(known, reverse=True)[:2]
