"""Turn what a checkpoint holds into a network's state dict, refusing whatever does not fit in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ncviz.errors import ModelError
from ncviz.text import quotable

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network", "model_state", "net_state_dict")
_PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.")
_COUNTER = ".num_batches_tracked"
_MAX_WRAPPING = 3
_MAX_PREFIXES = 8
_PART = 2**22


def fit_state(
    loaded: Any, expected: Mapping[str, Tensor], architecture: str, label: str
) -> dict[str, Tensor]:
    """Return dense tensors with the keys, shapes and dtypes of ``expected``, each with memory of its own.

    Args:
        loaded: What the file held: a state dict, or a dict with one under a usual name. Nobody else may hold its
            tensors, since those that are as wanted are taken as they are.
        expected: The architecture's state dict; only its keys, shapes and dtypes are looked at.
        architecture: Its name, for messages.
        label: The file's name, for messages.

    Raises:
        ModelError: If a tensor is missing, unexpected, of another shape or kind, or not finite, or every weight is 0.
    """
    state, _ = find_state(loaded, label)
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


def find_state(loaded: Any, label: str) -> tuple[dict[str, Tensor], str]:
    """Return the state dict in what a file held, every tensor dense and complete, and what was cut off before its keys.

    Args:
        loaded: What the file held: a state dict, or a dict with one under a usual name.
        label: The file's name, for messages.

    Raises:
        ModelError: If there is none, or a tensor is sparse, quantised, or larger than what the file holds of it.
    """
    state, prefix = _strip_prefixes(_find_state(loaded, label))
    for name, tensor in state.items():
        _check_storage(name, tensor, label)
    return state, prefix


def is_counter(key: str) -> bool:
    """Return whether a key names a normalisation's count of batches, which older files lack and nothing here reads."""
    return key.endswith(_COUNTER)


def load_state(net: nn.Module, state: Mapping[str, Tensor]) -> nn.Module:
    """Put a fitted state dict into the network, and return it in eval mode."""
    net.load_state_dict(dict(state), assign=True)
    return net.eval()


def _find_state(loaded: Any, label: str) -> dict[str, Tensor]:
    """Return the dict of tensors, looking inside the usual wrappers."""
    for _ in range(_MAX_WRAPPING):
        if not isinstance(loaded, Mapping):
            raise ModelError(
                f"{label} holds {_describe(loaded)}, expected a state dict; save net.state_dict()."
            )
        wrapper = next((key for key in _WRAPPERS if isinstance(loaded.get(key), Mapping)), None)
        if wrapper is None:
            break
        loaded = loaded[wrapper]
    if not any(isinstance(value, Tensor) for value in loaded.values()):
        raise ModelError(f"{label} holds no tensors, expected a state dict; save net.state_dict().")
    for key, value in loaded.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise ModelError(
                f"{label} holds {_describe(value)} under {_describe_key(key)}, expected a tensor; save "
                "net.state_dict()."
            )
    return dict(loaded)


def _strip_prefixes(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], str]:
    """Return the state without what DataParallel, torch.compile and Lightning put before every key, and that."""
    stripped = ""
    for _ in range(_MAX_PREFIXES):
        prefix = next((prefix for prefix in _PREFIXES if all(key.startswith(prefix) for key in state)), None)
        if prefix is None:
            break
        state = {key.removeprefix(prefix): tensor for key, tensor in state.items()}
        stripped += prefix
    return state, stripped


def _check_storage(name: str, tensor: Tensor, label: str) -> None:
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


def _describe_key(key: Any) -> str:
    """Return a key fit for one sentence."""
    # The repr of a deeply nested tuple overflows the stack, so nothing but a string is ever printed.
    return f"`{quotable(key[:200])}`" if isinstance(key, str) else f"a key that is {_describe(key)}"


def _describe(value: Any) -> str:
    """Return what a value is, with its article."""
    if isinstance(value, Tensor):
        return "a single tensor"
    if value is None:
        return "nothing"
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"
