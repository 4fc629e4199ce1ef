"""Which layers of a deep network belong together: its blocks, by its modules' names or by what reads what."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import groupby, pairwise

from ncviz.plots.network.lines import Block

# Modules deeper than this are no blocks of their own.
_DEEPEST = 12
# What stands in a row of its like, one after the other: a bare number in a list, or such as "encoder_layer_0". What
# else is numbered may stand beside the others, such as "branch1", or be a layer, such as "conv1".
_IN_ROW = re.compile(r"\d+|.*(block|layer|stage|level|group|unit|cell).*\d.*", re.IGNORECASE)

# "3a" of "inception3a", the numbers of all others.
_NUMBER = re.compile(r"\d+(?:[a-z](?![a-z]))?")


def blocks_of(names: Sequence[str], reads: Collection[tuple[int, int]] = ()) -> tuple[Block, ...]:
    """Return the blocks of a network, each at least two layers that follow each other; none where they tell nothing.

    A block is a module with a number, such as ``layer3.1`` or ``encoder.layers.encoder_layer_0``: not one that is a row
    of blocks itself, such as ``layer3``. Where no layer's name has a path, as in files that name no modules, blocks are
    what lies between two layers that no path goes around. What holds most of the network is no block, nor is one alone.

    Args:
        names: What the layers are called, input first, classes last.
        reads: Pairs of layers of which the second takes something from the first.
    """
    has_paths = any("." in name for name in names)
    runs = _named_runs(_bridged(_modules(names), names)) if has_paths else _between_gates(len(names), reads)
    runs = [(name, first, end) for name, first, end in runs if 2 <= end - first <= len(names) / 2]
    if len(runs) < 2:
        return ()
    titles = [name or f"{names[first]} – {names[end - 1]}" for name, first, end in runs]
    return tuple(
        Block(forms, first, end) for forms, (_, first, end) in zip(_forms(titles), runs, strict=True)
    )


def _modules(names: Sequence[str]) -> list[str]:
    """Return for each layer the module that is its block, "" for none."""
    paths = [[".".join(parts[: at + 1]) for at in range(len(parts))] for parts in map(_parts, names)]
    layers = Counter(prefix for path in paths for prefix in path)
    children: dict[str, set[str]] = {}
    for path in paths:
        for parent, child in pairwise(path):
            children.setdefault(parent, set()).add(child)
    rows = {
        parent
        for parent, own in children.items()
        if len(own) > 1 and all(_is_in_row(each, layers) for each in own)
    }
    holds_row = {parent for path in paths if rows.intersection(path) for parent in _until_last(path, rows)}
    found = []
    for path in paths:
        whole = next((each for each in path if _is_block(each, layers) and each not in holds_row), "")
        # A row of one has the name that a longer one would have: "features.1.0", not "features.1".
        while len(only := [*children.get(whole, ())]) == 1 and _is_in_row(only[0], layers):
            whole = only[0]
        found.append(whole)
    return found


def _parts(name: str) -> list[str]:
    return name.split(".")[:_DEEPEST]


def _own(prefix: str) -> str:
    return prefix.rpartition(".")[2]


def _is_block(prefix: str, layers: Counter[str]) -> bool:
    return layers[prefix] > 1 and any(sign.isdigit() for sign in _own(prefix))


def _is_in_row(prefix: str, layers: Counter[str]) -> bool:
    return layers[prefix] > 1 and _IN_ROW.fullmatch(_own(prefix)) is not None


def _until_last(path: Sequence[str], rows: Collection[str]) -> Sequence[str]:
    """Return what a path has up to its last row of blocks."""
    return path[: max(at for at, prefix in enumerate(path) if prefix in rows) + 1]


def _bridged(modules: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the same, where a layer that is no module's, such as a sum, is part of the block on both sides of it."""
    found, last = list(modules), -1
    for at, name in enumerate(names):
        if "." in name:
            if last >= 0 and found[last] == found[at]:
                found[last:at] = [found[at]] * (at - last)
            last = at
    return found


def _named_runs(modules: Sequence[str]) -> list[tuple[str, int, int]]:
    """Return each block with its first layer and the one after its last."""
    runs, at = [], 0
    for module, own in groupby(modules):
        size = sum(1 for _ in own)
        runs.append((module, at, at + size))
        at += size
    return [run for run in runs if run[0]]


def _between_gates(layers: int, reads: Collection[tuple[int, int]]) -> list[tuple[str, int, int]]:
    """Return what lies between layers that no path goes around, each with the layer it ends in; the classes apart."""
    farthest = list(range(layers))  # the last layer that reads this one or one before it
    for source, target in reads:
        farthest[source] = max(farthest[source], target)
    gates, reach = [], 0
    for layer in range(layers):
        if reach <= layer:
            gates.append(layer)
        reach = max(reach, farthest[layer])
    ends = pairwise(gates)
    return [("", before + 1, min(gate + 1, layers - 1)) for before, gate in ends]


def _forms(titles: Sequence[str]) -> list[tuple[str, ...]]:
    """Return each block's name and shorter ones that tell them all apart, longest first: "1.0" for "features.1.0"."""
    parts = [[title] if " – " in title else title.split(".") for title in titles]
    shorter = [[".".join(own[-keep:]) for own in parts] for keep in range(max(map(len, parts)) - 1, 0, -1)]
    numbers = [("–" if " – " in title else ".").join(_NUMBER.findall(title)) for title in titles]
    told_apart = [forms for forms in (*shorter, numbers) if all(forms) and len({*forms}) == len({*titles})]
    forms = [dict.fromkeys([title, *own]) for title, *own in zip(titles, *told_apart, strict=True)]
    return [tuple(sorted(own, key=len, reverse=True)) for own in forms]
