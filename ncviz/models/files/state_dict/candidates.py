"""Where in a checkpoint's nested dicts and lists weights lie, and what of them is an architecture's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from torch import Tensor

from ncviz.budget import Budget
from ncviz.errors import ModelError
from ncviz.limits import LIMITS
from ncviz.models.files.state_dict.naming import Words, renamed, vocabulary, words_of
from ncviz.text import quotable

_COUNTER = ".num_batches_tracked"
# What tools that count operations, and averages of weights, leave among a network's own.
_COUNTS = frozenset({"total_ops", "total_params", "n_averaged", "num_batches_tracked"})
_MAX_DEPTH, _MAX_CONTAINERS, _MAX_PREFIXES = 12, 20_000, 20
_MAX_PLACE = 200

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class Candidate:
    """Tensors that a checkpoint keeps in one dict.

    Attributes:
        place: Keys that lead to the dict, such as "checkpoint.state_dict"; "" for the outermost.
        tensors: Key → tensor.
    """

    place: str
    tensors: dict[str, Tensor]

    @cached_property
    def words(self) -> frozenset[str]:
        """The words that its keys are made of."""
        return vocabulary(self.tensors)


@dataclass(frozen=True, eq=False)
class Part:
    """What of a candidate stands behind one prefix.

    Attributes:
        place: Of the candidate.
        prefix: What stands before every key, such as "module."; often nothing.
        tensors: Key → tensor, without the prefix and without what is foreign.
        foreign: Keys of the candidate that are not among them, as the file has them.
        words: Which words of the keys the file has others for, as (ours, the file's).
    """

    place: str
    prefix: str
    tensors: dict[str, Tensor]
    foreign: tuple[str, ...] = ()
    words: Words = ()

    @property
    def name(self) -> str:
        """What tells it from other parts: the keys that lead to it, and the prefix."""
        return ".".join(part for part in (self.place, self.prefix.rstrip(".")) if part)

    @property
    def is_average(self) -> bool:
        """Whether its name says that it is an average over the training, not the last state."""
        return any(word in self.name.lower() for word in ("ema", "swa", "avg", "average", "teacher"))


def find_candidates(loaded: Any, label: str) -> tuple[Candidate, ...]:
    """Return every dict with tensors in what a file held, in the file's order.

    Args:
        loaded: Nested dicts, lists and tuples.
        label: The file's name, for messages.

    Raises:
        ModelError: If there is none, or more tensors in all than an archive may have entries.
    """
    if not isinstance(loaded, Mapping | list | tuple):
        raise ModelError(f"{label} holds {_described(loaded)}, expected a state dict; save net.state_dict().")
    found, count = [], 0
    for place, each in _containers(loaded):
        if isinstance(each, Mapping):
            tensors = {
                key: value
                for key, value in each.items()
                if isinstance(key, str) and isinstance(value, Tensor)
            }
            count += len(tensors)
            if count > LIMITS.archive_entries:
                raise ModelError(
                    f"{label} holds more than {LIMITS.archive_entries:,} tensors; save only the network's own "
                    "with torch.save(net.state_dict(), path)."
                )
            if tensors:
                found.append(Candidate(place, tensors))
    if not found:
        raise ModelError(f"{label} holds no tensors by name, expected a state dict; save net.state_dict().")
    return tuple(found)


def parts_for(candidate: Candidate, keys: Shapes, budget: Budget, *, is_named: bool) -> Iterator[Part]:
    """Return what may be an architecture's in a candidate, once for each prefix that its keys may have there.

    After its own names come others that are known for its parts, where the file has some. Foreign is what lies outside
    the prefix, and inside it the counters of other tools, and what belongs to modules that the architecture does not
    have: of any kind where the user named the architecture, else only what cannot be the weight of a layer.

    Args:
        candidate: The tensors.
        keys: The architecture's keys and shapes.
        budget: What reading the file may take.
        is_named: Whether the user says that it is this architecture.
    """
    if len(candidate.tensors) < len(keys) and not is_named:
        return
    yield from _parts(candidate, keys, budget, is_named)
    words = words_of(candidate.words, keys)
    original = {renamed(key, words): key for key in candidate.tensors} if words else {}
    # Two that become one are a file's that has both words.
    if not words or len(original) < len(candidate.tensors):
        return
    tensors = {key: candidate.tensors[own] for key, own in original.items()}
    for part in _parts(Candidate(candidate.place, tensors), keys, budget, is_named):
        # A word that was renamed before the keys, too, would be lost on the way back.
        if all(original[part.prefix + key].startswith(part.prefix) for key in part.tensors):
            yield replace(part, foreign=tuple(original[key] for key in part.foreign), words=words)


def _parts(candidate: Candidate, keys: Shapes, budget: Budget, is_named: bool) -> Iterator[Part]:
    """Return what may be an architecture's under the candidate's own names."""
    anchor = max(keys, key=len, default="")
    prefixes = [
        key[: -len(anchor)]
        for key in candidate.tensors
        if anchor and (key == anchor or key.endswith(f".{anchor}"))
    ]
    known = {key.partition(".")[0] for key in keys}
    for prefix in prefixes[:_MAX_PREFIXES]:
        budget.check_time()
        tensors, foreign = {}, []
        for key, tensor in candidate.tensors.items():
            own = key.removeprefix(prefix)
            is_own = key.startswith(prefix) and (
                own in keys or not _is_foreign(own, tensor, keys, known, is_named)
            )
            if not is_own:
                foreign.append(key)
            else:
                tensors[own] = tensor
        yield Part(candidate.place, prefix, tensors, tuple(foreign))


def whole_part(candidate: Candidate) -> Part:
    """Return a candidate without what stands before each of its keys, whatever network it is of."""
    keys = [key.split(".")[:-1] for key in candidate.tensors]
    count = 0
    while all(len(words) > count + 1 and words[count] == keys[0][count] for words in keys):
        count += 1
    prefix = "".join(f"{word}." for word in keys[0][:count])
    return Part(
        candidate.place, prefix, {key.removeprefix(prefix): each for key, each in candidate.tensors.items()}
    )


def is_counter(key: str) -> bool:
    """Return whether a key names a normalisation's count of batches, which older files lack and nothing here reads."""
    return key.endswith(_COUNTER)


def _is_foreign(key: str, tensor: Tensor, keys: Shapes, known: set[str], is_named: bool) -> bool:
    module, _, last = key.rpartition(".")
    if last in _COUNTS:
        return f"{module}.running_mean" not in keys
    word = key.partition(".")[0]
    # One more number is one more layer of the same sequence.
    is_known = word in known or (word.isdigit() and any(other.isdigit() for other in known))
    return not is_known and (is_named or tensor.ndim < 2)


def _containers(loaded: Any) -> Iterator[tuple[str, Any]]:
    """Return nested dicts, lists and tuples, each once, the outer ones first, with the keys that lead to them."""
    waiting, seen = [("", loaded, 0)], {id(loaded)}
    for place, each, depth in waiting:
        yield place, each
        if depth == _MAX_DEPTH:
            continue
        items = each.items() if isinstance(each, Mapping) else enumerate(each)
        for key, value in items:
            if isinstance(value, Mapping | list | tuple) and id(value) not in seen:
                if len(waiting) >= _MAX_CONTAINERS:
                    return
                seen.add(id(value))
                # The repr of a deeply nested tuple overflows the stack, so only texts and numbers are ever printed.
                word = str(key) if isinstance(key, str | int) else "…"
                inner = f"{place}.{word}" if place else word
                waiting.append((inner[:_MAX_PLACE], value, depth + 1))


def _described(value: Any) -> str:
    """Return what a value is, with its article."""
    if isinstance(value, Tensor):
        return "a single tensor"
    if value is None:
        return "nothing"
    kind = quotable(type(value).__name__)
    return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"
