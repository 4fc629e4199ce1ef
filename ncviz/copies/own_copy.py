"""The one way in which a network is copied."""

from __future__ import annotations

import copy
import types
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ncviz.copies.computed import check_materialised, compute_weights, computed_weights, make_plain
from ncviz.copies.hooks import (
    WEIGHT_HOOKS,
    check_forward,
    check_hooks,
    hooks_of,
    remove_hooks,
    same_values,
    tensors_in,
    title_of,
    watched,
    without_global_hooks,
)
from ncviz.copies.wrappers import unwrap_within, unwrapped
from ncviz.errors import ModelError
from ncviz.text import first_line

# Images that original and copy are compared on.
COMPARED = 4


def own_copy(net: nn.Module, inputs: Tensor | None = None) -> nn.Module:
    """Return a copy in eval mode that gives the same outputs, of plain parameters and without hooks.

    A weight that is computed before each pass (``torch.nn.utils.prune``, ``weight_norm``, ``spectral_norm``,
    parametrizations) is what the forward uses in eval mode at this moment, a parameter under the name that it has there
    ("3.weight"). What is wrapped around the network or a part of it (``DataParallel``, ``torch.compile``) hands on what
    it is given, and weights keep the names that they have there. The network itself runs once on a few images, in eval
    mode and without gradients; its training flags, tensors, attributes and the random state are afterwards what they
    were. Its hooks run in that pass and never again: a hook that only looks is called once for each copy, twice if it
    fails without gradients. A global one sees the copy's later passes as those of any module, but for those in which a
    graph is read from it.

    Args:
        net: The network. Not changed.
        inputs: [n, *input shape]; outputs are compared on the first few. Without, nothing is run or compared, for what
            looks at the weights alone.

    Raises:
        ModelError: If a hook changes values; if the copy gives other outputs, naming where they differ first; if
            something in the network cannot be copied; if a forward is not that of its class; or if a lazy module has no
            weights yet.
    """
    net = unwrapped(net)
    check_materialised(net)
    with _unchanged(net):
        unwrap_within(net)
        check_forward(net)
        expected = None if inputs is None else _watched_run(net, inputs)
        if expected is None:
            compute_weights(net)
        computed = computed_weights(net)
        copied = _deep_copy(net, keeps_hooks=False)
        make_plain(copied, computed)
        remove_hooks(copied)
        copied.eval()
        if inputs is not None:
            _compare(net, copied, inputs, expected)
    return copied


def plain_copy(net: nn.Module) -> nn.Module:
    """Return a copy with its training flags and hooks, computed weights made plain parameters under their own names.

    Raises:
        ModelError: If a weight is computed by a hook that is not PyTorch's own, something in the network cannot be
            copied, or a lazy module has no weights yet.
    """
    check_materialised(net)
    with _unchanged(net):
        compute_weights(net)
        computed = computed_weights(net)
    copied = _deep_copy(net, keeps_hooks=True)
    make_plain(copied, computed)
    return copied


def plain_state(net: nn.Module) -> dict[str, Tensor]:
    """Return a network's state dict, computed weights under their own names in place of what they are computed from.

    Raises:
        ModelError: As ``plain_copy``, if it has such weights.
    """
    with _unchanged(net):
        is_computed = bool(computed_weights(net))
    return (plain_copy(net) if is_computed else net).state_dict()


@contextmanager
def _unchanged(net: nn.Module) -> Iterator[None]:
    """Put a network into eval mode, and afterwards all that it holds back to what it was."""
    modules = [module for module in net.modules() if not isinstance(module, torch.jit.ScriptModule)]
    places = [vars(module) for module in modules]
    places += [
        getattr(module, name) for module in modules for name in ("_parameters", "_buffers", "_modules")
    ]
    saved = [(place, dict(place)) for place in places]
    # Only a hook of the user's own could write into a parameter.
    hooks = [hook for module in modules for every in hooks_of(module) for hook in every.values()]
    has_hooks = any(not isinstance(hook, WEIGHT_HOOKS) for hook in hooks)
    held = [*net.buffers(), *(net.parameters() if has_hooks else ())]
    values = [(each, each.detach().clone()) for each in held if not each.is_meta]
    devices = {each.device.index or 0 for each in net.parameters() if each.is_cuda}
    try:
        if any(module.training for module in modules):
            net.eval()
        with torch.inference_mode(False), torch.no_grad(), torch.random.fork_rng(devices=sorted(devices)):
            yield
    finally:
        for place, before in saved:
            for name in [name for name in place if name not in before]:
                del place[name]
            place.update({name: value for name, value in before.items() if place.get(name) is not value})
        with torch.no_grad():
            for each, before in values:
                if not same_values(each, before):
                    each.data.copy_(before)


def _watched_run(net: nn.Module, inputs: Tensor) -> list[Tensor] | None:
    """Return the network's outputs; None if it does not take these images, which whoever runs the copy will say."""
    outputs = None
    with watched(net) as changing:
        # A hook that asks for gradients, as one that explains predictions does, fails without them.
        for needs_gradients in (False, True):
            try:
                with torch.set_grad_enabled(needs_gradients):
                    outputs = [each.detach() for each in _run(net, inputs)]
                break
            except Exception:  # whatever a forward, or a hook in it, may raise
                continue
    check_hooks(changing)
    return outputs


