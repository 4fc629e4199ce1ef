"""A network as a list of the operations that its forward does, and what each of them returns."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.overrides import TorchFunctionMode

from ncviz.copies.hooks import without_global_hooks
from ncviz.errors import ModelError
from ncviz.graph.forward.opening import has_closed_attention, open_products
from ncviz.graph.forward.tracer import TRACING, symbolic_trace
from ncviz.graph.operations import CASTS, POINTWISE, SILENT, operation
from ncviz.text import first_line

# The forward runs on this many inputs, so that an operation which mixes images is found out.
BATCH = 2


def trace(net: nn.Module, input_shape: tuple[int, ...] | None = None) -> fx.GraphModule:
    """Return the network as a traced graph of operations, those without effect left out.

    Args:
        net: The network.
        input_shape: Shape of one input; with it, a forward that cannot be traced symbolically is exported instead.

    Raises:
        ModelError: If its forward cannot be traced (control flow that depends on the data).
    """
    with without_global_hooks():
        try:
            traced = symbolic_trace(net)
        except Exception as error:
            exported = _exported(net, input_shape)
            if exported is None:
                raise ModelError(
                    f"The forward of {type(net).__name__} cannot be traced ({first_line(error)}); "
                    "write it as an nn.Sequential, or without control flow that depends on the data."
                ) from error
            traced = exported
        if has_closed_attention(traced):
            traced = _exported(net, input_shape, is_pure=True) or traced
    open_products(traced)
    _check_in_place(traced)
    traced.graph.eliminate_dead_code()
    traced.recompile()
    return traced


def _changes(node: fx.Node) -> bool:
    """Whether an operation of an exported program changes what it reads."""
    return isinstance(node.target, torch._ops.OpOverload) and node.target._schema.is_mutable


def _check_in_place(traced: fx.GraphModule) -> None:
    """Refuse an operation that changes its input, which is read again or not at all: a trace would lose it."""
    order = {node: at for at, node in enumerate(traced.graph.nodes)}
    for node in traced.graph.nodes:
        if node.op not in ("call_function", "call_method", "call_module") or not _is_in_place(traced, node):
            continue
        told = node.target if node.op == "call_module" else node.name
        if not node.users:
            raise ModelError(
                f"'{told}' changes its input in place and its result is not used; write x = … with what it returns."
            )
        # A function of each unit alone leaves the units what they are, and only their last value counts.
        if node.op != "call_module" and operation(node, {}) not in POINTWISE | SILENT | CASTS:
            changed = node.all_input_nodes[0]
            if any(order[user] > order[node] for user in changed.users):
                raise ModelError(
                    f"'{told}' changes its input in place, and the input is read again afterwards; write x = … with a "
                    "new name."
                )


def _is_in_place(traced: fx.GraphModule, node: fx.Node) -> bool:
    if node.op == "call_module":
        return bool(getattr(traced.get_submodule(str(node.target)), "inplace", False))
    if isinstance(node.target, torch._ops.OpOverload):
        return node.target._schema.is_mutable
    name = str(node.target) if node.op == "call_method" else getattr(node.target, "__name__", "")
    return (name.endswith("_") and not name.endswith("__")) or bool(node.kwargs.get("inplace"))


class _Rounding(TorchFunctionMode):
    """Watches how far a forward rounds: inside of ``torch.autocast``, which no trace has, more than its type does.

    Attributes:
        eps: Of the coarsest number type that was seen.
    """

    def __init__(self) -> None:
        super().__init__()
        self.eps = 0.0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run a function of torch, and look at where it runs."""
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):
                self.eps = max(self.eps, torch.finfo(torch.get_autocast_dtype(device)).eps)
        found = func(*args, **(kwargs or {}))
        if isinstance(found, Tensor) and found.is_floating_point():
            self.eps = max(self.eps, torch.finfo(found.dtype).eps)
        return found


def check_trace(net: nn.Module, traced: fx.GraphModule, input_shape: tuple[int, ...]) -> None:
    """Refuse a trace that does not give what the network gives: some in-place changes leave no mark in it.

    Raises:
        ModelError: If the two differ on random inputs.
    """
    noise = noise_input(net, input_shape)
    with torch.no_grad(), torch.random.fork_rng(devices=[]), _Rounding() as rounding:
        expected, found = net(noise.clone()), traced(noise.clone())
    if not isinstance(expected, Tensor) or not isinstance(found, Tensor):
        return
    size = (
        expected[expected.isfinite()].abs().max() if expected.isfinite().any() else expected.new_tensor(0.0)
    )
    relative = max(1e-3, 8 * rounding.eps)
    absolute = max(1e-4, 8 * rounding.eps) * float(size) + 1e-12
    expected, found = expected.to(torch.float64), found.to(torch.float64)
    if not torch.allclose(expected, found, rtol=relative, atol=absolute, equal_nan=True):
        raise ModelError(
            f"The forward of {type(net).__name__} cannot be followed: it gives other numbers than its own operations "
            "one after the other, because it is random in eval mode (dropout with training=True) or changes a value in "
            "place under two names; write x = … with a new name."
        )


