"""Which of a network's forward hooks change values: found out by watching each of them while the network runs once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as registry
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from ncviz.errors import ModelError
from ncviz.text import capitalised

# PyTorch's own hooks that write a weight, and nothing else, before each pass.
WEIGHT_HOOKS = (BasePruningMethod, WeightNorm, SpectralNorm)
PRE = "forward pre-hook"
_GLOBAL = {"forward hook": registry._global_forward_hooks, PRE: registry._global_forward_pre_hooks}
_KEPT_BY_MODULES = (
    "_forward_hooks", "_forward_hooks_with_kwargs", "_forward_hooks_always_called", "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs", "_backward_hooks", "_backward_pre_hooks",
)  # fmt: skip
_LOCK = threading.RLock()

Hooks = MutableMapping[int, Callable[..., Any]]


def name_of(hook: object) -> str:
    """Return what a hook is called in its owner's code."""
    while isinstance(hook, partial):
        hook = hook.func
    return getattr(hook, "__name__", type(hook).__name__)


def title_of(name: str, module: nn.Module) -> str:
    """Return what a module is called in a sentence; the network itself has no name."""
    return f"layer '{name}'" if name else f"the network ({module._get_name()})"


def check_forward(net: nn.Module) -> None:
    """Refuse a module whose forward was replaced by what a copy would share with it, or in one of PyTorch's own layers.

    A method of the module itself is copied with it; but what a layer of PyTorch's own does is known by its class.

    Raises:
        ModelError: Naming the first.
    """
    for name, module in net.named_modules():
        own = vars(module).get("forward")
        is_method = isinstance(own, MethodType) and own.__self__ is module
        is_layer = type(module).__module__.startswith("torch.nn.modules.") and bool(name)
        if (
            own is not None
            and not (is_method and not is_layer)
            and not isinstance(module, torch.jit.ScriptModule)
        ):
            told = capitalised(title_of(name, module))
            raise ModelError(
                f"{told} has a forward ('{name_of(own)}') that is not that of its class; write a class of its own for "
                "it, or put another module in its place."
            )


@contextmanager
def watched(net: nn.Module) -> Iterator[list[str]]:
    """Watch all hooks of a network, and global ones, while it runs; afterwards all are as they were.

    A hook changes values if it returns anything but None and what it was given, or changes that in place. Whether the
    new values are equal on these images does not count: they need not be on others.

    Yields:
        What there is to say of each hook that changed values, in the order of their calls, e.g. "layer '0' has a
        forward hook ('clip')".
    """
    found: list[str] = []
    places = [
        (f"{title_of(name, module)} has a", kind, hooks)
        for name, module in net.named_modules()
        for kind, hooks in zip(_GLOBAL, hooks_of(module), strict=False)
    ]
    places += [("there is a global", kind, hooks) for kind, hooks in _GLOBAL.items()]
    places = [place for place in places if place[-1]]
    with _swapping([hooks for *_, hooks in places]):
        for told, kind, hooks in places:
            for key, hook in hooks.items():
                if not isinstance(hook, WEIGHT_HOOKS):
                    hooks[key] = _watching(hook, f"{told} {kind} ('{name_of(hook)}')", kind == PRE, found)
        yield found


def hooks_of(module: nn.Module) -> tuple[Hooks, ...]:
    """Return a module's forward hooks and its pre-hooks, as torch holds them; none of a compiled program's."""
    return (
        ()
        if isinstance(module, torch.jit.ScriptModule)
        else (module._forward_hooks, module._forward_pre_hooks)
    )


def check_hooks(changing: list[str]) -> None:
    """Refuse hooks that change values.

    Raises:
        ModelError: Naming the first.
    """
    if changing:
        raise ModelError(
            f"{capitalised(changing[0])} that changes values; remove it, or write what it does into forward."
        )


@contextmanager
def _swapping(places: Sequence[Hooks]) -> Iterator[None]:
    """Put hooks back as they are now, those that take themselves off too; one thread at a time changes any."""
    with _LOCK if places else nullcontext():
        saved = [(hooks, dict(hooks)) for hooks in places]
        try:
            yield
        finally:
            for hooks, before in saved:
                hooks.clear()
                hooks.update(before)


@contextmanager
def without_global_hooks() -> Iterator[None]:
    """Run something of our own that is nobody else's to look at."""
    every = [hooks for hooks in _GLOBAL.values() if hooks]
    with _swapping(every):
        for hooks in every:
            hooks.clear()
        yield


def remove_hooks(net: nn.Module) -> None:
    """Take all hooks off a network that is ours alone, those of the backward pass too."""
    for module in net.modules():
        for name in _KEPT_BY_MODULES if hooks_of(module) else ():
            getattr(module, name).clear()


def share_hooks(of: nn.Module, other: nn.Module) -> None:
    """Let a module that stands in for another have its hooks, but for checks of the input that PyTorch puts there."""
    for name in _KEPT_BY_MODULES[:5]:
        kept = {
            key: hook
            for key, hook in getattr(of, name).items()
            if not str(getattr(hook, "__module__", "")).startswith(("torch.export", "torch._export"))
        }
        setattr(other, name, OrderedDict(kept))


def tensors_in(value: Any) -> list[Tensor]:
    """Return the tensors in nested tuples, lists and dictionaries, in their order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [each for part in value for each in tensors_in(part)] if isinstance(value, (tuple, list)) else []


def same_values(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors hold the same, NaN beside NaN included."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if one.is_meta or other.is_meta:  # which hold nothing
        return one.is_meta and other.is_meta
    return bool(((one == other) | ((one != one) & (other != other))).all())


def _watching(hook: Callable[..., Any], told: str, is_pre: bool, found: list[str]) -> Callable[..., Any]:
    def watch(module: nn.Module, *given: Any) -> Any:
        held = tensors_in(given)
        before = [(each.clone(), _version(each)) for each in held]
        result = hook(module, *given)
        is_changed = any(
            _version(each) != version or not same_values(each, copied)
            for each, (copied, version) in zip(held, before, strict=True)
        )
        if is_changed or (result is not None and not _is_given(result, given, is_pre)):
            found.append(told)
        return result

    return watch


def _is_given(result: Any, given: tuple[Any, ...], is_pre: bool) -> bool:
    """Whether what a hook returns is what it was given."""
    expected: Any = given[-1]
    if is_pre:
        expected = given if len(given) == 2 else given[0]
        if not isinstance(result, tuple):
            result = (result,)
    if type(result) is not type(expected):
        return False
    pairs = tensors_in(result), tensors_in(expected)
    return len(pairs[0]) == len(pairs[1]) and all(
        one is other or (one.data_ptr() == other.data_ptr() and one.shape == other.shape and one.dtype == other.dtype
                         and one.stride() == other.stride())
        for one, other in zip(*pairs, strict=True)
    )  # fmt: skip


def _version(tensor: Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version
