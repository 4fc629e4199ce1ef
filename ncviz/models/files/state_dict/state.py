"""Turn what a checkpoint holds into a network's state dict, refusing whatever does not fit in one sentence."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ncviz.errors import ModelError
from ncviz.models.files.state_dict.candidates import is_counter
from ncviz.text import quotable

_PART = 2**22


def fit_state(
    state: Mapping[str, Tensor], expected: Mapping[str, Tensor], architecture: str, label: str
) -> dict[str, Tensor]:
    """Return dense tensors with the keys, shapes and dtypes of ``expected``, each with memory of its own.

    Args:
        state: Key → dense tensor. Nobody else may hold the tensors, since those that are as wanted are taken as they
            are.
        expected: The architecture's state dict; only its keys, shapes and dtypes are looked at.
        architecture: Its name, for messages.
        label: The file's name, for messages.

    Raises:
        ModelError: If a tensor is missing, unexpected, of another shape or kind, or not finite, or every weight is 0.
    """
    # A counter that PyTorch added to BatchNorm later, and that nothing here reads.
    counters = {key: torch.zeros_like(expected[key], device="cpu") for key in expected if is_counter(key)}
    state = {**counters, **state}
    _check_keys(state, expected, architecture)
    used: set[int] = set()
    fitted = {}
    for name, wanted in expected.items():
        _check_tensor(name, state[name], wanted, architecture)
        memory = state[name].untyped_storage()
        is_taken = memory.nbytes() == 4 * wanted.numel() and memory.data_ptr() not in used
        used.add(memory.data_ptr())
        fitted[name] = (
            state[name].detach().to(wanted.dtype, copy=not is_taken, memory_format=torch.contiguous_format)
        )
        _check_values(name, fitted[name])
    if not any(tensor.any() for tensor in fitted.values() if tensor.ndim > 1):
        raise ModelError(
            f"Every weight in {label} is zero, so it has no edge to show; give a trained network."
        )
    return fitted


def load_state(net: nn.Module, state: Mapping[str, Tensor]) -> nn.Module:
    """Put a fitted state dict into the network, and return it in eval mode."""
    net.load_state_dict(dict(state), assign=True)
    return net.eval()


def check_storage(name: str, tensor: Tensor, label: str) -> None:
    """Raise a ModelError unless the tensor is dense and its file holds every one of its elements."""
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta or tensor.is_nested:
        raise ModelError(
            f"`{quotable(name)}` in {label} is sparse, quantised or without data, expected a dense tensor; convert it "
            "with to_dense() or dequantize()."
        )
    claimed, held = tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes()
    if claimed > held:
        raise ModelError(
            f"`{quotable(name)}` in {label} claims {claimed:,} bytes, but the file holds {held:,} for it; save it "
            "again with tensor.contiguous()."
        )


def _check_keys(state: Mapping[str, Tensor], expected: Mapping[str, Tensor], architecture: str) -> None:
    """Raise a ModelError that counts and names missing and unexpected keys."""
    missing = [key for key in expected if key not in state]
    unexpected = [key for key in state if key not in expected]
    parts = [
        f"{len(keys)} {kind}, first `{quotable(keys[0])}`"
        for kind, keys in (("missing", missing), ("unexpected", unexpected))
        if keys
    ]
    if parts:
        raise ModelError(f"Keys do not match {architecture}: {'; '.join(parts)}.")


def _check_tensor(name: str, tensor: Tensor, wanted: Tensor, architecture: str) -> None:
    """Raise a ModelError unless the tensor has the wanted shape and kind of numbers."""
    if tensor.shape != wanted.shape:
        raise ModelError(
            f"`{name}` has shape {list(tensor.shape)}, but {architecture} expects {list(wanted.shape)}; choose the "
            "architecture that it was trained with."
        )
    if tensor.is_floating_point() != wanted.is_floating_point() or tensor.is_complex():
        raise ModelError(
            f"`{name}` holds {_dtype(tensor)} values, but {architecture} expects {_dtype(wanted)}; save the network "
            "as float32."
        )


def _check_values(name: str, fitted: Tensor) -> None:
    """Raise a ModelError if values are not finite, or variances negative."""
    # Part by part, since the check takes more memory than what it checks.
    bad = sum(int((~torch.isfinite(part)).sum()) for part in fitted.reshape(-1).split(_PART))
    if bad:
        raise ModelError(
            f"`{name}` holds {bad:,} NaN or infinite values of {fitted.numel():,}; give a network whose training did "
            "not diverge."
        )
    if name.endswith(".running_var") and bool((fitted < 0).any()):
        raise ModelError(
            f"`{name}` holds {int((fitted < 0).sum()):,} negative values, but a variance is at least 0; save the "
            "network again."
        )


def _dtype(tensor: Tensor) -> str:
    """Return the dtype's name without "torch."."""
    return str(tensor.dtype).removeprefix("torch.")
