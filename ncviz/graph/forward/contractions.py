"""Products of units with a weight, however a forward writes them (x @ w, torch.bmm, einsum), as one kind of sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from string import ascii_letters
from typing import Any

import torch
from torch import Tensor, fx

from ncviz.graph.forward.origins import Origins
from ncviz.graph.growing import Growing
from ncviz.graph.terms import contraction_term
from ncviz.graph.tracing import BATCH
from ncviz.graph.values import Pending, Units, UnreadableError, flat, layout_of

# The arguments of each product, torch's names for them; those in front of the factors are added.
CONTRACTIONS = {
    "matmul": ("input", "other"), "mm": ("input", "mat2"), "bmm": ("input", "mat2"), "inner": ("input", "other"),
    "addmm": ("input", "mat1", "mat2"), "baddbmm": ("input", "batch1", "batch2"), "tensordot": ("a", "b"),
    "einsum": ("equation",),
}  # fmt: skip


@dataclass(frozen=True)
class Contraction:
    """A sum of products over the axes that two values share, with a letter for each axis, as in ``torch.einsum``.

    Attributes:
        units: Letters of the units' axes, that of the images first.
        weight: Letters of the weight's axes.
        result: Letters of the result's axes, that of the images first.
        weight_at: Which of the operation's arguments the weight is, its list of factors spelled out.
        image_axis: The weight's axis along which it is repeated for each image, left out of ``weight``; None if none.
    """

    units: str
    weight: str
    result: str
    weight_at: int
    image_axis: int | None = None

    @property
    def groups(self) -> str:
        """Axes that all three have: each has weights of its own."""
        return "".join(each for each in self.units[1:] if each in self.weight and each in self.result)

    @property
    def summed(self) -> str:
        """Axes that are summed over."""
        return "".join(each for each in self.units[1:] if each in self.weight and each not in self.result)

    @property
    def places(self) -> str:
        """Axes that the weight does not have: each has the same weights."""
        return "".join(each for each in self.result[1:] if each in self.units and each not in self.weight)

    @property
    def channels(self) -> str:
        """Axes that the units do not have."""
        return "".join(each for each in self.result if each not in self.units)


def contracted(
    grown: Growing, n: fx.Node, kind: str, args: Sequence[Any], kwargs: Mapping[str, Any], origins: Origins
) -> Units | Pending:
    """Follow a product of units with a weight: a linear layer, with groups where both have an axis that is kept.

    Args:
        grown: The graph so far.
        n: The operation.
        kind: Its name, one of ``CONTRACTIONS``.
        args: Its arguments.
        kwargs: Its arguments by name.
        origins: Finds the parameter that a weight is.

    Raises:
        UnreadableError: If it is no such product, or the weight is no parameter.
    """
    args, nodes = by_place(kind, args, kwargs), by_place(kind, n.args, n.kwargs)
    found = _read_contraction(kind, args, kwargs)
    weight, origin = args[found.weight_at], origins.take(nodes[found.weight_at])
    if origin is not None and found.image_axis is not None:
        first = origin.index.select(found.image_axis, 0)
        if torch.equal(first.unsqueeze(found.image_axis).expand_as(origin.index), origin.index):
            origin, weight = replace(origin, index=first), weight.select(found.image_axis, 0)
    if origin is None or not origin.is_whole or weight.ndim != len(found.weight):
        raise UnreadableError(origins.why_missing(nodes[found.weight_at]))
    units = grown.finish(next(each for each in args if isinstance(each, (Units, Pending))))
    sizes = dict(zip(found.units, units.traced_shape, strict=True))
    sizes |= dict(zip(found.weight, weight.shape, strict=True))

    def grouped(values: Tensor, letters: str, *wanted: str) -> Tensor:
        axes = [letters.index(each) for each in "".join(wanted)]
        return values.permute(axes).reshape([prod(sizes[each] for each in part) for part in wanted])

    kernels = found.groups, found.channels, found.summed
    term = contraction_term(
        origin.parameter.removesuffix(".weight"),
        origin.parameter,
        grouped(weight, found.weight, *kernels),
        grouped(units.ids[0], found.units[1:], found.groups, found.places, found.summed).numpy(),
        grouped(origin.index, found.weight, *kernels).numpy(),
        origin.shape,
    )
    own = found.groups + found.channels
    places = tuple(sizes[each] for each in found.places)
    letters = found.units[0] + own + found.places
    layer, arrangement = layout_of((BATCH, prod(sizes[each] for each in own), *places), 0)
    by_letters = arrangement.reshape([sizes[each] for each in letters])
    arranged = by_letters.permute([letters.index(each) for each in found.result]).contiguous()
    made = Pending((term,), layer, arranged, n)
    behind = found.result[1:]
    is_plain = len(own) == 1 and behind in (own + found.places, found.places + own)
    return made if is_plain else grown.finish(made)


def by_place(kind: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """Return arguments by place, and the factors of ``torch.einsum`` one by one."""
    if kind == "einsum":
        return flat(list(args))
    return [*args, *(kwargs[name] for name in CONTRACTIONS[kind][len(args) :] if name in kwargs)]


def letters_of(
    kind: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[list[Any], tuple[str, str, str]]:
    """Return the two factors of a product, and letters for their axes and for those of the result.

    Args:
        kind: Its name, one of ``CONTRACTIONS``.
        args: Its arguments, as of ``by_place``.
        kwargs: Its arguments by name.

    Raises:
        UnreadableError: If it is a product of other than two values, or adds activations.
    """
    if kwargs.get("alpha", 1) != 1:
        raise UnreadableError("adds a multiple (alpha), which is not supported")
    first = first_factor(kind)
    factors = list(args[first:] if kind == "einsum" else args[first : first + 2])
    if any(hasattr(each, "traced_shape") for each in args[:first]):
        raise UnreadableError("adds to activations in one step with a product, which is not supported")
    if len(factors) != 2 or not all(isinstance(e, Tensor) or hasattr(e, "traced_shape") for e in factors):
        raise UnreadableError("is a product of other than two values, which is not supported")
    axes = [len(each.shape if isinstance(each, Tensor) else each.traced_shape) for each in factors]
    if kind == "einsum":
        one, other, result = _of_equation(args[0], axes)
    elif kind == "tensordot":
        dims = args[2] if len(args) > 2 else kwargs.get("dims", 2)
        one, other, result = _of_dims(dims, *axes)
    else:
        one, other, result = _of_matmul(kind, *axes)
    return factors, (one, other, result)


def first_factor(kind: str) -> int:
    """Return which of a product's arguments its first factor is."""
    return 1 if kind == "einsum" else len(CONTRACTIONS[kind]) - 2