def _run(net: nn.Module, inputs: Tensor) -> list[Tensor]:
    given = next((each for each in net.parameters() if each.is_floating_point()), inputs)
    dtype = given.dtype if inputs.is_floating_point() else inputs.dtype
    # Not torch.manual_seed, which seeds every device, and only these are put back.
    torch.default_generator.manual_seed(0)
    if given.is_cuda:
        with torch.cuda.device(given.device):
            torch.cuda.manual_seed(0)
    return tensors_in(net(inputs[:COMPARED].detach().to(given.device, dtype, copy=True)))


def _compare(net: nn.Module, copied: nn.Module, inputs: Tensor, expected: list[Tensor] | None) -> None:
    """Refuse a copy that gives other outputs.

    Raises:
        ModelError: Naming the first module whose output differs.
    """
    with without_global_hooks():
        try:
            found = _run(copied, inputs)
        except Exception as error:
            if expected is None:
                return
            raise ModelError(
                f"A copy of the network fails on an image ({first_line(error)}), though the network itself does not; "
                "its forward must need nothing but its own parameters, buffers and attributes."
            ) from error
        if expected is None:
            raise ModelError(
                "The network fails on an image, but a copy without its hooks does not; remove the hook that fails."
            )
        if _agree(expected, found):
            return
        where = _first_difference(net, copied, inputs)
    raise ModelError(
        f"A copy of the network gives other outputs than the network itself{where}; its forward must need nothing but "
        "its own parameters, buffers and attributes, and no random numbers."
    )


def _agree(expected: list[Tensor], found: list[Tensor]) -> bool:
    if len(expected) != len(found):
        return False
    for one, other in zip(expected, found, strict=True):
        if one.is_meta or other.is_meta or (one.shape == other.shape and same_values(one, other)):
            continue
        # Some kernels round by where in memory a tensor lies: equal bits cannot be asked of every machine.
        if one.shape != other.shape or not one.is_floating_point():
            return False
        close = torch.finfo(one.dtype).eps ** 0.75
        size = float(one[one.isfinite()].abs().max()) if one.isfinite().any() else 0.0
        if not torch.allclose(one, other.to(one), rtol=close, atol=close * size, equal_nan=True):
            return False
    return True


def _first_difference(net: nn.Module, copied: nn.Module, inputs: Tensor) -> str:
    """Return where the two differ first, as words that follow "gives other outputs"."""
    seen: list[list[tuple[str, list[Tensor]]]] = [[], []]
    for model, outputs in zip((net, copied), seen, strict=True):
        names = {module: name for name, module in model.named_modules()}

        def note(
            module: nn.Module,
            _: Any,
            output: Any,
            outputs: list[tuple[str, list[Tensor]]] = outputs,
            names: Mapping[nn.Module, str] = names,
        ) -> None:
            if names.get(module):
                told = f"{title_of(names[module], module)} ({type(module).__name__})"
                outputs.append((told, [each.clone() for each in tensors_in(output)]))

        handle = nn.modules.module.register_module_forward_hook(note)
        try:
            _run(model, inputs)
        finally:
            handle.remove()
    pairs = zip(*seen, strict=False)
    return next((f", first at {one[0]}" for one, other in pairs if not _agree(one[1], other[1])), "")


def _deep_copy(net: nn.Module, keeps_hooks: bool) -> nn.Module:
    """Return a deep copy in which tensors with a history, which torch refuses to copy, have none."""
    memo: dict[int, Any] = {
        id(each): each.detach().clone() for each in _tensors_with_history(net, keeps_hooks)
    }
    if not keeps_hooks:
        memo |= {id(hooks): OrderedDict() for module in net.modules() for hooks in hooks_of(module)}
    try:
        copied: nn.Module = copy.deepcopy(net, memo)
    except Exception as error:  # whatever an attribute's own way to be copied may raise
        raise ModelError(
            f"The network cannot be copied: {_uncopied(net)} ({first_line(error)}); take it out of the network."
        ) from error
    return copied


def _tensors_with_history(net: nn.Module, keeps_hooks: bool) -> list[Tensor]:
    """Return every tensor that is not a leaf of the autograd graph, wherever the network keeps it."""
    hooks = [] if keeps_hooks else [hooks for module in net.modules() for hooks in hooks_of(module)]
    seen, found = {id(each) for each in hooks}, []
    todo: list[Any] = [net]
    while todo:
        value = todo.pop()
        if id(value) in seen or isinstance(value, (type, types.FunctionType, types.ModuleType)):
            continue
        seen.add(id(value))
        if isinstance(value, Tensor):
            found += [] if value.is_leaf else [value]
        elif isinstance(value, Mapping):
            todo += value.values()
        elif isinstance(value, (list, tuple, set)):
            todo += value
        elif isinstance(value, types.MethodType):
            todo.append(value.__self__)
        elif isinstance(value, partial):
            todo += [value.func, value.args, value.keywords]
        elif hasattr(value, "__dict__"):
            todo.append(vars(value))
    return found


def _uncopied(net: nn.Module) -> str:
    """Return what cannot be copied, for a sentence."""
    for name, module in net.named_modules():
        for own, value in vars(module).items():
            if own in {"_parameters", "_buffers", "_modules"}:
                continue
            try:
                copy.deepcopy(value)
            except Exception:  # as above
                return f"attribute '{own}' of {title_of(name, module)} is a {type(value).__name__}"
    return "something in it"