def _exported(
    net: nn.Module, input_shape: tuple[int, ...] | None, is_pure: bool = False
) -> fx.GraphModule | None:
    """Return the graph that torch.export finds for inputs of one shape, with any number of them; None if it fails.

    Args:
        net: The network.
        input_shape: Shape of one input.
        is_pure: Whether what changes values in place, such as a mask in the making, is written otherwise.
    """
    if input_shape is None:
        return None
    try:
        example = example_input(net, input_shape)
        any_number = {0: torch.export.Dim("n")}
        with TRACING:
            program = torch.export.export(net, (example,), dynamic_shapes=(any_number,), strict=False)
            if is_pure and any(_changes(node) for node in program.graph.nodes):
                program = program.run_decompositions({})
            exported = program.module(check_guards=False)
    except Exception:  # whatever torch.export cannot follow, it says in exceptions of many kinds
        return None
    return exported if isinstance(exported, fx.GraphModule) else None


def example_input(net: nn.Module, input_shape: tuple[int, ...]) -> Tensor:
    """Return zeros [BATCH, *input shape] of the network's own type, on its device.

    Raises:
        ModelError: If the shape holds no positive sizes.
    """
    if not input_shape or any(size < 1 for size in input_shape):
        raise ModelError(f"input_shape must hold positive sizes without the batch axis, got {input_shape}.")
    parameter = next((each for each in net.parameters() if each.is_floating_point()), None)
    zeros = torch.zeros((BATCH, *input_shape))
    return zeros if parameter is None else zeros.to(parameter.device, parameter.dtype)


def noise_input(net: nn.Module, input_shape: tuple[int, ...]) -> Tensor:
    """Return random numbers in [0, 1), always the same, in place of the zeros of ``example_input``."""
    zeros = example_input(net, input_shape)
    noise = torch.rand(zeros.shape, generator=torch.Generator().manual_seed(0))
    return noise.to(zeros.device, zeros.dtype)


Shapes = dict[str, tuple[int, ...]]
# Of an operation that returns a tuple; None for what is no tensor.
Several = tuple[tuple[int, ...] | None, ...]


class _ShapeRecorder(fx.Interpreter):
    """Runs zeros through the trace and notes the shape that each operation returns."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.shapes: Shapes = {}
        self.several: dict[str, Several] = {}

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if isinstance(value, Tensor):
            self.shapes[n.name] = tuple(value.shape)
        elif isinstance(value, (tuple, list)):
            self.several[n.name] = tuple(
                tuple(part.shape) if isinstance(part, Tensor) else None for part in value
            )
        return value


def record_shapes(
    net: nn.Module, traced: fx.GraphModule, input_shape: tuple[int, ...]
) -> tuple[Shapes, dict[str, Several]]:
    """Return the shape [BATCH, …] of what each operation returns for inputs of one shape, and those of several tensors.

    Args:
        net: The network, which is run where its trace cannot be: its own words say why.
        traced: Its trace.
        input_shape: Shape of one input.

    Raises:
        ModelError: If such inputs do not fit, with the operation after which they do not.
    """
    recorder = _ShapeRecorder(traced)
    example = example_input(traced, input_shape)
    try:
        with torch.no_grad():
            recorder.run(example)
    except Exception as error:
        done = [name for name in recorder.shapes if recorder.shapes[name][:1] == (BATCH,)]
        after = (
            f"after '{done[-1]}', which gives {list(recorder.shapes[done[-1]][1:])}"
            if done
            else "at the input"
        )
        fixed = _fixed_images(net)
        if fixed not in (None, BATCH):
            raise ModelError(
                f"The program was exported for batches of {fixed} and nothing else; give the network that it was made "
                "of, or export it with dynamic_shapes=({0: torch.export.Dim.AUTO},)."
            ) from error
        raise ModelError(
            f"An input of shape {list(input_shape)} does not fit the network ({after}): "
            f"{first_line(_own_error(net, example) or error)}."
        ) from error
    return recorder.shapes, recorder.several


def _own_error(net: nn.Module, example: Tensor) -> Exception | None:
    """Return what a network itself says of an input that does not fit."""
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            net(example.clone())
    except Exception as error:
        return error
    return None


def _fixed_images(net: nn.Module) -> int | None:
    """Return the only number of images that an exported program takes; None if any will do, or it is none."""
    nodes = net.graph.nodes if isinstance(net, fx.GraphModule) else ()
    for node in nodes:
        value = node.meta.get("val") if node.op == "placeholder" else None
        if isinstance(value, Tensor) and value.ndim and isinstance(value.shape[0], int):
            return value.shape[0]
    return None
