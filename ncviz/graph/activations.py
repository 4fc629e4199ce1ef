"""Each layer's activations on a batch of inputs, normalised as the definition asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn

from ncviz.copies.hooks import without_global_hooks
from ncviz.copies.own_copy import own_copy
from ncviz.errors import ModelError
from ncviz.graph.forward.constants import free_of_types
from ncviz.graph.neural_graph import NeuralGraph, Tap
from ncviz.graph.tracing import trace


class _TapReader(fx.Interpreter):
    """Runs the trace and keeps what the named operations return."""

    def __init__(self, module: fx.GraphModule, taps: set[str]) -> None:
        super().__init__(module)
        self.taps = taps
        self.values: dict[str, Tensor] = {}

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if n.name in self.taps:
            # Cloned, because an in-place activation that follows would overwrite what is kept.
            self.values[n.name] = value.clone()
        return value


class ActivationReader:
    """A network that stays ready to say what its units do, whole or with some of its weights removed.

    Not for several threads at once.

    Args:
        net: The network that ``graph`` was built from. Not changed.
        graph: Its neural graph.
        inputs: [n, *input shape], for their shape alone.
        device: Where to run.
        dtype: With which numbers.
    """

    def __init__(
        self, net: nn.Module, graph: NeuralGraph, inputs: Tensor, device: str, dtype: torch.dtype
    ) -> None:
        # Traced before it moves, as when the graph was built: the operations must have the same names.
        own = trace(own_copy(net, inputs).cpu(), tuple(inputs.shape[1:]))
        free_of_types(own)
        own.to(device=device, dtype=dtype)
        self._graph, self._device, self._dtype = graph, device, dtype
        self._reader = _TapReader(own, {tap.node for taps in graph.taps for tap in taps})
        self._weights = {name: own.get_parameter(name) for name in graph.parameters if _has(own, name)}
        self._whole: dict[str, Tensor] = {}

    def read(self, inputs: Tensor, masks: Mapping[str, Tensor] | None = None) -> list[Tensor]:
        """Return what each layer's units say for each input, softmax on the last.

        Args:
            inputs: [n, *input shape].
            masks: By a weight's name what is kept of it, bool of its shape; None for the whole network.

        Returns:
            One CPU float64 tensor [n, units] for each layer, input first.

        Raises:
            ModelError: If an activation is NaN or infinite, naming the layer, or a weight is not to be found.
        """
        self._lay(masks)
        with torch.no_grad(), without_global_hooks():
            self._reader.run(inputs.to(device=self._device, dtype=self._dtype, copy=True))
        graph, values = self._graph, self._reader.values
        layers = [
            _gathered(values, taps, size, len(inputs))
            for taps, size in zip(graph.taps, graph.layer_sizes, strict=True)
        ]
        for name, layer in zip(graph.layer_names, layers, strict=True):
            if not torch.isfinite(layer).all():
                where = "the input" if layer is layers[0] else f"layer '{name}'"
                raise ModelError(
                    f"The activations of {where} hold NaN or infinite values; check the weights and images."
                )
        layers[-1] = layers[-1].softmax(dim=1)
        return layers

    def _lay(self, masks: Mapping[str, Tensor] | None) -> None:
        """Set what is not kept to zero, and what was before to what it is."""
        if masks is None and not self._whole:
            return
        missing = set(masks or {}) - set(self._weights)
        if missing:
            raise ModelError(f"The forward of the network reads no weight '{sorted(missing)[0]}'.")
        if not self._whole:
            self._whole = {name: weight.detach().clone() for name, weight in self._weights.items()}
        with torch.no_grad():
            for name, weight in self._weights.items():
                weight.copy_(self._whole[name])
                if masks is not None and name in masks:
                    weight.mul_(masks[name].to(weight.device))


def _has(module: nn.Module, name: str) -> bool:
    try:
        module.get_parameter(name)
    except AttributeError:
        return False
    return True


def layer_activations(
    net: nn.Module, graph: NeuralGraph, inputs: Tensor, device: str = "cpu"
) -> list[Tensor]:
    """Return what each layer's units say for each input, softmax on the last.

    The forward pass runs in float64 where the device has it, so that every device gives the same curvature.

    Args:
        net: The network that ``graph`` was built from. Not changed.
        graph: Its neural graph.
        inputs: [n, *input shape].
        device: Where to run.

    Returns:
        One CPU float64 tensor [n, units] for each layer, input first.

    Raises:
        ModelError: If an activation is NaN or infinite, naming the layer.
    """
    dtype = torch.float32 if device.startswith("mps") else torch.float64
    return ActivationReader(net, graph, inputs, device, dtype).read(inputs)


def _gathered(values: Mapping[str, Tensor], taps: tuple[Tap, ...], size: int, images: int) -> Tensor:
    """Return one layer's activations, CPU float64 [n, size], from where they are read."""
    found: Tensor | None = None
    for tap in taps:
        axis = tap.image_axis
        by_image = values[tap.node].unflatten(axis, (images, -1)).movedim(axis, 0)
        own = by_image.flatten(1).to("cpu", torch.float64)
        if tap.units is None:
            found = own
            continue
        found = own.new_zeros((len(own), size)) if found is None else found.clone()
        inside = tap.units >= 0
        found[:, torch.from_numpy(tap.units[inside])] = own[:, torch.from_numpy(np.flatnonzero(inside))]
    assert found is not None
    return found


def normalise(activations: Tensor) -> np.ndarray:
    """Return |activation|, min-max normalised to [0, 1] within the layer, for each sample.

    A layer whose units all say the same holds no information about which of them matter: it is treated as all
    ones rather than divided by zero.

    Args:
        activations: [n, units].

    Returns:
        float64 [n, units].
    """
    magnitude = activations.abs().to(torch.float64).numpy()
    low = magnitude.min(axis=1, keepdims=True)
    spread = magnitude.max(axis=1, keepdims=True) - low
    constant = spread == 0
    return np.where(constant, 1.0, (magnitude - low) / np.where(constant, 1.0, spread))
