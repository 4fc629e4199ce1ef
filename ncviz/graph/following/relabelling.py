"""What puts units in another order or shape, joins, enlarges or pads them: the same units in other places."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.utils._pytree import tree_map

from ncviz.errors import ModelError
from ncviz.graph import operations as ops
from ncviz.graph.following.ahead import Ahead
from ncviz.graph.following.joins import channel_axis
from ncviz.graph.following.scores import Scores
from ncviz.graph.following.strewn import Strewn, as_traced, axis_of_images, images_first, numbers_of
from ncviz.graph.growing import Growing
from ncviz.graph.neural_graph import Tap
from ncviz.graph.tracing import BATCH, Shapes
from ncviz.graph.values import APART, Pending, Units, UnreadableError, flat, layout_of


class Relabelling:
    """Follows what leaves units what they are.

    Args:
        grown: The graph so far.
        ahead: What the trace does with each value.
        modules: The trace's modules by name.
        shapes: Shape that each operation returns.
        learned: Names of the parameters that an operation's constant is made of.
    """

    def __init__(
        self,
        grown: Growing,
        ahead: Ahead,
        modules: Mapping[str, nn.Module],
        shapes: Shapes,
        learned: Callable[[fx.Node], tuple[str, ...]],
    ) -> None:
        self.grown, self.ahead, self.modules, self.shapes = grown, ahead, modules, shapes
        self._learned = learned

    def plain(self, n: fx.Node, args: Any, kwargs: Any) -> Any:
        """Run what knows nothing of units, such as arithmetic on sizes."""
        if n.op == "call_module":
            return self.modules[str(n.target)](*args, **kwargs)
        if n.op == "call_method":
            return getattr(args[0], str(n.target))(*args[1:], **kwargs)
        return n.target(*args, **kwargs)  # type: ignore[operator]

    def is_taken_apart(self, n: fx.Node, found: Any, env: Mapping[fx.Node, Any]) -> bool:
        """Whether no two of those that read an operation's units, in another order, take one of them both.

        Args:
            n: The operation.
            found: What it returns.
            env: What those before it return.
        """
        known = {
            n: tree_map(lambda each: _traced(each)[0] if isinstance(each, (Pending, Strewn)) else each, found)
        }

        def value_of(node: fx.Node) -> Any:
            if node not in known:
                if self.ahead.is_activation(node):  # which is read for its shape
                    known[node] = torch.empty(self.shapes[node.name])
                else:
                    known[node] = env[node] if node in env else taken_by(node)
            return known[node]

        def taken_by(node: fx.Node) -> Any:
            return self.plain(node, *fx.node.map_arg((node.args, node.kwargs), value_of))

        taken: set[int] = set()
        for user in self.ahead.readers(n):
            own = (part.reshape(-1) for part in flat([taken_by(user)]))
            taking = {int(unit) for part in own for unit in part[part < APART]}
            if taken & taking:
                return False
            taken |= taking
        return True

    def relabelled(self, n: fx.Node, args: Any, kwargs: Any) -> Any:
        """Follow what puts units in another order or shape, takes some of them, or repeats them."""
        first = args[0]
        if ops.name_of(n, dict(self.modules)).endswith("_as"):
            # like another value, of which only the shape counts
            like = args[1].shape if isinstance(args[1], Tensor) else args[1].traced_shape
            args = (first, torch.empty(like))
        if isinstance(first, Scores):
            found = [self.plain(n, [part, *args[1:]], kwargs) for part in first.parts]
            if not isinstance(found[0], Tensor):
                raise UnreadableError("takes scores of an attention apart, which is not supported")
            return first.moved(n, *found)
        own = first.value if isinstance(first, Strewn) else first
        if isinstance(own, Pending) and (self.ahead.is_factor(n) or self.ahead.is_merged(n)):
            kept = self._rearranged(n, first, own, args, kwargs)
            if kept is not None:
                return kept
        if not isinstance(own, (Units, Pending)):  # an item of several
            return self.plain(n, args, kwargs)
        done = [self._finished(v) for v in args]
        parts = [[_traced(v)[at] if isinstance(v, (Units, Strewn)) else v for v in done] for at in (0, 1)]
        found = [self.plain(n, part, kwargs) for part in parts]
        if isinstance(found[0], Tensor):
            return self._placed(n, *found)
        return [self._placed(n, ids, stamps) for ids, stamps in zip(*found, strict=True)]

    def _finished(self, value: Any) -> Any:
        if isinstance(value, Strewn):
            return Strewn(self.grown.finish(value.value), value.axis)
        return self.grown.finish(value) if isinstance(value, Pending) else value

    def _rearranged(self, n: fx.Node, value: Any, own: Pending, args: Any, kwargs: Any) -> Any:
        """Put the units of a sum that goes on in another order; None if it cannot go on so."""
        found = self.plain(n, [_traced(value)[0], *args[1:]], kwargs)
        is_one = isinstance(found, Tensor)
        pending: list[Pending] = []
        parts: list[Pending | Strewn] = []
        for each in [found] if is_one else found:
            axis = self._images(n, each)
            first = each.contiguous() if axis is None else images_first(each, axis).contiguous()
            part = own.arranged(first, n)
            pending.append(part)
            parts.append(part if axis is None else Strewn(part, axis))
        if all(part.is_whole for part in pending) or self.ahead.is_factor(n):
            # Of several parts each is told apart where it is taken, which is no place to read an activation.
            return parts[0] if is_one else None if own.is_changed and not own.is_whole else parts
        return None

    def _placed(self, n: fx.Node, ids: Tensor, stamps: Tensor) -> Units | Strewn:
        """Return units with their images first.

        Raises:
            ModelError: Naming the operation, if it mixes the images of a batch.
        """
        axis = self._images(n, ids)
        if axis is None:
            return Units(ids.contiguous(), stamps.contiguous(), n)
        first, of_first = (images_first(each, axis).contiguous() for each in (ids, stamps))
        return Strewn(Units(first, of_first, n), axis)

    def _images(self, n: fx.Node, ids: Tensor) -> int | None:
        """Return along which axis a traced value's images lie; None where it is the first, and nothing else there.

        Raises:
            ModelError: Naming the operation, if it mixes the images of a batch.
        """
        axis = axis_of_images(ids)
        if axis is None:
            before = self.shapes.get(n.all_input_nodes[0].name, ())
            raise ModelError(
                f"{_title(n)} '{n.target if n.op == 'call_module' else n.name}' turns {list(before)} into "
                f"{list(self.shapes.get(n.name, ()))} for {BATCH} images; expected one row for each image."
            )
        if axis == 0 and len(ids) == BATCH:
            return None
        self.grown.image_axes[n.name] = axis
        return axis

    def joined(self, n: fx.Node, args: Any, kwargs: Any) -> Any:
        """Follow a concatenation; a constant is units that read nothing (a class token), or zeros that are none."""
        given = args[0] if args else kwargs["tensors"]
        others = {key: value for key, value in kwargs.items() if key != "tensors"}
        first = given[0]
        if isinstance(first, Pending) and all(each is first for each in given) and self.ahead.is_factor(n):
            repeated = self.plain(n, [[each.arrangement for each in given], *args[1:]], others)
            return first.arranged(repeated, n)
        parts = [self._finished(v) for v in given]
        units = [part for part in parts if isinstance(part, (Units, Strewn))]
        if len(units) < len(parts):
            if not all(isinstance(part, (Units, Tensor)) for part in parts):
                raise UnreadableError("joins units to constants, which is not supported")
            nodes = flat(list(n.args) or [n.kwargs["tensors"]])

            def together(each: list[Tensor]) -> Tensor:
                found: Tensor = self.plain(n, [each, *args[1:]], others)
                return found

            assert isinstance(units[0], Units)
            parts = [
                part if isinstance(part, Units) else self._token(n, node, at, parts, units[0], together)
                for at, (part, node) in enumerate(zip(parts, nodes, strict=False))
            ]
        ids, stamps = (
            self.plain(n, [[_traced(part)[at] for part in parts], *args[1:]], others) for at in (0, 1)
        )
        return self._placed(n, ids, stamps)

    def _token(
        self,
        n: fx.Node,
        node: Any,
        at: int,
        parts: Sequence[Units | Tensor],
        like: Units,
        together: Callable[[list[Tensor]], Tensor],
    ) -> Units:
        """Return a constant that is joined to units as units whose in-neighbours are none, zeros as no units.

        Args:
            n: The operation that joins them.
            node: The one that returns the constant.
            at: Which part the constant is.
            parts: All of them.
            like: One whose channels lie as the constant's do.
            together: Joins parts.

        Raises:
            UnreadableError: If it is not the same for each image.
        """
        constant = parts[at]
        assert isinstance(constant, Tensor)
        names = self._learned(node) if isinstance(node, fx.Node) else ()
        if not names and not constant.any():
            nothing = torch.full(constant.shape, -1, dtype=torch.int64)
            return Units(nothing, nothing, n)
        if not torch.equal(constant[0], constant[1]):
            raise UnreadableError(
                "joins constants that are not the same for each image, which is not supported"
            )
        layer, arrangement = layout_of(tuple(constant.shape), channel_axis(self.grown, like))
        empty = [torch.full(_shape_of(part), -1, dtype=torch.int64) for part in parts]
        empty[at] = arrangement
        order = together(empty)[0].reshape(-1).numpy()
        found = self.grown.layer(
            n, layer, names[-1].removesuffix(".weight") if names else n.name, Tap(n.name, order)
        )
        flat_ids, flat_stamps = (each.reshape(BATCH, -1) for each in (found.ids, found.stamps))
        own = arrangement[0].reshape(-1)
        assert prod(layer) == len(own)
        return Units(flat_ids[:, own].reshape(constant.shape), flat_stamps[:, own].reshape(constant.shape), n)

    def enlarged(self, n: fx.Node, args: Any, kwargs: Any) -> Units | Strewn:
        """Follow what repeats the nearest unit.

        Raises:
            UnreadableError: If it mixes neighbours.
        """
        settings = self.modules[str(n.target)] if n.op == "call_module" else None
        mode = getattr(settings, "mode", kwargs.get("mode", args[3] if len(args) > 3 else "nearest"))
        if n.op == "call_function" and isinstance(n.target, torch._ops.OpOverload):
            mode = "nearest"
        if not str(mode).startswith("nearest"):
            raise UnreadableError(f"mixes neighbouring units (mode '{mode}'), which is not supported")
        value = self.grown.finish(args[0] if args else kwargs["input"])
        # Torch enlarges no whole numbers; these are exact as floating ones, too.
        others = {k: v for k, v in kwargs.items() if k != "input"}
        ids, stamps = (
            self.plain(n, [part.double(), *args[1:]], others).long() for part in (value.ids, value.stamps)
        )
        return self._placed(n, ids, stamps)

    def padded(self, n: fx.Node, args: Any, kwargs: Any) -> Units | Strewn:
        """Follow padding with zeros, which are no units.

        Raises:
            UnreadableError: If it pads with something else.
        """
        value = self.grown.finish(args[0])
        if n.op == "call_module":
            layer = self.modules[str(n.target)]
            amounts, mode, fill = layer.padding, "constant", getattr(layer, "value", 0.0)
        else:
            given = dict(zip(("pad", "mode", "value"), args[1:], strict=False)) | kwargs
            if isinstance(given.get("mode"), (int, float)):  # ATen's has no mode
                given = {"pad": given["pad"], "value": given["mode"]}
            amounts, mode, fill = given["pad"], given.get("mode", "constant"), given.get("value") or 0.0
        if mode != "constant" or fill != 0.0:
            raise UnreadableError(
                f"pads with something else than zeros (mode '{mode}'), which is not supported"
            )
        ids, stamps = (
            torch.nn.functional.pad(part, list(amounts), value=-1)  # type: ignore[arg-type]
            for part in (value.ids, value.stamps)
        )
        return self._placed(n, ids, stamps)


def _traced(value: Units | Pending | Strewn) -> tuple[Tensor, Tensor]:
    """Return the numbers of a value's units as they lie in the trace, and which of its values each has."""
    own = value.value if isinstance(value, Strewn) else value
    both = numbers_of(own), own.stamps if isinstance(own, Units) else numbers_of(own)
    if isinstance(value, Strewn):
        return as_traced(both[0], value.axis), as_traced(both[1], value.axis)
    return both


def _shape_of(value: Units | Tensor) -> tuple[int, ...]:
    return tuple(value.shape) if isinstance(value, Tensor) else value.traced_shape


def _title(n: fx.Node) -> str:
    return ops.name_of(n, {}).capitalize() if n.op != "call_module" else "Layer"
