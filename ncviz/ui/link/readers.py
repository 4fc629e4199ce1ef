"""Readers of the values that a link carries; what is bad is refused in a sentence that names it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from ncviz.config import check_whole
from ncviz.errors import NcvizError

# What is repeated of a bad value, of the view and of the settings of a run.
LONGEST, LONGEST_SETTING = 40, 60
# More choices than that are no sentence.
MOST_LISTED = 7
# As ``ncviz.scene.names`` writes it for links.
LAYER_NAME = r"\w[\w.-]{0,199}"
# Which criteria exist is known where torch is; what is none is left out there.
CRITERION_NAME = r"[a-z][a-z0-9_-]{0,29}"
Reader = Callable[[str], Any]


def one_of(name: str, choices: Sequence[Any], longest: int = LONGEST) -> Reader:
    """Return what reads one of some texts or numbers."""
    by_text = {f"{choice:g}" if isinstance(choice, float) else str(choice): choice for choice in choices}

    def read(text: str) -> Any:
        if text not in by_text:
            if len(by_text) > MOST_LISTED:
                raise NcvizError(f"'{text[:longest]}' is none of the {len(by_text)} that there are.")
            raise NcvizError(f"{name} must be one of {', '.join(by_text)}, got '{text[:longest]}'.")
        return by_text[text]

    return read


def several_of(name: str, choices: Sequence[str]) -> Reader:
    """Return what reads some of these, comma between."""
    read = one_of(name, choices)
    return lambda text: ",".join(read(part) for part in text.split(",") if part)


def matching(name: str, pattern: str, example: str) -> Reader:
    """Return what reads a text of a pattern."""

    def read(text: str) -> str:
        # Other alphabets have digits of their own.
        if not re.fullmatch(pattern, text, re.ASCII):
            raise NcvizError(f"{name} must read such as {example}, got '{text[:LONGEST]}'.")
        return text

    return read


def criterion_or_none(example: str) -> Reader:
    """Return what reads the name of a criterion, or nothing."""
    return matching("the criterion", rf"{CRITERION_NAME}|", example)


def parsed_by(parse: Callable[[str], Any], name: str, example: str) -> Reader:
    """Return what reads a text that a parser takes, and that stands for something."""

    def read(text: str) -> str:
        try:
            parse(text or "-")
        except ValueError:
            raise NcvizError(f"{name} must read such as {example}, got '{text[:LONGEST]}'.") from None
        return text

    return read


def layer_name(text: str) -> str:
    """Read a layer by its module's name, or by its place; "" and "-1" are all."""
    if text in ("", "-1"):
        return ""
    return str(matching("the layer", LAYER_NAME, "layer1.0.conv1, conv-2 or 3")(text))


def within(name: str, low: float, high: float) -> Reader:
    """Return what reads a number of an interval."""

    def read(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise NcvizError(f"{name} must lie in [{low:g}, {high:g}], got {text[:LONGEST]}.")
        return value

    return read


def whole(name: str, low: int, high: int) -> Reader:
    """Return what reads a whole number."""
    return lambda text: check_whole(name, int(text), low, high)


def nearest(choices: Sequence[int]) -> Reader:
    """Return what reads a whole number as the nearest of some."""
    return lambda text: min(choices, key=lambda choice: abs(choice - int(text)))


def flag(text: str) -> bool:
    """Read "0" or "1"."""
    return bool(("0", "1").index(text))