def _read_contraction(kind: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Contraction:
    """Return what is summed over in a product of units and a weight, given its arguments, lists spelled out."""
    factors, (*letters, result) = letters_of(kind, args, kwargs)
    is_units = [isinstance(each, (Units, Pending)) for each in factors]
    shapes = [
        each.traced_shape if isinstance(each, (Units, Pending)) else tuple(each.shape) for each in factors
    ]
    at = is_units.index(True)
    units, weight, axis = letters[at], letters[1 - at], None
    if units and units[0] in weight:
        axis = weight.index(units[0])
        weight = weight.replace(units[0], "")
    found = Contraction(units, weight, result, first_factor(kind) + 1 - at, axis)
    _check(
        found,
        dict(zip(units, shapes[at], strict=True)),
        dict(zip(letters[1 - at], shapes[1 - at], strict=True)),
    )
    return found


def _check(found: Contraction, units: Mapping[str, int], weight: Mapping[str, int]) -> None:
    own = (found.units, found.weight, found.result)
    if any(len(set(letters)) < len(letters) for letters in own):
        raise UnreadableError("takes a diagonal, which is not supported")
    if not found.units or found.result[:1] != found.units[0]:
        raise UnreadableError("does not keep one row for each image, which is not supported")
    alone = [each for each in found.units if each not in found.weight + found.result]
    alone += [each for each in found.weight if each not in found.units + found.result]
    if alone:
        raise UnreadableError("sums over an axis of one of its factors alone, which is not supported")
    if any(units[each] != weight[each] for each in set(found.units) & set(found.weight)):
        raise UnreadableError("repeats values along an axis of a product, which is not supported")


def _of_matmul(kind: str, left: int, right: int) -> tuple[str, str, str]:
    """Return letters of a matrix product: axes in front are those of the same place counted from the back."""
    if left == 0 or right == 0:
        raise UnreadableError("is a product with a single number, which is not supported")
    if kind == "inner":
        free = ascii_letters[: left + right - 2]
        return free[: left - 1] + "Z", free[left - 1 :] + "Z", free
    rows, columns = "X" if left > 1 else "", "Y" if right > 1 else ""
    front = ascii_letters[: max(left, right, 2) - 2]
    a = front[len(front) - max(left - 2, 0) :] + rows + "Z"
    b = front[len(front) - max(right - 2, 0) :] + ("Z" + columns)
    return a, b, front + rows + columns


def _of_dims(dims: Any, left: int, right: int) -> tuple[str, str, str]:
    """Return letters of ``torch.tensordot``."""
    if isinstance(dims, int):
        pairs = [(left - dims + at, at) for at in range(dims)]
    else:
        pairs = [(a % left, b % right) for a, b in zip(*dims, strict=True)]
    a, b = list(ascii_letters[:left]), list(ascii_letters[left : left + right])
    for first, second in pairs:
        b[second] = a[first]
    result = [each for each in a if each not in b] + [each for each in b if each not in a]
    return "".join(a), "".join(b), "".join(result)


def _of_equation(equation: Any, axes: Sequence[int]) -> tuple[str, ...]:
    """Return letters of ``torch.einsum``, "…" spelled out."""
    if not isinstance(equation, str):
        raise UnreadableError("is an einsum without an equation, which is not supported")
    given, arrow, result = equation.replace(" ", "").partition("->")
    letters = given.split(",")
    free = [each for each in ascii_letters if each not in equation]
    most = max(
        (count - len(own) + 3 for own, count in zip(letters, axes, strict=True) if "..." in own), default=0
    )

    def spelled(own: str, count: int) -> str:
        return own.replace("...", "".join(free[most - count : most]))

    if not arrow:
        together = given.replace(",", "").replace(".", "")
        result = ("..." if "..." in given else "") + "".join(
            sorted(each for each in set(together) if together.count(each) == 1)
        )
    found = [spelled(own, count - len(own) + 3) for own, count in zip(letters, axes, strict=True)]
    return (*found, spelled(result, most))
