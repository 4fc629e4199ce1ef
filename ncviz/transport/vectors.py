"""The least reduced cost of many arcs in vectors of eight, since numba's own loops do not vectorise a minimum."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 8
# Whoever is compared is padded to a whole number of steps: two vectors each, so that neither waits for the other.
STEP = 2 * LANES

_WORD, _INDEX = ir.IntType(64), ir.IntType(32)
_DOUBLES = ir.VectorType(ir.DoubleType(), LANES)
_WORDS = ir.VectorType(_WORD, LANES)


@intrinsic
def least_reduced(typing_context, cost, first, width, rows, potential, at_f, at_g, count):
    """Find the least of ``cost[first + r·width + k] − potential[at_f + r] − potential[at_g + k]``.

    Args:
        typing_context: Numba's.
        cost: float64, contiguous; counted through whatever its shape is.
        first: Where in it the first row begins.
        width: Elements from one row to the next.
        rows: How many rows.
        potential: float64, contiguous.
        at_f: Where the rows' potentials begin.
        at_g: Where those of the columns begin.
        count: How many columns, a whole multiple of ``STEP``.

    Returns:
        That least, inf if there is nothing; and where in ``cost`` it stands.
    """
    numbers = (types.int64,) * 3
    result = types.Tuple((types.float64, types.int64))
    return result(cost, *numbers, potential, *numbers), _least_reduced


def _least_reduced(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
    _, first, width, rows, _, at_f, at_g, count = arguments
    costs, potentials = (_data(context, builder, signature, at, arguments[at]) for at in (0, 4))
    columns = builder.gep(potentials, [at_g])
    found = [
        tuple(
            cgutils.alloca_once_value(builder, ir.Constant(kind, [start] * LANES)) for kind, start in _NOTHING
        )
        for _ in range(STEP // LANES)
    ]
    with cgutils.for_range(builder, rows, intp=_WORD) as row:
        begin = builder.add(first, builder.mul(row.index, width))
        line = builder.gep(costs, [begin])
        own = builder.load(builder.gep(potentials, [builder.add(at_f, row.index)]))
        own = _spread(builder, own, _DOUBLES)
        with cgutils.for_range_slice(builder, _WORD(0), count, _WORD(STEP), intp=_WORD) as (step, _):
            for half, (least, place) in enumerate(found):
                k = builder.add(step, _WORD(half * LANES))
                reduced = builder.fsub(_load(builder, line, k), builder.fadd(_load(builder, columns, k), own))
                now = reduced, _spread(builder, builder.add(begin, k), _WORDS)
                now = _lesser(builder, now, (builder.load(least), builder.load(place)))
                builder.store(now[0], least)
                builder.store(now[1], place)
    even, odd = (tuple(map(builder.load, half)) for half in found)
    value, place = _lesser(builder, odd, even)
    place = builder.add(place, ir.Constant(_WORDS, list(range(LANES))))
    size = LANES
    while size > 1:
        size //= 2
        low, high = (_pick(builder, (value, place), part * size, size) for part in (0, 1))
        value, place = _lesser(builder, high, low)
    ends = [builder.extract_element(each, _INDEX(0)) for each in (value, place)]
    return context.make_tuple(builder, signature.return_type, ends)


_NOTHING = ((_DOUBLES, float("inf")), (_WORDS, 0))


def _data(context: Any, builder: ir.IRBuilder, signature: Any, which: int, array: Any) -> Any:
    """Return where an argument's elements begin."""
    return context.make_array(signature.args[which])(context, builder, array).data


def _load(builder: ir.IRBuilder, start: Any, k: Any) -> Any:
    return builder.load(builder.bitcast(builder.gep(start, [k]), _DOUBLES.as_pointer()), align=8)


def _lesser(builder: ir.IRBuilder, one: tuple[Any, ...], other: tuple[Any, ...]) -> tuple[Any, Any]:
    """Return the lesser of two numbers with its place, in each lane; the other one if they are the same."""
    is_less = builder.fcmp_ordered("<", one[0], other[0])
    return builder.select(is_less, one[0], other[0]), builder.select(is_less, one[1], other[1])


def _pick(builder: ir.IRBuilder, vectors: tuple[Any, Any], first: int, size: int) -> tuple[Any, ...]:
    """Return so many lanes of two vectors, from the first on."""
    lanes = ir.Constant(ir.VectorType(_INDEX, size), list(range(first, first + size)))
    return tuple(
        builder.shuffle_vector(each, ir.Constant(each.type, ir.Undefined), lanes) for each in vectors
    )


def _spread(builder: ir.IRBuilder, value: Any, kind: ir.VectorType) -> Any:
    """Return a vector with the same value in each lane."""
    nothing = ir.Constant(kind, ir.Undefined)
    zeros = ir.Constant(ir.VectorType(_INDEX, LANES), [0] * LANES)
    return builder.shuffle_vector(builder.insert_element(nothing, value, _INDEX(0)), nothing, zeros)
