"""Prepared steps of a lecture: each a page, what it looks at and a note, as one small file that is read strictly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from ncviz.errors import NcvizError
from ncviz.text import shorten
from ncviz.ui.link.view_state import ViewState, from_query

PAGES = ("explore", "model", "curvature", "pruning", "edge", "learn")
KIND, VERSION = "ncviz steps", 1
MOST_STEPS, LONGEST_NOTE, MOST_BYTES = 100, 500, 500_000


@dataclass(frozen=True)
class Step:
    """One step: the page, what it looks at, and what is to be said."""

    page: str
    view: ViewState
    note: str = ""


@dataclass(frozen=True)
class Deck:
    """Steps in their order; every change gives a new deck."""

    steps: tuple[Step, ...] = ()

    def with_step(self, step: Step) -> Deck:
        """Return the deck with a step at its end.

        Raises:
            NcvizError: If it has as many as it may.
        """
        if len(self.steps) >= MOST_STEPS:
            raise NcvizError(f"There are {MOST_STEPS} steps already, the most that are kept.")
        return Deck((*self.steps, step))

    def with_note(self, at: int, note: str) -> Deck:
        """Return the deck with another note, cut to what one may hold."""
        return self._with(at, replace(self.steps[at], note=note[:LONGEST_NOTE]))

    def without(self, at: int) -> Deck:
        """Return the deck without a step."""
        return self._with(at)

    def moved(self, at: int, by: int) -> Deck:
        """Return the deck with a step in another place, as far as there is one."""
        steps = list(self.steps)
        steps.insert(min(max(at + by, 0), len(steps) - 1), steps.pop(at))
        return Deck(tuple(steps))

    def _with(self, at: int, *others: Step) -> Deck:
        return Deck((*self.steps[:at], *others, *self.steps[at + 1 :]))


def write_deck(deck: Deck) -> str:
    """Return the file that ``read_deck`` reads."""
    steps = [
        {"page": step.page, "link": urlencode(step.view.to_query()), "note": step.note} for step in deck.steps
    ]
    return json.dumps({"kind": KIND, "version": VERSION, "steps": steps}, ensure_ascii=False, indent=1)


def read_deck(content: bytes | str) -> Deck:
    """Read a file of steps.

    Raises:
        NcvizError: If it is none, or a step of it is not what this version can show; the message names the step.
    """
    if len(content) > MOST_BYTES:
        raise NcvizError(f"A file of steps has at most {MOST_BYTES:,} bytes; this one has {len(content):,}.")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise NcvizError("This is no file of steps: it holds no JSON.") from error
    if not isinstance(found, Mapping) or found.get("kind") != KIND:
        raise NcvizError(f"This is no file of steps: its kind must be “{KIND}”.")
    if found.get("version") != VERSION:
        raise NcvizError(
            f"This file of steps is of version {shorten(str(found.get('version')))}; {VERSION} is read."
        )
    steps = found.get("steps")
    if not isinstance(steps, list) or len(steps) > MOST_STEPS:
        raise NcvizError(f"A file of steps holds a list of at most {MOST_STEPS} steps.")
    return Deck(tuple(_step(number, step) for number, step in enumerate(steps, 1)))


def _step(number: int, raw: Any) -> Step:
    if not isinstance(raw, Mapping) or not all(
        isinstance(raw.get(name), str) for name in ("page", "link", "note")
    ):
        raise NcvizError(f"Step {number} must have a page, a link and a note, each a text.")
    if unknown := sorted(set(raw) - {"page", "link", "note"}):
        raise NcvizError(f"Step {number} has what no step has: {shorten(', '.join(map(str, unknown)))}.")
    if raw["page"] not in PAGES:
        raise NcvizError(
            f"Step {number} is on the page “{shorten(raw['page'])}”; there are {', '.join(PAGES)}."
        )
    if len(raw["note"]) > LONGEST_NOTE:
        raise NcvizError(f"The note of step {number} is longer than {LONGEST_NOTE} letters.")
    try:
        query = dict(parse_qsl(raw["link"], keep_blank_values=True, strict_parsing=bool(raw["link"])))
    except ValueError as error:
        raise NcvizError(f"The link of step {number} is none: “{shorten(raw['link'])}”.") from error
    if unknown := sorted(query.keys() - vars(ViewState()).keys()):
        raise NcvizError(
            f"The link of step {number} names what no link holds: {shorten(', '.join(unknown))}."
        )
    view, problems = from_query(query)
    if problems:
        raise NcvizError(f"Step {number}: {problems[0]}")
    return Step(raw["page"], view, raw["note"])
