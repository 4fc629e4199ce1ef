"""One network that is repaired again and again, under any masks; the network itself is never touched."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ncviz.config import REPAIRS, check_choice
from ncviz.copies.attention import call_projections
from ncviz.copies.own_copy import own_copy
from ncviz.devices import guard, resolve_device
from ncviz.errors import DataError, NcvizError
from ncviz.graph.operations import TRANSPOSED_MODULES, WEIGHT_MODULES
from ncviz.pruning.curve import count_classes
from ncviz.pruning.repair.fisher import JointUpdate
from ncviz.pruning.repair.layerwise import LayerLearner
from ncviz.pruning.repair.statistics import ChannelLearner, NormLearner
from ncviz.pruning.repair.walk import (
    Learner,
    Reference,
    Say,
    Stage,
    batch_size,
    check_reached,
    find_stages,
    walk,
)
from ncviz.pruning.scores import weight_names

State = Mapping[str, Tensor]


class Repairer:
    """Repairs one network under any masks.

    Args:
        net: The whole network. Not changed.
        inputs: Training images [n, *input shape].
        labels: int64 [n], for "fisher".
        way: A name in ``REPAIRS`` but "none".
        device: Where to compute.
        say: Called with the fraction done of what all masks share; may raise to stop.

    Raises:
        DataError: If there are no images, they are not finite numbers, or labels are missing or do not fit.
        NcvizError: If there is no such repair.
        ModelError: If the network cannot be copied.
        DeviceError: If the device is missing or out of memory.
    """

    def __init__(
        self,
        net: nn.Module,
        inputs: Tensor,
        labels: Tensor | None = None,
        way: str = REPAIRS[1],
        *,
        device: str = "cpu",
        say: Say | None = None,
    ) -> None:
        check_choice("repair", way, REPAIRS[1:])
        if not len(inputs) or not inputs.is_floating_point() or not torch.isfinite(inputs).all():
            raise DataError("A repair takes at least one training image, of finite floating-point numbers.")
        self.way, self._device = way, resolve_device(device)
        if self._device == "mps":
            # It has no float64, which the equations are solved in.
            self._device = "cpu"
        with guard(self._device):
            self._dense = call_projections(own_copy(net, inputs)).requires_grad_(False)
            classes = count_classes(self._dense, inputs)
            self._dense = self._dense.to(self._device)
            self._inputs = inputs.to(self._device)
            self._work = copy.deepcopy(self._dense)
            self._names = weight_names(self._dense, tuple(inputs.shape[1:]))
            self._joint: JointUpdate | None = None
            if way == "fisher":
                self._joint = self._prepare_joint(labels, classes, say)
            else:
                self._prepare_stages()

    @property
    def has_norms(self) -> bool:
        """Whether the network has a BatchNorm that keeps statistics."""
        return bool(_norms(self._dense))

    def under(
        self, masks: Iterable[Mapping[str, Tensor]], say: Say | None = None
    ) -> Iterator[dict[str, Tensor]]:
        """Yield for each of several masks what the repaired network has that differs from the whole one.

        Where nothing is removed nothing is repaired.

        Args:
            masks: For each, name → bool tensor of a weight's shape, True where it is kept.
            say: Called with the fraction done of each; may raise to stop.

        Yields:
            Name of a parameter or buffer → its tensor, on the CPU.
        """
        own = _tensors(self._dense)
        yield from self.repaired(
            (
                {name: torch.where(mask.to(self._device), own[name], 0.0) for name, mask in each.items()}
                for each in masks
            ),
            say,
        )

    def repaired(self, states: Iterable[State], say: Say | None = None) -> Iterator[dict[str, Tensor]]:
        """Yield the same for pruned weights in place of masks; a weight that is zero counts as removed."""
        whole = _tensors(self._dense)

        def changed(state: State) -> dict[str, Tensor]:
            own = {name: value.to(self._device) for name, value in state.items()}
            return {name: value for name, value in own.items() if not torch.equal(value, whole[name])}

        if self._joint is None:
            for state in states:
                with guard(self._device):
                    own = changed(state)
                    found = self._repair(own, say) if own else {}
                yield found
            return
        kept_states: list[State] = []

        def changes() -> Iterator[tuple[Tensor, Tensor]]:
            for state in states:
                kept_states.append(changed(state))
                now = torch.cat([kept_states[-1].get(name, whole[name]).flatten() for name in self._names])
                yield now != 0, now - torch.cat([whole[name].flatten() for name in self._names])

        with guard(self._device):
            for update in self._joint.updates(changes(), say):
                state = kept_states.pop(0)
                yield self._jointly(state, update) if state else {}

    def renormed(self, say: Say | None = None) -> dict[str, Tensor]:
        """Return the statistics of every BatchNorm of the network as it is, estimated anew."""
        with guard(self._device):
            return self._repair({}, say)

    def _jointly(self, state: State, update: Tensor) -> dict[str, Tensor]:
        whole, found = _tensors(self._dense), dict(state)
        sizes = [whole[name].numel() for name in self._names]
        for name, part in zip(self._names, update.split(sizes), strict=True):
            now = state.get(name, whole[name])
            # The update begins with what was removed already.
            found[name] = torch.where(now != 0, whole[name] + part.reshape(now.shape), 0.0)
        return {name: value.cpu() for name, value in found.items()}

    def _prepare_joint(self, labels: Tensor | None, classes: int, say: Say | None) -> JointUpdate:
        if labels is None or len(labels) != len(self._inputs):
            got = "none" if labels is None else str(len(labels))
            raise DataError(
                f"A joint repair takes a label for each of the {len(self._inputs)} images, got {got}."
            )
        if labels.is_floating_point() or int(labels.min()) < 0 or int(labels.max()) >= classes:
            raise DataError(f"labels must be whole numbers from 0 to {classes - 1}, the network's classes.")
        return JointUpdate(self._dense, self._inputs, labels.to(self._device), self._names, say=say)

    def _prepare_stages(self) -> None:
        """Find the layers, and what they give in the whole network where that is compared with."""
        norms = self.way == "recalibrate" and self.has_norms
        kinds: tuple[type[nn.Module], ...] = (_BatchNorm,) if norms else WEIGHT_MODULES
        self._stages = find_stages(self._dense, kinds, self._inputs)
        if norms:
            kept = set(_norms(self._dense))
            self._stages = [stage for stage in self._stages if stage.name in kept]
        self._batch = batch_size(self._dense, self._stages, self._inputs)
        self._reference = None if norms else Reference(self._dense, self._stages, self._inputs, self._batch)

    def _repair(self, state: State, say: Say | None) -> dict[str, Tensor]:
        whole, work = _tensors(self._dense), _tensors(self._work)
        with torch.no_grad():
            for name, tensor in work.items():
                tensor.copy_(state.get(name, whole[name]))
        if self._reference is not None:
            what = "match statistics" if self.way == "recalibrate" else "update layer by layer"
            check_reached(self._work, self._stages, list(state), what)
        learn = partial(_layer, self._dense, self._work) if self.way == "layerwise" else self._statistics
        walk(self._work, self._stages, self._inputs, self._batch, learn, reference=self._reference, say=say)
        return {
            name: tensor.detach().cpu().clone()
            for name, tensor in work.items()
            if name in state or not torch.equal(tensor, whole[name])
        }

    def _statistics(self, stage: Stage) -> Learner:
        modules = [self._work.get_submodule(name) for name in stage.names]
        return NormLearner(modules) if self._reference is None else ChannelLearner(modules)


def _layer(dense: nn.Module, work: nn.Module, stage: Stage) -> Learner:
    modules, wholes = ([net.get_submodule(name) for name in stage.names] for net in (work, dense))
    if isinstance(modules[0], TRANSPOSED_MODULES):
        raise NcvizError(
            f"Layer '{stage.name}' is a transposed convolution, which a repair layer by layer does not know; repair "
            "jointly (Fisher)."
        )
    return LayerLearner(modules, wholes)


def _norms(net: nn.Module) -> list[str]:
    """Return the names of every BatchNorm that keeps statistics; others take those of what they are given."""
    return [
        name
        for name, module in net.named_modules()
        if isinstance(module, _BatchNorm) and module.running_var is not None
    ]


def _tensors(net: nn.Module) -> dict[str, Tensor]:
    """Return parameters and buffers, each under its first name alone: what is shared is written once."""
    found = dict(net.named_parameters())
    return {name: value.detach() for name, value in found.items()} | dict(net.named_buffers())
