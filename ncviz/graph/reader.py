"""Follows a trace and finds the layers of units in it, what each of them reads, and where its activation is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx

from ncviz.errors import ModelError
from ncviz.graph import operations as ops
from ncviz.graph.calls import Call, read_call
from ncviz.graph.neural_graph import Connection, NeuralGraph, Tap
from ncviz.graph.terms import Term, copy_term
from ncviz.graph.tracing import BATCH, Several, Shapes


@dataclass(frozen=True, eq=False)
class Units:
    """Units of finished layers, in any arrangement.

    Attributes:
        ids: int64 [BATCH, …], units numbered through all layers, -1 for a zero that is no unit; each image's rows lie
            ``_APART`` further on, so that an operation which mixes images is found out.
        stamps: int64 [BATCH, …], which of its values each unit has here: more than one where an activation follows.
        node: The operation that returns them.
    """

    ids: Tensor
    stamps: Tensor
    node: fx.Node

    @property
    def own(self) -> np.ndarray:
        """The units for one image, int64 without the batch axis."""
        found: np.ndarray = self.ids[0].numpy()
        return found


@dataclass(frozen=True, eq=False)
class Pending:
    """A sum that is not yet a layer: what follows may still add to it, scale it, or be its activation.

    Attributes:
        terms: What is summed up.
        shape: Shape of the layer that it becomes, channels first.
        is_last: Whether the traced value has its channels last.
        node: The operation that returns it.
    """

    terms: tuple[Term, ...]
    shape: tuple[int, ...]
    is_last: bool
    node: fx.Node

    @property
    def traced_shape(self) -> tuple[int, ...]:
        """The shape of the traced value, with the batch axis."""
        own = (*self.shape[1:], self.shape[0]) if self.is_last else self.shape
        return (BATCH, *own)


@dataclass(frozen=True, eq=False)
class Probabilities:
    """What a softmax returns: nothing but the output may follow."""

    of: Units | Pending
    name: str


@dataclass(frozen=True, eq=False)
class Problem:
    """An operation that cannot be read.

    Attributes:
        name: What it is, quoted and with its kind.
        why: What is wrong with it, so that "Layer {name} {why}." is a sentence.
    """

    name: str
    why: str


_APART = 2**40
_NOT_SUPPORTED = "is not supported"


class Reader(fx.Interpreter):
    """Reads a trace. What it cannot read becomes a problem and a layer without edges, and it goes on."""

    def __init__(self, traced: fx.GraphModule, shapes: Shapes, several: dict[str, Several]) -> None:
        super().__init__(traced, garbage_collect_values=False)
        self.extra_traceback = False  # fx would write its own lines into our sentences
        self.named_modules = dict(traced.named_modules())
        self.traced, self.shapes, self.several = traced, shapes, several
        self.layer_shapes: list[tuple[int, ...]] = []
        self.layer_names: list[str] = []
        self.taps: list[list[Tap]] = []
        self.starts: list[int] = [0]
        self.stamps = np.empty(0, dtype=np.int64)
        self.last_stamp = 0
        self.connections: list[Connection] = []
        self.links: list[Connection] = []
        self.problems: list[Problem] = []
        self.logits: int | None = None

    def run_node(self, n: fx.Node) -> Any:
        """Take in the next operation; fx calls this for each of the trace."""
        if n.op == "placeholder":
            return self._input(n)
        if n.op == "get_attr":
            return self.fetch_attr(str(n.target))
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        if n.op == "output":
            return self._output(n, args[0])
        values = [*args, *kwargs.values()]
        if not any(isinstance(value, (Units, Pending, Probabilities)) for value in _flat(values)):
            return self._plain(n, args, kwargs)
        try:
            found = self._symbolic(n, args, kwargs)
        except _UnreadableError as error:
            self.problems.append(Problem(ops.describe(n, self.named_modules), str(error)))
            found = self._opaque(n)
        if isinstance(found, Pending) and _readers(n) > 1:
            # Each of those that read it reads these units; a sum can grow only on its way to a single one.
            return self.finish(found)
        return found

    def result(self) -> NeuralGraph:
        """Return what was read.

        Raises:
            ModelError: Naming everything that could not be read, or if there is no weight layer.
        """
        if self.problems:
            raise ModelError(_sentence(self.problems))
        if self.logits is None or not self.connections:
            raise ModelError(
                f"The network has no weight layer; expected at least one Linear or Conv2d among {ops.SUPPORTED}."
            )
        taps = tuple(tuple(each) for each in self.taps)
        return NeuralGraph(
            tuple(self.layer_shapes),
            tuple(self.layer_names),
            tuple(self.connections),
            tuple(self.links),
            taps,
        )

    def _plain(self, n: fx.Node, args: Any, kwargs: Any) -> Any:
        """Run what knows nothing of units, such as arithmetic on sizes."""
        if n.op == "call_module":
            return None  # a module of an exported program that checks sizes
        if n.op == "call_method":
            return getattr(args[0], str(n.target))(*args[1:], **kwargs)
        return n.target(*args, **kwargs)  # type: ignore[operator]

    def _input(self, n: fx.Node) -> Units:
        if self.layer_shapes:
            raise ModelError(f"The network takes more than one input (second: '{n.target}'); expected one.")
        shape = self.shapes[n.name][1:]
        return self._layer(n, shape, "input", Tap(n.name))

    def _output(self, n: fx.Node, value: Any) -> None:
        if self.problems:
            return
        if isinstance(value, (tuple, list)) and len(value) == 1:
            value = value[0]
        value = value.of if isinstance(value, Probabilities) else value
        value = self.finish(value) if isinstance(value, Pending) else value
        if not isinstance(value, Units):
            raise ModelError("The network returns several values; expected its logits alone.")
        last = len(self.layer_shapes) - 1
        if not np.array_equal(value.own.reshape(-1), np.arange(self.starts[last], self.starts[last + 1])):
            raise ModelError(
                "The network's output is not the result of its last layer; expected its logits alone."
            )
        self.logits = last

    def _symbolic(self, n: fx.Node, args: Any, kwargs: Any) -> Any:
        name = ops.operation(n, self.named_modules)
        read = [v for v in _flat([*args, *kwargs.values()]) if isinstance(v, (Units, Pending, Probabilities))]
        if name in ops.SHAPE:
            return _size_of(n, read[0], args)
        for value in read:
            if isinstance(value, Probabilities):
                if name in ops.SILENT:
                    return value
                raise ModelError(
                    f"Layer '{value.name}' is a softmax inside the network; only one at its end is supported."
                )
        first = read[0]
        assert not isinstance(first, Probabilities)
        if name in ops.SILENT:
            return first
        if name in ops.SOFTMAX:
            return Probabilities(first, str(n.target) if n.op == "call_module" else n.name)
        if name in ops.POINTWISE:
            return self._activated(n, first)
        if name in ops.RELABEL:
            return self._relabelled(n, args, kwargs)
        if name == "cat":
            return self._joined(n, args, kwargs)
        if name == "pad":
            return self._padded(n, args, kwargs)
        if name in ("add", "sub"):
            return self._sum(n, args)
        if name in ("mul", "div"):
            return self._product(n, args, name)
        if name.startswith("batch_norm"):
            return self._normed(n, name, args, kwargs)
        if not name:
            raise _UnreadableError(_NOT_SUPPORTED)
        module = self.named_modules[str(n.target)] if n.op == "call_module" else None
        units = self.finish(first) if isinstance(first, Pending) else first
        names = {id(tensor): key for key, tensor in self.traced.named_parameters()}
        call = read_call(name, n, module, args, kwargs, names, self.shapes[n.name])
        return self._computed(n, call, units)

    def _computed(self, n: fx.Node, call: Call, value: Units) -> Pending:
        """Return a weight layer or a pooling."""
        problem = call.problem(value.own.shape)
        if problem:
            raise _UnreadableError(problem)
        terms = call.terms(value.own)
        for term in terms:
            # A term of padding alone is a layer without paths; a link may well have a part without edges.
            if term.parameter and not ((term.weight != 0).any(axis=1) & (term.fields >= 0).any(axis=1)).any():
                raise ModelError(
                    f"Every weight of layer '{call.name}' that is not zero falls on padding, so the network has no "
                    "path through it; give larger images or less padding."
                )
        shape = self.shapes[n.name][1:]
        is_last = call.is_linear and len(shape) > 1
        return Pending(tuple(terms), (shape[-1], *shape[:-1]) if is_last else shape, is_last, n)

    def finish(self, value: Pending, tap: fx.Node | None = None) -> Units:
        """Make a sum a layer of units, whose activation is what an operation returns."""
        named = [term.name for term in value.terms if term.parameter] or [term.name for term in value.terms]
        node = tap or value.node
        units = None
        if value.is_last:
            order = np.arange(prod(value.shape)).reshape(value.shape)
            units = np.moveaxis(order, 0, -1).reshape(-1)
        found = self._layer(node, value.shape, named[-1] or node.name, Tap(node.name, units))
        layer = len(self.layer_shapes) - 1
        for term in value.terms:
            self._connect(term, layer)
        if value.is_last:
            found = Units(found.ids.movedim(1, -1), found.stamps.movedim(1, -1), node)
        return found

    def _layer(self, node: fx.Node, shape: tuple[int, ...], name: str, tap: Tap) -> Units:
        start, size = self.starts[-1], prod(shape)
        self.layer_shapes.append(shape)
        self.layer_names.append(name)
        self.taps.append([tap])
        self.starts.append(start + size)
        self.last_stamp += 1
        self.stamps = np.concatenate([self.stamps, np.full(size, self.last_stamp, dtype=np.int64)])
        ids = (
            start
            + torch.arange(size).reshape(1, *shape)
            + _APART * torch.arange(BATCH).reshape(-1, *(1,) * len(shape))
        )
        return Units(ids, torch.full_like(ids, self.last_stamp), node)

    def _connect(self, term: Term, target: int) -> None:
        """Add a term's connections, one for each layer that it reads."""
        layer = np.where(term.fields >= 0, np.searchsorted(self.starts, term.fields, side="right") - 1, -1)
        for source in np.unique(layer[layer >= 0]):
            fields = np.where(layer == source, term.fields - self.starts[source], -1)
            made = Connection(
                term.name, term.parameter, term.shape, fields, term.weight, int(source), target, term.order
            )
            if term.parameter:
                self.connections.append(made)
            elif made.number_of_edges:
                self.links.append(made)

    def _opaque(self, n: fx.Node) -> Units | tuple[Units | None, ...]:
        """Stand in for what could not be read, so that the rest can be looked at too."""

        def units(shape: tuple[int, ...] | None) -> Units | None:
            if shape is None:
                return None
            if shape[:1] != (BATCH,):
                raise ModelError(_sentence(self.problems))
            return self._layer(n, shape[1:], n.name, Tap(n.name))

        if n.name in self.several:
            return tuple(units(shape) for shape in self.several[n.name])
        found = units(self.shapes.get(n.name, ()))
        assert found is not None
        return found

    def _activated(self, n: fx.Node, value: Units | Pending) -> Units:
        """Follow an activation function: the same units, whose activation is now what it returns."""
        if isinstance(value, Pending):
            return self.finish(value, n)
        ids, given = value.own.reshape(-1), value.stamps[0].numpy().reshape(-1)
        # Where another activation has been seen already, as in x + relu(x), the first one counts.
        is_latest = (ids >= 0) & (self.stamps[np.maximum(ids, 0)] == given)
        self.last_stamp += 1
        self.stamps[ids[is_latest]] = self.last_stamp
        layer = np.searchsorted(self.starts, ids, side="right") - 1
        for own in np.unique(layer[is_latest]):
            start, end = self.starts[own], self.starts[own + 1]
            is_whole = np.array_equal(ids, np.arange(start, end)) and is_latest.all()
            units = None if is_whole else np.where(is_latest & (layer == own), ids - start, -1)
            tap = Tap(n.name, units)
            self.taps[own] = [tap] if is_whole else [*self.taps[own], tap]
        return Units(value.ids, torch.full_like(value.stamps, self.last_stamp), n)

    def _relabelled(self, n: fx.Node, args: Any, kwargs: Any) -> Any:
        done = [self.finish(v) if isinstance(v, Pending) else v for v in args]
        if not isinstance(done[0], Units):  # an item of several
            return self._plain(n, done, kwargs)
        found = [self._apply(n, [getattr(v, part) if isinstance(v, Units) else v for v in done], kwargs)
                 for part in ("ids", "stamps")]  # fmt: skip
        if isinstance(found[0], Tensor):
            return self._checked(n, Units(found[0].contiguous(), found[1].contiguous(), n))
        return [self._checked(n, Units(ids, stamps, n)) for ids, stamps in zip(*found, strict=True)]

    def _apply(self, n: fx.Node, args: Sequence[Any], kwargs: Any) -> Any:
        if n.op == "call_module":
            return self.named_modules[str(n.target)](*args, **kwargs)
        return self._plain(n, args, kwargs)

    def _checked(self, n: fx.Node, value: Units) -> Units:
        """Refuse what mixes the images of a batch.

        Raises:
            ModelError: Naming the operation.
        """
        ids = value.ids
        is_fit = len(ids) == BATCH and bool(
            ((ids[0] + _APART == ids[1]) | ((ids[0] < 0) & (ids[1] < 0))).all()
        )
        if not is_fit:
            before = self.shapes.get(n.all_input_nodes[0].name, ())
            raise ModelError(
                f"{_title(n)} '{n.target if n.op == 'call_module' else n.name}' turns {list(before)} into "
                f"{list(self.shapes.get(n.name, ()))} for {BATCH} images; expected one row for each image."
            )
        return value

    def _joined(self, n: fx.Node, args: Any, kwargs: Any) -> Units:
        parts = [
            self.finish(v) if isinstance(v, Pending) else v for v in (args[0] if args else kwargs["tensors"])
        ]
        if not all(isinstance(part, Units) for part in parts):
            raise _UnreadableError("joins units to constants, which is not supported")
        dim = args[1] if len(args) > 1 else kwargs.get("dim", kwargs.get("axis", 0))
        both = [torch.cat([getattr(part, name) for part in parts], dim) for name in ("ids", "stamps")]
        return self._checked(n, Units(both[0], both[1], n))

    def _padded(self, n: fx.Node, args: Any, kwargs: Any) -> Units:
        value = self.finish(args[0]) if isinstance(args[0], Pending) else args[0]
        if n.op == "call_module":
            layer = self.named_modules[str(n.target)]
            amounts, mode, fill = layer.padding, "constant", getattr(layer, "value", 0.0)
        else:
            given = dict(zip(("pad", "mode", "value"), args[1:], strict=False)) | kwargs
            if isinstance(given.get("mode"), (int, float)):  # ATen's has no mode
                given = {"pad": given["pad"], "value": given["mode"]}
            amounts, mode, fill = given["pad"], given.get("mode", "constant"), given.get("value") or 0.0
        if mode != "constant" or fill != 0.0:
            raise _UnreadableError(
                f"pads with something else than zeros (mode '{mode}'), which is not supported"
            )
        ids, stamps = (
            torch.nn.functional.pad(part, list(amounts), value=-1) for part in (value.ids, value.stamps)
        )
        return self._checked(n, Units(ids, stamps, n))

    def _sum(self, n: fx.Node, args: Any) -> Units | Pending:
        parts = [arg for arg in args[:2] if isinstance(arg, (Units, Pending))]
        if len(parts) == 1:
            other = next(arg for arg in args[:2] if arg is not parts[0])
            if (
                isinstance(other, Tensor)
                and other.numel() > 1
                and self.shapes[n.name] != self._shape_of(parts[0])
            ):
                raise _UnreadableError("adds a constant of another shape, which is not supported")
            return self._shifted(n, parts[0])
        if self._shape_of(parts[0]) != self._shape_of(parts[1]):
            raise _UnreadableError("adds values of different shapes, which is not supported")
        if _is_same(*parts):
            return self._activated(n, parts[0])
        if len({part.is_last for part in parts if isinstance(part, Pending)}) > 1:
            parts = [self.finish(part) if isinstance(part, Pending) else part for part in parts]
        is_last = any(isinstance(part, Pending) and part.is_last for part in parts)
        terms: list[Term] = []
        for part in parts:
            if isinstance(part, Pending):
                terms += part.terms
            else:
                own = np.moveaxis(part.own, -1, 0) if is_last else part.own
                terms.append(copy_term(n.name, own))
        shape = self.shapes[n.name][1:]
        return Pending(tuple(terms), (shape[-1], *shape[:-1]) if is_last else shape, is_last, n)

    def _shifted(self, n: fx.Node, value: Units | Pending) -> Units | Pending:
        """Follow the addition of constants: a bias is no part of the graph."""
        if isinstance(value, Pending):
            return replace(value, node=n)
        return self._activated(n, value)

    def _product(self, n: fx.Node, args: Any, name: str) -> Units | Pending:
        parts = [arg for arg in args[:2] if isinstance(arg, (Units, Pending))]
        if len(parts) == 2:
            if _is_same(*parts):  # such as x · sigmoid(x)
                latest = max(
                    parts, key=lambda part: int(part.stamps.max()) if isinstance(part, Units) else -1
                )
                return self._activated(n, latest)
            raise _UnreadableError(
                "multiplies activations by each other (gating or attention), which is not supported"
            )
        if name == "div" and parts[0] is not args[0]:
            raise _UnreadableError("divides by activations, which is not supported")
        other = args[1] if parts[0] is args[0] else args[0]
        factor = torch.as_tensor(other, dtype=torch.float64).detach().cpu()
        return self._scaled(n, parts[0], 1.0 / factor if name == "div" else factor, f"'{n.name}'")

    def _scaled(self, n: fx.Node, value: Units | Pending, factor: Tensor, by: str) -> Units | Pending:
        """Multiply each channel by a number.

        Args:
            n: The operation.
            value: What is multiplied.
            factor: What broadcasts to the traced value.
            by: The factor's name, for messages.
        """
        shape = self._shape_of(value)
        channel = len(shape) - 1 if isinstance(value, Pending) and value.is_last else 1
        each = factor.expand(shape).movedim(channel, 0).reshape(shape[channel], -1).numpy()
        if (each != each[:, :1]).any():
            raise _UnreadableError(
                "multiplies the places of a channel by different numbers, which is not supported"
            )
        if isinstance(value, Pending):
            return replace(value, terms=tuple(term.scaled(each[:, 0], by) for term in value.terms), node=n)
        if value.own.size == self.starts[1] and value.own.max() < self.starts[1]:
            # The pixels as the network sees them are those after its own normalisation.
            return self._activated(n, value)
        return Pending((copy_term(n.name, value.own, each[:, 0]),), shape[1:], False, n)

    def _normed(self, n: fx.Node, name: str, args: Any, kwargs: Any) -> Units | Pending:
        """Fold a batch normalisation into the weights before it; where there are none, it is a link of its own."""
        if n.op == "call_module":
            layer = self.named_modules[str(n.target)]
            value, gamma, variance, eps, label = (
                args[0],
                layer.weight,
                layer.running_var,
                layer.eps,
                str(n.target),
            )
        else:
            names = {
                "batch_norm": ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps"),
                "aten": ("input", "weight", "bias", "running_mean", "running_var", "training", "momentum", "eps"),
                "batch_norm_no_training": ("input", "weight", "bias", "running_mean", "running_var", "momentum", "eps"),
            }  # fmt: skip
            is_aten = isinstance(n.target, torch._ops.OpOverload) and name == "batch_norm"
            given = dict(zip(names["aten" if is_aten else name], args, strict=False)) | kwargs
            value, gamma, variance = given["input"], given.get("weight"), given["running_var"]
            eps, label = given.get("eps", 1e-5), ops.describe(n, self.named_modules).split("'")[1]
        scale = torch.rsqrt(variance.detach().to("cpu", torch.float64) + eps)
        if gamma is not None:
            scale = scale * gamma.detach().to("cpu", torch.float64)
        bad = int((~torch.isfinite(scale)).sum())
        if bad:
            raise ModelError(
                f"BatchNorm '{label}' scales {bad} channels by NaN or infinity; expected finite weights and a positive "
                "running variance."
            )
        found = self._scaled(
            n, value, scale.reshape(-1, *(1,) * (len(self._shape_of(value)) - 2)), f"BatchNorm '{label}'"
        )
        return [found] if name == "batch_norm_no_training" else found  # type: ignore[return-value]

    def _shape_of(self, value: Units | Pending) -> tuple[int, ...]:
        return tuple(value.ids.shape) if isinstance(value, Units) else value.traced_shape


