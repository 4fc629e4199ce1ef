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
from ncviz.graph.following.attending import multiplied_activations, softmaxed
from ncviz.graph.following.norms import batch_normed, normed
from ncviz.graph.following.relabelling import Relabelling
from ncviz.graph.following.scores import Scores, changed_scores
from ncviz.graph.following.strewn import Strewn, constant_like, images_first, one_axis
from ncviz.graph.forward.contractions import CONTRACTIONS, by_place, contracted
from ncviz.graph.forward.origins import Origins
from ncviz.graph.growing import Growing
from ncviz.graph.neural_graph import NeuralGraph, Tap
from ncviz.graph.tracing import BATCH, Several, Shapes
from ncviz.graph.values import (
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
# What is followed wherever the images lie.
_ANYWHERE = ops.SILENT | ops.CASTS | ops.RELABEL | ops.JOIN


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
        self.relabelling = Relabelling(
            self.grown, self.ahead, self.named_modules, shapes, lambda node: self.origins.parameters(node)
        )
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
            if isinstance(value, (Units, Pending, Probabilities, Scores, Strewn))
        ]
        if not read:
            return self.relabelling.plain(n, args, kwargs)
        try:
            found = self._symbolic(n, args, kwargs, read)
        except UnreadableError as error:
            self.problems.append(Problem(ops.describe(n, self.named_modules), str(error)))
            found = self._opaque(n)
        is_alone = readers(n) < 2 or self.written_out.only_reader(n) is not None
        if not is_alone and not (
            self.ahead.is_factor(n) and self.relabelling.is_taken_apart(n, found, self.env)
        ):
            # Each of those that read it reads these units; a sum can grow only on its way to a single one.
            return tree_map(self._finished, found)
        return found

    def _finished(self, value: Any) -> Any:
        if isinstance(value, Strewn):
            return Strewn(self.grown.finish(value.value), value.axis)
        return self.grown.finish(value) if isinstance(value, Pending) else value

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

    def _symbolic(self, n: fx.Node, args: Any, kwargs: Any, read: list[Any]) -> Any:
        name, first = ops.operation(n, self.named_modules), read[0]
        if n.target is getattr and args[1] in ("device", "dtype"):
            return getattr(next(self.traced.parameters(), torch.zeros(0)), args[1])
        if ops.name_of(n, self.named_modules) in ops.LIKE:
            return self.relabelling.plain(
                n, [torch.zeros(self.shapes[n.all_input_nodes[0].name]), *args[1:]], kwargs
            )
        if name in ops.SHAPE:
            return size_of(n, read[0], args)
        for value in read:
            if isinstance(value, Probabilities):
                if name in ops.SILENT | ops.CASTS:
                    return value
                raise ModelError(
                    f"Layer '{value.name}' is a softmax inside the network; only one at its end is supported."
                )
        if any(isinstance(value, Scores) for value in read):
            return self._of_scores(n, name, args, kwargs)
        if any(isinstance(value, Strewn) for value in read) and name not in _ANYWHERE:
            return self._of_strewn(n, args, kwargs, read)
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
            return self.relabelling.relabelled(n, args, kwargs)
        if name in ops.JOIN:
            return self.relabelling.joined(n, args, kwargs)
        if name in ops.NEAREST:
            return self.relabelling.enlarged(n, args, kwargs)
        if name == "pad":
            return self.relabelling.padded(n, args, kwargs)
        if name in ("add", "sub"):
            if len(read) > 1 and kwargs.get("alpha", 1) != 1:
                raise UnreadableError("adds a multiple (alpha), which is not supported")
            return added(self.grown, n, args, self.shapes[n.name])
        if name in ("mul", "div"):
            if self.ahead.is_query(n) and _is_scaled(name, args):
                return first  # such as the 1/√d of an attention, which is no part of the graph
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
        kind = ops.name_of(n, self.named_modules)
        if kind in CONTRACTIONS:
            if len(read) > 1:
                return multiplied_activations(self.grown, n, kind, by_place(kind, args, kwargs), kwargs)
            return contracted(self.grown, n, kind, args, kwargs, self.origins)
        if not name:
            raise UnreadableError(NOT_SUPPORTED)
        call = read_call(name, n, module, args, kwargs, self.names, self.origins, self.shapes[n.name])
        return self._computed(n, call, self.grown.finish(first))

    def _of_scores(self, n: fx.Node, name: str, args: Any, kwargs: Any) -> Any:
        """Follow what becomes of an attention's scores before they are units."""
        scores = next(each for each in args if isinstance(each, Scores))
        kind = ops.name_of(n, self.named_modules)
        if kind == "softmax":
            module = self.named_modules[str(n.target)] if n.op == "call_module" else None
            axis = getattr(module, "dim", kwargs.get("dim", args[1] if len(args) > 1 else None))
            return softmaxed(self.grown, n, scores, axis)
        if name in ops.SILENT:
            return scores
        if name in ops.CASTS:
            return self._cast(n, args, kwargs, scores)
        if name in ops.RELABEL:
            return self.relabelling.relabelled(n, args, kwargs)
        return changed_scores(n, kind, args, kwargs)

    def _of_strewn(self, n: fx.Node, args: Any, kwargs: Any, read: list[Any]) -> Any:
        """Follow an operation on values whose images do not lie along the first axis, as if they did.

        Raises:
            UnreadableError: If that would make a difference.
        """
        kind = ops.name_of(n, self.named_modules)
        if kind in CONTRACTIONS and len(read) > 1:
            return multiplied_activations(self.grown, n, kind, by_place(kind, args, kwargs), kwargs)
        axis, axes, shape = one_axis(read), len(read[0].traced_shape), self.shapes[n.name]
        is_alike = kind in ops.POINTWISE | {"layer_norm", "rms_norm"} or (
            kind == "linear" and axis < axes - 1
        )
        is_joined = kind in ("add", "sub", "mul", "div") and len(shape) == axes
        if not (is_alike or is_joined):
            raise UnreadableError(
                "reads windows or tokens that do not lie one row for each image, which is not supported there"
            )

        def moved(each: Any) -> Any:
            if isinstance(each, Strewn):
                return each.value
            return constant_like(each, axis, axes) if is_joined else each

        self.grown.image_axes[n.name] = axis
        self.shapes[n.name] = tuple(images_first(torch.empty(shape, device="meta"), axis).shape)
        try:
            args, kwargs = [moved(each) for each in args], {k: moved(v) for k, v in kwargs.items()}
            found = self._symbolic(n, args, kwargs, [each.value for each in read])
        finally:
            self.shapes[n.name] = shape
        return Strewn(found, axis)

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

    def _cast(self, n: fx.Node, args: Any, kwargs: Any, value: Any) -> Any:
        """Follow a change of number type: units are what they are, as long as they are not rounded."""

        def plain(each: Any) -> Any:
            return torch.zeros(each.traced_shape) if hasattr(each, "traced_shape") else each

        found = self.relabelling.plain(n, *tree_map(plain, (args, kwargs)))
        if not isinstance(found, Tensor):  # x.type() asks what it is
            return found
        if not found.is_floating_point():
            raise UnreadableError(f"rounds activations to {found.dtype}, which is not supported")
        return value


def _is_scaled(name: str, args: Sequence[Any]) -> bool:
    """Whether one value is multiplied or divided by one number."""
    one, other = args[:2]
    if not hasattr(one, "traced_shape") and name == "mul":
        one, other = other, one
    return (
        hasattr(one, "traced_shape")
        and (not isinstance(other, Tensor) or other.numel() == 1)
        and not hasattr(other, "traced_shape")
    )
