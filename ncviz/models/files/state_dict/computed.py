"""Weights that a checkpoint keeps as what they are computed from, put together as the network's forward does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from ncviz.budget import Budget
from ncviz.errors import ModelError
from ncviz.models.files.state_dict.state import check_storage
from ncviz.text import quotable

# Between a module and the name of a tensor that a parametrization computes.
_PARAMETRISED = ".parametrizations."
Tensors = Mapping[str, Tensor]


def with_computed_weights(tensors: Tensors, label: str, budget: Budget) -> dict[str, Tensor]:
    """Return tensors with each weight in place of what it is computed from.

    These are ``weight_orig`` and ``weight_mask`` of ``torch.nn.utils.prune``, ``weight_g`` and ``weight_v`` of
    ``weight_norm``, ``weight_orig``, ``weight_u`` and ``weight_v`` of ``spectral_norm``, and what the parametrizations
    of the same names keep; masks over any of these too. Each is what the network computes in eval mode. What another
    parametrization keeps stays as it is.

    Args:
        tensors: Key → tensor, as the file has them.
        label: The file's name, for messages.
        budget: What reading it may take, for all of its dicts together.

    Raises:
        ModelError: If a tensor claims more than the file holds.
    """
    found, room = dict(tensors), _Room(tensors, label, budget)
    # Masks first: they lie over what a norm is computed from.
    for rule in (_masked, _spectral, _normed, _parametrised):
        whole: dict[str, tuple[str, Tensor]] = {}
        used: set[str] = set()
        for name, tensor in found.items():
            own = rule(name, found)
            if own is not None:
                made, sources, compute = own
                room.take([(source, found[source]) for source in sources], tensor)
                whole[name] = made, compute()
                used.update(sources)
        found = dict(
            whole.get(name, (name, tensor))
            for name, tensor in found.items()
            if name in whole or name not in used
        )
    return found


def check_complete(dicts: Sequence[Tensors], label: str) -> None:
    """Refuse masks alone, and weights that are computed in a way that no file says.

    Args:
        dicts: All dicts of tensors in a file, from ``with_computed_weights``.
        label: The file's name, for messages.

    Raises:
        ModelError: In one sentence.
    """
    if all(is_masks(each) for each in dicts):
        raise ModelError(
            f"{label} holds masks alone, which say what of a network is kept, but none of its weights; bring the "
            "pruned network itself, or lay the masks over yours with torch.nn.utils.prune.custom_from_mask."
        )
    # The largest is the network; an optimiser's numbers come in many small dicts.
    largest = max(dicts, key=len)
    left = next((name for name in largest if _PARAMETRISED in f".{name}"), None)
    if left is not None:
        module, _, own = f".{left}".rpartition(_PARAMETRISED)
        told = quotable(f"{module}.{own.partition('.')[0]}".removeprefix("."))
        raise ModelError(
            f"`{told}` in {label} is computed by a parametrization, and the file does not say how; call "
            "torch.nn.utils.parametrize.remove_parametrizations before saving, or bring the network as ONNX."
        )


def is_masks(tensors: Tensors) -> bool:
    """Return whether a dict holds nothing but masks."""
    return all(each.dtype == torch.bool or name.endswith("_mask") for name, each in tensors.items())


Computed = tuple[str, tuple[str, ...], Callable[[], Tensor]] | None


class _Room:
    """Keeps a crafted file, in which many names share memory, from growing beyond what it holds."""

    def __init__(self, tensors: Tensors, label: str, budget: Budget) -> None:
        self.label, self.budget = label, budget
        held = {each.untyped_storage().data_ptr(): each.untyped_storage().nbytes() for each in tensors.values()
                if each.layout == torch.strided and not each.is_meta}  # fmt: skip
        self.left = 2 * sum(held.values())

    def take(self, sources: list[tuple[str, Tensor]], size: Tensor) -> None:
        for name, tensor in sources:
            check_storage(name, tensor, self.label)
        self.left -= size.numel() * size.element_size()
        if self.left < 0:
            raise ModelError(
                f"{self.label} computes more weights than it holds numbers; save it again after "
                "torch.nn.utils.prune.remove."
            )
        self.budget.hold(size.numel() * size.element_size())


def _masked(name: str, found: Tensors) -> Computed:
    base = name.removesuffix("_orig")
    mask = found.get(f"{base}_mask")
    if base == name or mask is None or mask.shape != found[name].shape:
        return None
    orig = found[name]
    return base, (name, f"{base}_mask"), lambda: mask.to(orig.dtype) * orig


def _spectral(name: str, found: Tensors) -> Computed:
    base = name.removesuffix("_orig")
    if base != name:
        return _over_sigma(base, (name, f"{base}_u", f"{base}_v"), found)
    own = _original(name)
    if own is None:
        return None
    stem = name.removesuffix("original")
    return _over_sigma(own, (name, f"{stem}0._u", f"{stem}0._v"), found)


def _over_sigma(made: str, sources: tuple[str, str, str], found: Tensors) -> Computed:
    if not all(source in found for source in sources):
        return None
    weight, u, v = (found[source] for source in sources)
    # The first axis is that of the outputs, but for transposed convolutions.
    axis = next((at for at in (0, 1) if at < weight.ndim and len(u) == weight.shape[at]), None)
    if axis is None or len(v) * len(u) != weight.numel():
        return None

    def compute() -> Tensor:
        rows = weight.movedim(axis, 0).reshape(len(u), -1)
        return weight / torch.dot(u, torch.mv(rows, v))

    return made, sources, compute


def _normed(name: str, found: Tensors) -> Computed:
    if name.endswith("_g"):
        made, direction = name.removesuffix("_g"), f"{name.removesuffix('_g')}_v"
    elif name.endswith(".original0") and _PARAMETRISED in name:
        made, direction = _plain(name.removesuffix(".original0")), f"{name[:-1]}1"
        if f"{name[:-1]}2" in found:
            return None
    else:
        return None
    length, v = found[name], found.get(direction)
    if v is None or length.ndim not in (0, v.ndim):
        return None
    wide = [at for at, size in enumerate(length.shape) if size > 1]
    if len(wide) > 1 or any(length.shape[at] != v.shape[at] for at in wide):
        return None
    axis = -1 if length.ndim == 0 else wide[0] if wide else 0
    return made, (name, direction), lambda: torch._weight_norm(v, length, axis)


def _parametrised(name: str, found: Tensors) -> Computed:
    """Take a parametrization that keeps nothing but its original and a mask for what it is."""
    made = _original(name)
    beside = f"{name.removesuffix('original')}0.mask"
    mask, own = found.get(beside), found[name]
    if made is None or mask is None or mask.shape != own.shape:
        return None
    return made, (name, beside), lambda: own * mask.to(own.dtype)


def _original(name: str) -> str | None:
    """Return the name of the tensor that a parametrization computes from this one alone."""
    is_one = name.endswith(".original") and _PARAMETRISED in f".{name}"
    return _plain(name.removesuffix(".original")) if is_one else None


def _plain(name: str) -> str:
    module, _, own = f".{name}".rpartition(_PARAMETRISED)
    return f"{module}.{own}".removeprefix(".")
