"""Which of the weights in a checkpoint are taken: those that fit the architecture exactly, or that the user names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ncviz.errors import ModelError
from ncviz.models.catalogue.architectures import build_without_weights, find_architecture
from ncviz.models.files.choices import SeveralFitError
from ncviz.models.files.state_dict.candidates import (
    Part,
    Shapes,
    is_counter,
    parts_for,
    whole_part,
)
from ncviz.models.files.state_dict.naming import Words, naming_note
from ncviz.models.files.state_dict.reader import Checkpoint
from ncviz.models.files.state_dict.recognition import architectures_of, recognise
from ncviz.models.files.state_dict.state import check_storage
from ncviz.text import listed, quotable

_NAMED = 3


@dataclass(frozen=True, eq=False)
class Chosen:
    """The weights that are taken of a checkpoint.

    Attributes:
        architecture: What they are of.
        tensors: Key → dense tensor, under the architecture's keys.
        prefix: What stands before every key in the file; often nothing.
        notes: What was left out or taken of several, one sentence each.
        words: Which words of the keys the file has others for, as (ours, the file's).
    """

    architecture: str
    tensors: dict[str, Tensor]
    prefix: str
    notes: tuple[str, ...]
    words: Words = ()


def choose_weights(
    checkpoint: Checkpoint,
    architecture: str | None,
    weights: str | None,
    *,
    is_asking: bool = False,
) -> Chosen:
    """Return the weights that fit an architecture.

    Where several do, as raw ones and their moving average, the first that is no average is taken, and a note says so.

    Args:
        checkpoint: What the file holds.
        architecture: A name that ``find_architecture`` finds; None finds out from keys and shapes.
        weights: Which of several are meant: the keys that lead to them, or some of these, such as "ema".
        is_asking: Whether to raise an error with the choices where several fit, instead of taking one.

    Raises:
        ModelError: If none fit, or none that fit are called so.
        SeveralFitError: If they fit several architectures alike, or several weights fit and ``is_asking``.
    """
    candidates, label, budget = checkpoint.candidates, checkpoint.label, checkpoint.budget
    fitting: list[tuple[str, Part]] = []
    for candidate in candidates:
        if architecture is not None:
            shapes = _shapes_of(architecture)
            found = [(architecture, part) for part in parts_for(candidate, shapes, budget, is_named=True)]
            fitting += [(name, part) for name, part in found if _fits(part, shapes)]
        else:
            fitting += architectures_of(candidate, budget)
    fitting = _distinct(fitting)
    if not fitting:
        return _nearest(checkpoint, architecture, weights)
    names = list(dict.fromkeys(part.name for _, part in fitting))
    if weights is not None:
        chosen = _called(weights, names)
        if len(chosen) != 1:
            raise ModelError(
                f"{label} holds {'several' if chosen else 'no'} fitting weights called '{quotable(weights)}'; choose "
                f"one of {listed([name or 'the outermost' for name in names])}."
            )
    elif len(names) > 1 and is_asking:
        raise SeveralFitError(
            f"{label} holds several weights that fit: {listed(names)}; choose one.", "weights", tuple(names)
        )
    else:
        chosen = [part.name for _, part in fitting if not part.is_average] or names
    same = [(name, part) for name, part in fitting if part.name == chosen[0]]
    if len(same) > 1:
        alike = tuple(name for name, _ in same)
        raise SeveralFitError(
            f"The weights in {label} fit {' and '.join(alike)} alike, because activations have no weights; choose one.",
            "architecture",
            alike,
        )
    name, part = same[0]
    others = [other for other in names if other != part.name]
    notes = []
    if others and weights is None:
        notes.append(
            f"{label} holds several weights that fit: those under '{quotable(part.name or 'the outermost keys')}' were "
            f"taken; there are also {listed([quotable(other) for other in others])}."
        )
    notes += _left_out(part, label)
    for key, tensor in part.tensors.items():
        check_storage(key, tensor, label)
    if part.words:
        notes.append(naming_note(part.words, label, name))
    return Chosen(name, part.tensors, part.prefix, tuple(notes), part.words)


def _called(weights: str, names: Sequence[str]) -> list[str]:
    """Return the names that are meant by a word: that very one, else those that end in it, else those that hold it."""
    ways = (
        [name for name in names if name == weights],
        [name for name in names if name.endswith(f".{weights}")],
        [name for name in names if f".{weights}." in f".{name}."],
    )
    return next(filter(None, ways), [])


def _shapes_of(architecture: str) -> Shapes:
    state = build_without_weights(find_architecture(architecture)).state_dict()
    return {key: tuple(tensor.shape) for key, tensor in state.items() if not is_counter(key)}


def _fits(part: Part, shapes: Shapes) -> bool:
    given = {key: tuple(tensor.shape) for key, tensor in part.tensors.items() if not is_counter(key)}
    return given == dict(shapes)


def _distinct(fitting: Sequence[tuple[str, Part]]) -> list[tuple[str, Part]]:
    """Return the parts without those that hold the same values as an earlier one."""
    found: dict[tuple[object, ...], tuple[str, Part]] = {}
    for name, part in fitting:
        found.setdefault((name, _memory(part)), (name, part))
    return list(found.values())


def _memory(part: Part) -> frozenset[tuple[object, ...]]:
    """Return where a part's tensors lie; two that lie in the same places hold the same values."""
    return frozenset(
        (
            key,
            tensor.untyped_storage().data_ptr() or id(tensor),
            tensor.dtype,
            tensor.shape,
            tensor.stride(),
            tensor.storage_offset(),
        )
        for key, tensor in part.tensors.items()
    )


def _left_out(part: Part, label: str) -> list[str]:
    foreign = [key for key in part.foreign if key.rpartition(".")[2] != "num_batches_tracked"]
    if not foreign:
        return []
    named = listed([f"`{quotable(key)}`" for key in foreign[:_NAMED]])
    more = f" and {len(foreign) - _NAMED:,} more" if len(foreign) > _NAMED else ""
    return [f"{label} also holds {named}{more}, which the network does not have: left out."]


def _nearest(checkpoint: Checkpoint, architecture: str | None, weights: str | None) -> Chosen:
    """Return the weights that come nearest to an architecture that was named; what does not fit is for others to say.

    Raises:
        ModelError: If none was named, saying which comes nearest.
    """
    candidates, label = checkpoint.candidates, checkpoint.label
    wholes = [whole_part(candidate) for candidate in candidates]
    if weights is not None:
        meant = _called(weights, [part.name for part in wholes])
        wholes = [part for part in wholes if part.name in meant] or wholes
    if architecture is None:
        # The largest is the network; an optimiser's numbers come in many small dicts.
        largest = max(wholes, key=lambda part: len(part.tensors))
        recognise(largest.tensors, label)
        raise AssertionError("what nothing fits was recognised")
    shapes = _shapes_of(architecture)
    parts = [
        part
        for candidate in candidates
        for part in parts_for(candidate, shapes, checkpoint.budget, is_named=True)
    ]

    def fitting(part: Part) -> tuple[int, int]:
        return sum(key in shapes for key in part.tensors), len(part.tensors)

    nearest = max((*parts, *wholes), key=fitting)
    for key, tensor in nearest.tensors.items():
        check_storage(key, tensor, label)
    return Chosen(architecture, nearest.tensors, nearest.prefix, ())
