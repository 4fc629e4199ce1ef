"""Other names for the parts of networks that are known here: the words of other projects, and the way back.

ResNets for CIFAR are written as torchvision writes its own (``layer1.0.downsample.0``, ``fc``), or with ``shortcut``
and ``linear``; multilayer perceptrons as ``fc1``, ``fc2``. Only words differ: which tensor is which follows from them,
and shapes are compared as ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

Words = tuple[tuple[str, str], ...]

# Families of architectures: a word of ours, and what others call it. A number may follow the word.
FAMILIES: tuple[Mapping[str, tuple[str, ...]], ...] = (
    {"stage": ("layer",), "shortcut": ("downsample",), "fc": ("linear", "classifier")},
    {"1": ("fc1",), "3": ("fc2",), "5": ("fc3",)},
)
KNOWN: frozenset[tuple[str, str]] = frozenset(
    (own, other) for family in FAMILIES for own, others in family.items() for other in others
)


def vocabulary(keys: Iterable[str]) -> frozenset[str]:
    """Return the words of keys, the parts between their dots, each also without the number at its end."""
    parts = {part for key in keys for part in key.split(".")}
    return frozenset(parts | {_split(part)[0] for part in parts})


def words_of(theirs: Set[str], keys: Iterable[str]) -> Words:
    """Return which words of an architecture's keys others stand for in a file, as (ours, the file's); often none.

    Args:
        theirs: The words of the file's keys, as ``vocabulary`` gives them.
        keys: The architecture's keys.
    """
    # Most files have none, and are compared with many architectures.
    if theirs.isdisjoint(other for _, other in KNOWN):
        return ()
    ours = vocabulary(keys)
    for family in FAMILIES:
        if not ours >= family.keys():
            continue
        found = {
            own: next((other for other in others if other in theirs), "")
            for own, others in family.items()
            if own not in theirs
        }
        if any(found.values()):
            return tuple((own, other) for own, other in found.items() if other)
    return ()


def renamed(key: str, words: Words, *, is_back: bool = False) -> str:
    """Return a file's key under the architecture's words, or with ``is_back`` the other way round."""
    table = dict(words) if is_back else {other: own for own, other in words}
    return ".".join(_with_word(part, table) for part in key.split("."))


def naming_note(words: Words, label: str, architecture: str) -> str:
    """Return one sentence on what was renamed, and on what a file of weights cannot say."""
    pairs = ", ".join(f"`{other}` for `{own}`" for own, other in words)
    return (
        f"{label} has other names for the parts of {architecture} ({pairs}), and is written back under them; how its "
        "images became inputs is not in it, so bring your images with the mean and standard deviation of its training "
        "(--mean 0.5,0.5,0.5 --std 0.5,0.5,0.5 for (x − 0.5)/0.5, or the fields beside them)."
    )


def _with_word(part: str, table: Mapping[str, str]) -> str:
    if part in table:
        return table[part]
    word, number = _split(part)
    return table[word] + number if word in table and number else part


def _split(part: str) -> tuple[str, str]:
    word = part.rstrip("0123456789")
    return (word, part[len(word) :]) if word else (part, "")
