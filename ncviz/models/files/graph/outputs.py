"""Which of a file's outputs holds the class scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ncviz.errors import ModelError
from ncviz.limits import LIMITS
from ncviz.models.files.choices import SeveralFitError
from ncviz.text import listed, quotable


@dataclass(frozen=True)
class Asked:
    """What the user says of a file that leaves it open.

    Attributes:
        size: Height and width of an image, where the file fixes none.
        output: Name of the output that holds the class scores.
        classes: How many classes there are, to tell that output by.
        is_asking: Whether to raise an error with the choices instead of taking one.
    """

    size: tuple[int, int] | None = None
    output: str | None = None
    classes: int | None = None
    is_asking: bool = False


@dataclass(frozen=True)
class Output:
    """An output of floating-point numbers.

    Attributes:
        name: As the file calls it.
        value: What gives its numbers; another name where a ZipMap of sklearn follows.
        is_row: Whether it gives one row of numbers for an image, as far as the file says.
        classes: How many, None if the file does not say.
        needed: Indices of the nodes that it needs.
    """

    name: str
    value: str
    is_row: bool
    classes: int | None
    needed: frozenset[int]


def check_outputs(count: int, label: str) -> None:
    """Refuse a file of so many outputs: what each needs is found out one by one.

    Raises:
        ModelError: Saying what to do.
    """
    if count > LIMITS.outputs:
        raise ModelError(
            f"{label} has {count:,} outputs, at most {LIMITS.outputs:,} are read; export it with the class scores "
            "alone."
        )


def decide_output(outputs: Sequence[Output], label: str, asked: Asked) -> tuple[Output, tuple[str, ...]]:
    """Return the output that is taken, and what is to be said of it.

    Args:
        outputs: Those of floating-point numbers.
        label: The file's name.
        asked: What the user says of the file.

    Raises:
        SeveralFitError: If several may be meant, and the user wants to be asked.
        ModelError: If there is none, or none that is called as the user says.
    """
    output = choose_output(outputs, label, asked.output, asked.classes)
    others = [other for other in outputs if other.is_row and other is not output]
    if not others or asked.output is not None:
        return output, ()
    names = [output.name, *(other.name for other in others)]
    if asked.is_asking:
        raise SeveralFitError(
            f"{label} has several outputs that may be the class scores: {listed(names)}; choose one.",
            "output",
            tuple(names),
        )
    note = (
        f"{label} has several outputs that may be the class scores: '{quotable(names[0])}' was taken; there are "
        f"also {listed([quotable(name) for name in names[1:]])}."
    )
    return output, (note,)


def choose_output(outputs: Sequence[Output], label: str, name: str | None, classes: int | None) -> Output:
    """Return the output that holds class scores: the named one, or that which looks most like them.

    That is a row of as many numbers as there are classes, where that is known; of several the one that is computed
    last, since an embedding is on the way to the logits, and auxiliary heads branch off earlier.

    Args:
        outputs: Those of floating-point numbers.
        label: The file's name.
        name: The output that the user names.
        classes: How many classes there are, if anybody says.

    Raises:
        ModelError: If there is no such output.
    """
    if not outputs:
        raise ModelError(f"{label} has no output of floating-point numbers, expected class scores.")
    if name is not None:
        named = [output for output in outputs if output.name == name]
        if not named:
            known = listed([f"'{quotable(output.name)}'" for output in outputs])
            raise ModelError(f"{label} has no output '{quotable(name)}' of scores; choose one of {known}.")
        return named[0]
    return min(
        outputs,
        key=lambda output: (
            classes is not None and output.classes not in (None, classes),
            not output.is_row,
            any(output.needed < other.needed for other in outputs if other.is_row),
            -len(output.needed),
        ),
    )
