"""Operators on values whose images do not lie along the first axis alone, as in an attention that a file writes out.

Exporters write [tokens, images, channels], or heads and windows among the images: [images · heads, tokens, size]. Here
every value keeps its images first, and only where the file has them is noted; so a network that is read is one of
plain layers, and gives one row for each image.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from ncviz.models.files.graph.activations import Pointwise
from ncviz.models.files.graph.reader import BATCH, GraphReader, Node, OfImages, Strewn, Value

_RESHAPES = frozenset({"flatten", "reshape"})


def weights_of(reader: GraphReader, node: Node, value: Value | None, what: str = "weights") -> np.ndarray:
    """Return a constant, refusing activations in its place."""
    if not isinstance(value, np.ndarray) or isinstance(value, OfImages):
        raise reader.refusal(
            node, f"has {what} that the network computes (as attention does), expected constants"
        )
    return value


def check_settings(reader: GraphReader, node: Node, given: Sequence[Value | None], what: str) -> None:
    """Refuse settings that the network computes; some may be left out."""
    for each in given:
        if each is not None:
            weights_of(reader, node, each, what)


def cut_out(reader: GraphReader, node: Node, value: Value, cuts: Sequence[tuple[int, slice]]) -> Value:
    """Return what is left of activations, their images first, of some axes."""
    for axis, chosen in cuts:
        if chosen.step != 1:
            raise reader.refusal(node, "takes every other of an axis (steps), which is not supported")
        value = reader.part(node, value, axis, chosen.start, chosen.stop)
    return value


def reshaped(reader: GraphReader, node: Node, step: str, target: tuple[int, ...]) -> Value:
    """Give a step another shape of as many values, by the plainest operation."""
    shape = reader.builder.shapes[step]
    if prod(target) != prod(shape) or min(target, default=0) < 1:
        raise reader.refusal(
            node, f"makes {list(shape)} into {list(target)}, which holds another number of values"
        )
    if target == shape:
        return reader.start(step)
    before = reader.builder.step(step)
    if before is not None and before.operation in _RESHAPES:
        # What is given another shape and then its own again was never changed.
        source = before.inputs[0]
        if reader.builder.shapes[source] == target:
            return reader.start(source)
    if len(target) == 1:
        return reader.start(reader.builder.add(node.hint, "flatten", (step,), start=1))
    return reader.start(reader.builder.add(node.hint, "reshape", (step,), shape=target))


def placed(reader: GraphReader, node: Node, value: Value, target: Sequence[int]) -> Value:
    """Return activations in another shape of the file's, wherever its images then lie.

    Args:
        reader: The graph so far.
        node: What gives them that shape.
        value: What it reads.
        target: The shape, with a multiple of ``BATCH`` where the images are and one -1 for what is left.

    Raises:
        ModelError: If that divides the images of a batch, or is another number of values.
    """
    inner, axis, before, _ = parts_of(value)
    step = reader.step_of(inner, node)
    sizes = sizes_of(reader, node, value)
    # Of one image, in the file's order: what stands before its images, and behind.
    outer = prod(sizes[:axis]) * before
    behind = prod(sizes) // max(1, outer)
    found = _place_of_images(reader, list(target), outer, behind)
    if found is None:
        raise reader.refusal(node, f"reshapes across the batch, to {_told(target)}, which is not supported")
    shape, axis, before = found
    return as_file_has_it(reader, node, step, shape, axis, before)


def _place_of_images(
    reader: GraphReader, target: list[int], outer: int, behind: int
) -> tuple[list[int], int, int] | None:
    """Return a shape's sizes for one image, which axis the images lie along, and what before them; None if none."""
    if reader.batch == 1:
        # One image lies wherever it is said to lie: in front of everything.
        target = [size // BATCH if _is_of_images(size) else size for size in target]
    marked = [at for at, size in enumerate(target) if _is_of_images(size)]
    left = [at for at, size in enumerate(target) if size == -1]
    if len(marked) > 1 or len(left) > 1 or any(size < -1 and not _is_of_images(size) for size in target):
        return None
    images = 1 if marked or reader.batch is None else reader.batch
    sizes = [size // BATCH if _is_of_images(size) else size for size in target]
    if left and (marked or reader.batch is not None):
        rest = prod(size for size in sizes if size != -1)
        if rest < 1 or (images * outer * behind) % rest:
            return None
        sizes[left[0]] = images * outer * behind // rest
    if marked or reader.batch is None:
        at = marked[0] if marked else left[0] if left else None
        if at is None:
            return None
    elif images == 1:
        return (sizes, 0, 1) if prod(sizes) == outer * behind else None
    else:
        at = next(
            (
                axis
                for axis in range(len(sizes))
                if outer % prod(sizes[:axis]) == 0 and prod(sizes[: axis + 1]) % (outer * images) == 0
            ),
            None,
        )
        if at is None or sizes[at] % images:
            return None
        sizes[at] //= images
    first, last = prod(sizes[:at]), prod(sizes[at + 1 :])
    if min(first, last) < 1 or outer % first or behind % last:
        return None
    own = outer // first * (behind // last)
    if sizes[at] not in (-1, own):
        return None
    sizes[at] = own
    return sizes, at, outer // first


def as_file_has_it(
    reader: GraphReader, node: Node, step: str, sizes: Sequence[int], axis: int, before: int
) -> Value:
    """Return a step's values, of one image the given sizes, its images along an axis of the file's.

    Args:
        reader: The graph so far.
        node: What gives them.
        step: Images first, its values in the file's order.
        sizes: Of the file's axes for one image.
        axis: Along which its images lie.
        before: How much of what else lies along it stands before the images.
    """
    own = [size for at, size in enumerate(sizes) if at != axis or size > 1]
    if not own:
        raise reader.refusal(node, "leaves no axis beside that of the images, which is not supported")
    value = reshaped(reader, node, step, tuple(own))
    if axis == 0 and sizes[0] == 1:
        return value
    assert isinstance(value, Pointwise)
    return Strewn(value, axis, before, sizes[axis] // before)


def transposed(reader: GraphReader, node: Node, value: Value, axes: Sequence[int]) -> Value:
    """Return activations with the file's axes in another order."""
    inner, axis, before, behind = parts_of(value)
    step = reader.step_of(inner, node)
    sizes = sizes_of(reader, node, value)
    if reader.batch == 1:
        axis, before, behind = 0, 1, sizes[0]
    own = own_axes(len(sizes), axis, before * behind)
    order = [own[each] for each in axes if own[each]]
    if reader.batch == 1 and axes[0] != 0:
        # The first axis may go where it has to be seen.
        step = reader.step_of(reshaped(reader, node, step, tuple(sizes)), node)
        order = [each + 1 for each in axes]
    # Axes of size 1 may stand anywhere.
    seen = [each for each in order if reader.builder.shapes[step][each - 1] > 1]
    if seen != sorted(seen):
        step = reader.builder.add(node.hint, "permute", (step,), axes=(0, *order))
    turned = [sizes[each] for each in axes]
    if reader.batch == 1:
        return as_file_has_it(reader, node, step, turned, 0, 1)
    return as_file_has_it(reader, node, step, turned, list(axes).index(axis), before)


def multiplied(reader: GraphReader, node: Node, one: Value, other: Value) -> Value:
    """Return the matrix product of two activations, each image's with its own."""
    full = [_whole(reader, node, each) for each in (one, other)]
    axes = max(len(sizes) for _, sizes, _, _ in full)
    places = {(axes - len(sizes) + axis, before) for _, sizes, axis, before in full}
    if reader.batch == 1:
        places = {(0, 1)}
    if len(places) > 1 or min(len(sizes) for _, sizes, _, _ in full) < 2:
        raise reader.refusal(
            node, "multiplies activations whose images lie along different axes, which is not supported"
        )
    axis, before = places.pop()
    if axis >= axes - 2 and reader.batch != 1:
        raise reader.refusal(node, "multiplies the images of a batch by each other, which is not supported")
    steps = []
    for step, sizes, _, _ in full:
        wide = (*(1,) * (axes - len(sizes)), *sizes)
        steps.append(reader.step_of(reshaped(reader, node, step, _without_one(wide, axis, reader)), node))
    kind = "mixed" if any(_is_softmaxed(reader, step) for step in steps) else "product"
    made = reader.builder.add(reader.place_of(node, kind), "matmul", tuple(steps))
    (_, left, _, _), (_, right, _, _) = full
    front = np.broadcast_shapes(tuple(left[:-2]), tuple(right[:-2]))
    return as_file_has_it(reader, node, made, [*map(int, front), left[-2], right[-1]], axis, before)


def _is_softmaxed(reader: GraphReader, name: str) -> bool:
    step = reader.builder.step(name)
    while step is not None and step.operation in ("reshape", "permute", "narrow"):
        step = reader.builder.step(step.inputs[0])
    return step is not None and step.operation == "softmax"


def _without_one(sizes: Sequence[int], axis: int, reader: GraphReader) -> tuple[int, ...]:
    """Return sizes without the images' axis where nothing else lies along it."""
    if reader.batch == 1:
        return tuple(sizes)
    return tuple(size for at, size in enumerate(sizes) if at != axis or size > 1)


def _whole(reader: GraphReader, node: Node, value: Value) -> tuple[str, list[int], int, int]:
    inner, axis, before, _ = parts_of(value)
    sizes = sizes_of(reader, node, value)
    return reader.step_of(inner, node), sizes, axis, before


def parts_of(value: Value) -> tuple[Pointwise, int, int, int]:
    """Return activations with their images first, and where the file has these, as in ``Strewn``."""
    if isinstance(value, Strewn):
        return value.value, value.axis, value.before, value.behind
    assert isinstance(value, Pointwise)
    return value, 0, 1, 1


def own_axes(axes: int, images: int, also: int) -> list[int]:
    """Return which axis each of the file's is where the images are first; 0 for theirs, if nothing else is along."""
    own, at = [], 1
    for axis in range(axes):
        is_kept = axis != images or also > 1
        own.append(at if is_kept else 0)
        at += is_kept
    return own


def _is_of_images(size: int) -> bool:
    return size <= BATCH and size % BATCH == 0


def _told(target: Sequence[int]) -> list[int | str]:
    return ["images" if size == BATCH else size for size in target[:9]]


def sizes_of(reader: GraphReader, node: Node, value: Value) -> list[int]:
    """Return the sizes of an activation's axes in the file, for one image."""
    return [size // BATCH if size < 0 else size for size in reader.file_shape(value, node)]