class _UnreadableError(Exception):
    """Why an operation cannot be read: the end of a sentence that begins with its name."""


def _flat(values: Any) -> list[Any]:
    return [
        each for value in values for each in (_flat(value) if isinstance(value, (list, tuple)) else [value])
    ]


def _readers(n: fx.Node) -> int:
    """Return how many operations read the values of this one, not its size alone."""
    return sum(1 for user in n.users if not _is_about_size(user))


def _is_about_size(n: fx.Node) -> bool:
    name = str(n.target) if n.op == "call_method" else getattr(n.target, "__name__", "")
    return name in ("size", "dim", "getattr", "sym_size.int")


def _size_of(n: fx.Node, value: Any, args: Any) -> Any:
    value = value.of if isinstance(value, Probabilities) else value
    shape = value.ids.shape if isinstance(value, Units) else torch.Size(value.traced_shape)
    name = args[1] if n.op == "call_function" and n.target is getattr else str(n.target)
    if name == "shape":
        return shape
    if name in ("dim", "ndim"):
        return len(shape)
    if name == "size" or "sym_size" in name:
        return shape[args[1]] if len(args) > 1 else shape
    raise _UnreadableError(_NOT_SUPPORTED)


def _is_same(one: Units | Pending, other: Units | Pending) -> bool:
    """Whether both hold the same units in the same places."""
    return isinstance(one, Units) and isinstance(other, Units) and torch.equal(one.ids, other.ids)


def _title(n: fx.Node) -> str:
    return str(n.target).rsplit(".", 1)[-1].capitalize() if n.op != "call_module" else "Layer"


def _sentence(problems: Sequence[Problem]) -> str:
    """Return all problems as one sentence, those of one kind together."""
    by_reason: dict[str, list[str]] = {}
    for problem in problems:
        by_reason.setdefault(problem.why, []).append(problem.name)
    parts = []
    for why, names in by_reason.items():
        listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        if len(names) == 1:
            parts.append(f"Layer {listed} {why}")
        else:
            parts.append(f"Layers {listed} {'are not supported' if why == _NOT_SUPPORTED else f'each {why}'}")
    return f"{'; '.join(parts)}; ncviz reads {ops.SUPPORTED}."
