"""Weights that are computed from other tensors before each pass, and how a copy gets them as parameters of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from ncviz.copies.hooks import WEIGHT_HOOKS, hooks_of, name_of, same_values, title_of
from ncviz.errors import ModelError
from ncviz.text import capitalised

# What PyTorch's layers name their parameters, in the order in which they make them.
_USUAL = ("weight", "bias")


@dataclass(frozen=True, eq=False)
class Computed:
    """A tensor of one module that is no parameter, but computed from others.

    Attributes:
        module: Name of the module.
        name: Of the tensor, such as "weight".
        value: What the forward uses.
        sources: Names of the module's own parameters and buffers that it was made of.
        origin: Identities of the tensors that it was made of; two with the same are one weight of several layers.
        is_parameter: Whether it was made of parameters; else it is a buffer.
        needs_gradient: Whether one of these is trained.
    """

    module: str
    name: str
    value: Tensor
    sources: tuple[str, ...]
    origin: tuple[int, ...]
    is_parameter: bool
    needs_gradient: bool


def check_materialised(net: nn.Module) -> None:
    """Refuse a lazy module that has not seen an input yet.

    Raises:
        ModelError: Naming it.
    """
    for name, module in net.named_modules():
        for own in (*module._parameters.values(), *module._buffers.values()):
            if nn.parameter.is_lazy(own):
                raise ModelError(
                    f"{capitalised(title_of(name, module))} is lazy and has no weights yet; run the network once on an "
                    "image."
                )


def compute_weights(net: nn.Module) -> None:
    """Let the hooks that compute weights do it, as a pass would.

    Raises:
        ModelError: If the weight of a layer is computed by a hook that is not PyTorch's own, which may need an input.
    """
    for name, module in net.named_modules():
        hooks = _pre_hooks(module)
        own = [hook for hook in hooks if isinstance(hook, WEIGHT_HOOKS)]
        known = {_written_by(hook) for hook in own}
        for attribute in _bare(module):
            # Without a hook, or in a buffer, what stands there is what the forward uses.
            if attribute not in known and hooks and attribute in vars(module):
                called = ", ".join(f"'{name_of(hook)}'" for hook in hooks)
                raise ModelError(
                    f"The {attribute} of {title_of(name, module)} is computed before each pass by a hook ({called}) "
                    "that is not PyTorch's own; remove the hook and make what it computes a parameter."
                )
        for hook in own:
            hook(module, ())


def computed_weights(net: nn.Module) -> list[Computed]:
    """Return each weight that is computed from others, as it is at this moment.

    They are those of ``torch.nn.utils.prune``, ``weight_norm``, ``spectral_norm``, all parametrizations, and what
    stands in place of a parameter of one of PyTorch's layers.
    """
    found = []
    with torch.no_grad():
        for name, module in net.named_modules():
            found += list(_parametrised(name, module)) + list(_written(name, module))
    return found


def make_plain(net: nn.Module, computed: list[Computed]) -> None:
    """Give a copy the computed weights as parameters of their own names, without what they were made of.

    Args:
        net: A copy of the network that they were read from.
        computed: From ``computed_weights``.
    """
    modules = dict(net.named_modules())
    made: dict[tuple[int, ...], Tensor] = {}
    inner = {(each.module, source) for each in computed for source in each.sources}
    touched = {each.module: modules[each.module] for each in computed}
    for module in touched.values():
        _without_parametrisations(module)
        _without_weight_hooks(module)
    for each in computed:
        module = modules[each.module]
        for name in (*each.sources, each.name):
            vars(module).pop(name, None)
            module._parameters.pop(name, None)
            module._buffers.pop(name, None)
    for each in computed:
        if (each.module, each.name) in inner:
            continue
        tensor = made.get(each.origin)
        if tensor is None or not same_values(tensor, each.value):
            tensor = each.value.clone()
            if each.is_parameter:
                tensor = nn.Parameter(tensor, each.needs_gradient and tensor.is_floating_point())
            made[each.origin] = tensor
        module = modules[each.module]
        if isinstance(tensor, nn.Parameter):
            module.register_parameter(each.name, tensor)
        else:
            module.register_buffer(each.name, tensor)
    for module in touched.values():
        own = module._parameters
        first = {name: own.pop(name) for name in _USUAL if name in own}
        rest = dict(own)
        own.clear()
        own.update(first | rest)


def _parametrised(name: str, module: nn.Module) -> Iterator[Computed]:
    if not parametrize.is_parametrized(module):
        return
    for own, made_of in module.parametrizations.items():  # type: ignore[union-attr, operator]
        tensors = [*made_of.parameters(), *made_of.buffers()]
        origin = tuple(id(each) for each in tensors)
        has_parameter = any(isinstance(each, nn.Parameter) for each in tensors)
        needs = any(each.requires_grad for each in tensors)
        value = getattr(module, own).detach().clone()
        yield Computed(name, own, value, (), origin, has_parameter, needs)


def _written(name: str, module: nn.Module) -> Iterator[Computed]:
    """Yield what hooks have written into a module as plain tensors."""
    hooks = {_written_by(hook): hook for hook in _pre_hooks(module) if isinstance(hook, WEIGHT_HOOKS)}
    for own in dict.fromkeys((*hooks, *_bare(module))):
        value = vars(module).get(own, module._buffers.get(own))
        if not isinstance(value, Tensor):
            continue
        sources = tuple(
            f"{own}_{end}"
            for end in (_ENDINGS[_kind(hooks[own])] if own in hooks else ())
            if hasattr(module, f"{own}_{end}")
        )
        tensors = [getattr(module, source) for source in sources]
        # Masks are each layer's own; that they agree is seen from the values.
        origin = tuple(id(each) for each in tensors if isinstance(each, nn.Parameter)) or (id(value),)
        needs = any(each.requires_grad for each in tensors) or not tensors
        yield Computed(name, own, value.detach().clone(), sources, origin, True, needs)


_ENDINGS: dict[type, tuple[str, ...]] = {
    BasePruningMethod: ("orig", "mask"),
    WeightNorm: ("g", "v"),
    SpectralNorm: ("orig", "u", "v"),
}


def _kind(hook: object) -> type:
    return next(kind for kind in WEIGHT_HOOKS if isinstance(hook, kind))


def _pre_hooks(module: nn.Module) -> list[object]:
    return [hook for every in hooks_of(module)[1:] for hook in every.values()]


def _written_by(hook: object) -> str:
    """Return the name of the tensor that one of PyTorch's own hooks writes."""
    return str(hook._tensor_name if isinstance(hook, BasePruningMethod) else getattr(hook, "name", ""))


def _bare(module: nn.Module) -> list[str]:
    """Return what should be a parameter in one of PyTorch's own layers, but is a plain tensor or a buffer."""
    if not parametrize.type_before_parametrizations(module).__module__.startswith("torch.nn."):
        return []
    held = module._buffers | vars(module)
    return [name for name in _USUAL if isinstance(held.get(name), Tensor)]


def _without_parametrisations(module: nn.Module) -> None:
    if parametrize.is_parametrized(module):
        # Not torch's own way to remove them, which takes the property off the class that the original shares.
        module.__class__ = parametrize.type_before_parametrizations(module)
        del module._modules["parametrizations"]


def _without_weight_hooks(module: nn.Module) -> None:
    for hooks in (module._forward_pre_hooks, module._state_dict_hooks, module._load_state_dict_pre_hooks):
        for key, hook in list(hooks.items()):
            own = getattr(hook, "hook", hook)
            is_spectral = type(own).__module__ == SpectralNorm.__module__
            if isinstance(own, WEIGHT_HOOKS) or is_spectral:
                del hooks[key]
