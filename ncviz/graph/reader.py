"""Follows a trace and finds the layers of units in it, what each of them reads, and where its activation is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.utils._pytree import tree_map

from ncviz.config import GraphConfig
from ncviz.errors import ModelError
from ncviz.graph import operations as ops
from ncviz.graph.calls import Call, read_call
from ncviz.graph.following.ahead import Ahead
from ncviz.graph.following.arithmetic import added, gated, multiplied
from ncviz.graph.following.norms import batch_normed, normed
from ncviz.graph.forward.contractions import CONTRACTIONS, contracted
from ncviz.graph.forward.origins import Origins
from ncviz.graph.growing import Growing
from ncviz.graph.neural_graph import NeuralGraph, Tap
from ncviz.graph.tracing import BATCH, Several, Shapes
from ncviz.graph.values import (
    APART,
    NOT_SUPPORTED,
    Pending,
    Probabilities,
    Problem,
    Units,
    UnreadableError,
    flat,
    layout_of,
    readers,
    sentence,
    size_of,
)

# Torch's own names of a function's first arguments, for what is given by name and read by place.
_BY_PLACE = ("input", "other")


class Reader(fx.Interpreter):
    """Reads a trace. What it cannot read becomes a problem and a layer without edges, and it goes on."""

    def __init__(
        self,
        traced: fx.GraphModule,
        shapes: Shapes,
        several: dict[str, Several],
        names: dict[int, str],
        how: GraphConfig,
    ) -> None:
        super().__init__(traced, garbage_collect_values=False)
        self.extra_traceback = False  # fx would write its own lines into our sentences
        self.named_modules = dict(traced.named_modules())
        self.traced, self.shapes, self.several = traced, shapes, several
        self.names = {id(tensor): key for key, tensor in traced.named_parameters()} | names
        self.grown, self.ahead = Growing(how), Ahead(traced, self.named_modules)
        self.written_out = self.ahead.written_out
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self.output: Any = None

    def run_node(self, n: fx.Node) -> Any:
        """Take in the next operation; fx calls this for each of the trace."""
        if n.op == "placeholder":
            return self.grown.layer(n, self.shapes[n.name][1:], "input", Tap(n.name))
        if n.op == "get_attr":
            return self.fetch_attr(str(n.target))
        root = self.written_out.root_of(n)
        if root is not None and isinstance(self.env[root], (Units, Pending)):
            return self._activated(n, self.env[root]) if n in self.written_out.reads else None
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        if n.op == "output":
            self.output = args[0]
            return None
        for at, name in enumerate(_BY_PLACE):
            if len(args) == at and name in kwargs:
                args, kwargs = (*args, kwargs[name]), {k: v for k, v in kwargs.items() if k != name}
        read = [
            value
            for value in flat([*args, *kwargs.values()])
            if isinstance(value, (Units, Pending, Probabilities))
        ]
        if not read:
            return self._plain(n, args, kwargs)
        try:
            found = self._symbolic(n, args, kwargs, read)
        except UnreadableError as error:
            self.problems.append(Problem(ops.describe(n, self.named_modules), str(error)))
            found = self._opaque(n)
        is_alone = readers(n) < 2 or self.written_out.only_reader(n) is not None
        if not is_alone and not (self.ahead.is_factor(n) and self._is_taken_apart(n, found)):
            # Each of those that read it reads these units; a sum can grow only on its way to a single one.
            return tree_map(
                lambda each: self.grown.finish(each) if isinstance(each, Pending) else each, found
            )
        return found

    def _is_taken_apart(self, n: fx.Node, found: Any) -> bool:
        """Whether no two of those that read an operation's units, in another order, take one of them both."""
        known = {n: tree_map(lambda each: each.arrangement if isinstance(each, Pending) else each, found)}

        def value_of(node: fx.Node) -> Any:
            if node not in known:
                if self.ahead.is_activation(node):  # which is read for its shape
                    known[node] = torch.empty(self.shapes[node.name])
                else:
                    known[node] = self.env[node] if node in self.env else taken_by(node)
            return known[node]

        def taken_by(node: fx.Node) -> Any:
            return self._apply(node, *fx.node.map_arg((node.args, node.kwargs), value_of))

        taken: set[int] = set()
        for user in self.ahead.readers(n):
            taking = {int(unit) for part in flat([taken_by(user)]) for unit in part[0].reshape(-1)}
            if taken & taking:
                return False
            taken |= taking
        return True

    @cached_property
    def origins(self) -> Origins:
        """Finds the parameter that a weight is computed from; to be asked while the trace is read."""
        return Origins(self.traced, self.env, self.names)

    def result(self) -> NeuralGraph:
        """Return what was read.

        Raises:
            ModelError: Naming everything that could not be read, or if its output is no layer of logits.
        """
        if self.problems:
            raise ModelError(sentence(self.problems))
        self.notes += self.origins.notes()
        return self.grown.result(self.output)

    def _symbolic(
        self, n: fx.Node, args: Any, kwargs: Any, read: list[Units | Pending | Probabilities]
    ) -> Any:
        name, first = ops.operation(n, self.named_modules), read[0]
        if n.target is getattr and args[1] in ("device", "dtype"):
            return getattr(next(self.traced.parameters(), torch.zeros(0)), args[1])
        if ops.name_of(n, self.named_modules) in ops.LIKE:
            return self._plain(n, [torch.zeros(self.shapes[n.all_input_nodes[0].name]), *args[1:]], kwargs)
        if name in ops.SHAPE:
            return size_of(n, read[0], args)
        for value in read:
            if isinstance(value, Probabilities):
                if name in ops.SILENT | ops.CASTS:
                    return value
                raise ModelError(
                    f"Layer '{value.name}' is a softmax inside the network; only one at its end is supported."
                )
        assert not isinstance(first, Probabilities)
        module = self.named_modules[str(n.target)] if n.op == "call_module" else None
        if name in ops.SILENT:
            return first
        if name in ops.CASTS:
            return self._cast(n, args, kwargs, first)
        if name in ops.SOFTMAX:
            return Probabilities(first, str(n.target) if n.op == "call_module" else n.name)
        if name in ops.POINTWISE:
            if len(read) > 1:
                raise UnreadableError("is a function of several activations, which is not supported")
            return self._activated(n, first)
        if name in ops.RELABEL:
            return self._relabelled(n, args, kwargs)
        if name in ops.JOIN:
            return self._joined(n, args, kwargs)
        if name in ops.NEAREST:
            return self._enlarged(n, args, kwargs)
        if name == "pad":
            return self._padded(n, args, kwargs)
        if name in ("add", "sub"):
            if len(read) > 1 and kwargs.get("alpha", 1) != 1:
                raise UnreadableError("adds a multiple (alpha), which is not supported")
            return added(self.grown, n, args, self.shapes[n.name])
        if name in ("mul", "div"):
            return multiplied(self.grown, n, args, name, self.shapes[n.name])
        if name == "glu":
            axis = (
                module.dim
                if isinstance(module, nn.GLU)
                else kwargs.get("dim", args[1] if len(args) > 1 else -1)
            )
            return gated(self.grown, n, first, int(axis), self.shapes[n.name])
        if name.startswith("batch_norm"):
            return batch_normed(self.grown, n, name, module, args, kwargs)
        if name in ops.NORMS:
            return normed(self.grown, n, name, module, args, kwargs)
        if ops.name_of(n, self.named_modules) in CONTRACTIONS:
            return contracted(self.grown, n, ops.name_of(n, self.named_modules), args, kwargs, self.origins)
        if not name:
            raise UnreadableError(NOT_SUPPORTED)
        call = read_call(name, n, module, args, kwargs, self.names, self.origins, self.shapes[n.name])
        return self._computed(n, call, self.grown.finish(first))

    def _activated(self, n: fx.Node, value: Any) -> Any:
        """Return what an activation function makes of units, or of a factor that goes on into a product."""
        if isinstance(value, Pending) and self.ahead.is_factor(n):
            return value.followed(n, is_closed=True)
        return self.grown.activated(n, value)

    def _computed(self, n: fx.Node, call: Call, value: Units) -> Pending:
        """Return a weight layer or a pooling."""
        problem = call.problem(value.own.shape)
        if problem:
            raise UnreadableError(problem)
        terms = call.terms(value.own)
        shape = self.shapes[n.name][1:]
        is_last = len(shape) > 1 and call.is_last(value.own.ndim)
        layer, arrangement = layout_of(self.shapes[n.name], len(shape) - 1 if is_last else 0)
        return Pending(tuple(terms), layer, arrangement, n)

    def _opaque(self, n: fx.Node) -> Units | tuple[Units | None, ...]:
        """Stand in for what could not be read, so that the rest can be looked at too."""

        def units(shape: tuple[int, ...] | None) -> Units | None:
            if shape is None:
                return None
            if shape[:1] != (BATCH,):
                raise ModelError(sentence(self.problems))
            return self.grown.layer(n, shape[1:], n.name, Tap(n.name))

        if n.name in self.several:
            return tuple(units(shape) for shape in self.several[n.name])
        found = units(self.shapes.get(n.name, ()))
        assert found is not None
        return found

    def _cast(self, n: fx.Node, args: Any, kwargs: Any, value: Units | Pending) -> Any:
        """Follow a change of number type: units are what they are, as long as they are not rounded."""

        def plain(each: Any) -> Any:
            return torch.zeros(each.traced_shape) if isinstance(each, (Units, Pending)) else each

        found = self._plain(n, *tree_map(plain, (args, kwargs)))
        if not isinstance(found, Tensor):  # x.type() asks what it is
            return found
        if not found.is_floating_point():
            raise UnreadableError(f"rounds activations to {found.dtype}, which is not supported")
        return value

    def _relabelled(self, n: fx.Node, args: Any, kwargs: Any) -> Any:
        first = args[0]
        if ops.name_of(n, self.named_modules).endswith(
            "_as"
        ):  # like another value, of which only the shape counts
            args = (
                first,
                torch.empty(args[1].shape if isinstance(args[1], Tensor) else args[1].traced_shape),
            )
        if isinstance(first, Pending) and (self.ahead.is_factor(n) or self.ahead.is_merged(n)):
            kept = self._rearranged(n, first, args, kwargs)
            if kept is not None:
                return kept
        done = [self.grown.finish(v) if isinstance(v, Pending) else v for v in args]
        if not isinstance(done[0], Units):  # an item of several
            return self._plain(n, args, kwargs)
        found = [self._apply(n, [getattr(v, part) if isinstance(v, Units) else v for v in done], kwargs)
                 for part in ("ids", "stamps")]  # fmt: skip
        if isinstance(found[0], Tensor):
            return self._checked(n, Units(found[0].contiguous(), found[1].contiguous(), n))
        return [self._checked(n, Units(ids, stamps, n)) for ids, stamps in zip(*found, strict=True)]

    def _rearranged(self, n: fx.Node, value: Pending, args: Any, kwargs: Any) -> Any:
        """Put the units of a sum that goes on in another order; None if it cannot go on so."""
        found = self._apply(n, [value.arrangement, *args[1:]], kwargs)
        is_one = isinstance(found, Tensor)
        parts = [value.arranged(each.contiguous(), n) for each in ([found] if is_one else found)]
        for part in parts:
            self._check_images(n, part.arrangement)
        if all(part.is_whole for part in parts) or self.ahead.is_factor(n):
            # Of several parts each is told apart where it is taken, which is no place to read an activation.
            return parts[0] if is_one else None if value.is_changed and not value.is_whole else parts
        return None

    def _apply(self, n: fx.Node, args: Sequence[Any], kwargs: Any) -> Any:
        if n.op == "call_module":
            return self.named_modules[str(n.target)](*args, **kwargs)
        return self._plain(n, args, kwargs)

    def _checked(self, n: fx.Node, value: Units) -> Units:
        """Refuse what mixes the images of a batch.

        Raises:
            ModelError: Naming the operation.
        """
        self._check_images(n, value.ids)
        return value

    def _check_images(self, n: fx.Node, ids: Tensor) -> None:
        is_fit = len(ids) == BATCH and bool(
            ((ids[0] + APART == ids[1]) | ((ids[0] < 0) & (ids[1] < 0))).all()
        )
        if not is_fit:
            before = self.shapes.get(n.all_input_nodes[0].name, ())
            raise ModelError(
                f"{_title(n)} '{n.target if n.op == 'call_module' else n.name}' turns {list(before)} into "
                f"{list(self.shapes.get(n.name, ()))} for {BATCH} images; expected one row for each image."
            )

    def _joined(self, n: fx.Node, args: Any, kwargs: Any) -> Units | Pending:
        given = args[0] if args else kwargs["tensors"]
        others = {key: value for key, value in kwargs.items() if key != "tensors"}
        first = given[0]
        if isinstance(first, Pending) and all(each is first for each in given) and self.ahead.is_factor(n):
            repeated = self._apply(n, [[each.arrangement for each in given], *args[1:]], others)
            return first.arranged(repeated, n)
        parts = [self.grown.finish(v) if isinstance(v, Pending) else v for v in given]
        if not all(isinstance(part, Units) for part in parts):
            raise UnreadableError("joins units to constants, which is not supported")
        ids, stamps = (
            self._plain(n, [[getattr(part, name) for part in parts], *args[1:]], others)
            for name in ("ids", "stamps")
        )
        return self._checked(n, Units(ids, stamps, n))

    def _enlarged(self, n: fx.Node, args: Any, kwargs: Any) -> Units:
        settings = self.named_modules[str(n.target)] if n.op == "call_module" else None
        mode = getattr(settings, "mode", kwargs.get("mode", args[3] if len(args) > 3 else "nearest"))
        if n.op == "call_function" and isinstance(n.target, torch._ops.OpOverload):
            mode = "nearest"
        if not str(mode).startswith("nearest"):
            raise UnreadableError(f"mixes neighbouring units (mode '{mode}'), which is not supported")
        value = self.grown.finish(args[0] if args else kwargs["input"])
        # Torch enlarges no whole numbers; these are exact as floating ones, too.
        ids, stamps = (
            self._apply(
                n, [part.double(), *args[1:]], {k: v for k, v in kwargs.items() if k != "input"}
            ).long()
            for part in (value.ids, value.stamps)
        )
        return self._checked(n, Units(ids, stamps, n))

    def _padded(self, n: fx.Node, args: Any, kwargs: Any) -> Units:
        value = self.grown.finish(args[0])
        if n.op == "call_module":
            layer = self.named_modules[str(n.target)]
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
            torch.nn.functional.pad(part, list(amounts), value=-1) for part in (value.ids, value.stamps)
        )
        return self._checked(n, Units(ids, stamps, n))

    def _plain(self, n: fx.Node, args: Any, kwargs: Any) -> Any:
        """Run what knows nothing of units, such as arithmetic on sizes."""
        if n.op == "call_module":
            return self.named_modules[str(n.target)](*args, **kwargs)
        if n.op == "call_method":
            return getattr(args[0], str(n.target))(*args[1:], **kwargs)
        return n.target(*args, **kwargs)  # type: ignore[operator]


def _title(n: fx.Node) -> str:
    return ops.name_of(n, {}).capitalize() if n.op != "call_module" else "Layer"
