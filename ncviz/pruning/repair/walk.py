"""Layers one after the other as a forward pass runs them, each seeing what those before it have become."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ncviz.errors import NcvizError
from ncviz.limits import LIMITS
from ncviz.pruning.criteria.activation import heard_of

# What a pass holds at once beside a layer's own input and output: those of a skip, and of the layer before.
_HELD = 4

Say = Callable[[float], None]


@dataclass(frozen=True)
class Stage:
    """A layer, or all layers that share its weight: what is repaired at once.

    Attributes:
        names: Of the modules, in the order in which they are first called.
        calls: How often they are called in a pass, all together.
    """

    names: tuple[str, ...]
    calls: int

    @property
    def name(self) -> str:
        """The first module's name."""
        return self.names[0]


class Learner(Protocol):
    """What is learned of one stage in passes over all images, and what it changes then."""

    def hear(self, module: nn.Module, heard: Tensor, meant: Tensor | None) -> None:
        """Take in one batch: what stands at a module's input, and what the whole network's module gives there."""

    def adjust(self) -> None:
        """Change the stage's tensors by what was heard."""


class _ReachedError(Exception):
    """Ends a pass: what follows is not needed."""


def find_stages(net: nn.Module, kinds: tuple[type[nn.Module], ...], inputs: Tensor) -> list[Stage]:
    """Return the layers of some kinds that a forward calls, in their order; those that share a weight are one stage.

    Args:
        net: The network, in eval mode.
        kinds: Classes of modules.
        inputs: [n, *input shape], of which the first is looked at.
    """
    called: list[str] = []
    with _hooked(net, _named(net, kinds), lambda name, *_: called.append(name)), torch.no_grad():
        net(inputs[:1])
    groups: dict[int, list[str]] = {}
    for name in called:
        weight = net.get_submodule(name).weight
        groups.setdefault(id(net.get_submodule(name) if weight is None else weight), []).append(name)
    return [Stage(tuple(dict.fromkeys(names)), len(names)) for names in groups.values()]


def batch_size(net: nn.Module, stages: Sequence[Stage], inputs: Tensor) -> int:
    """Return how many images go through a network at once without taking more memory than a repair may."""
    largest = inputs[0].nbytes

    def note(_name: str, module: nn.Module, heard: Tensor) -> None:
        nonlocal largest
        largest = max(largest, heard.nbytes + module.forward(heard).nbytes)

    names = [name for stage in stages for name in stage.names]
    with _hooked(net, names, note), torch.no_grad():
        net(inputs[:1])
    return max(1, min(len(inputs), LIMITS.repair_bytes // (_HELD * largest)))


class Reference:
    """What the whole network's layers give on the images, kept where there is room, else computed again.

    Args:
        net: The whole network, in eval mode.
        stages: From ``find_stages``.
        inputs: [n, *input shape].
        batch: How many images go through at once.
    """

    def __init__(self, net: nn.Module, stages: Sequence[Stage], inputs: Tensor, batch: int) -> None:
        self._net, self._stages, self._inputs, self._batch = net, stages, inputs, batch
        self._kept: dict[tuple[int, str], list[Tensor]] | None = None
        size = sum(each.nbytes for stage in stages for each in self._run(stage, inputs[:1]))
        if size * len(inputs) <= LIMITS.repair_bytes:
            self._kept = {}
            for number, images in enumerate(inputs.split(batch)):
                for name, found in self._run_all(images).items():
                    self._kept[number, name] = found

    def outputs(self, stage: Stage, number: int) -> list[Tensor]:
        """Return a stage's outputs on one batch of images, one for each call."""
        if self._kept is not None:
            return self._kept[number, stage.name]
        return self._run(stage, self._inputs.split(self._batch)[number])

    def _run(self, stage: Stage, images: Tensor) -> list[Tensor]:
        found: list[Tensor] = []

        def note(_name: str, module: nn.Module, heard: Tensor) -> None:
            found.append(module.forward(heard))
            if len(found) == stage.calls:
                raise _ReachedError

        _run_until(self._net, stage, images, note)
        return found

    def _run_all(self, images: Tensor) -> dict[str, list[Tensor]]:
        first = {name: stage.name for stage in self._stages for name in stage.names}
        found: dict[str, list[Tensor]] = {stage.name: [] for stage in self._stages}

        def note(name: str, module: nn.Module, heard: Tensor) -> None:
            found[first[name]].append(module.forward(heard))

        with _hooked(self._net, list(first), note), torch.no_grad():
            self._net(images)
        return found


def walk(
    net: nn.Module,
    stages: Sequence[Stage],
    inputs: Tensor,
    batch: int,
    learn: Callable[[Stage], Learner],
    *,
    reference: Reference | None = None,
    say: Say | None = None,
) -> None:
    """Learn and adjust stage by stage: each hears the images through the layers before it as they were adjusted.

    Where all images go through at once that is one pass, in which each layer is adjusted before it runs; else each
    stage has a pass of its own over all batches, up to that stage.

    Args:
        net: The network, in eval mode. Its layers are adjusted in place.
        stages: From ``find_stages``.
        inputs: [n, *input shape].
        batch: How many images go through at once.
        learn: Returns what learns of a stage.
        reference: The whole network's outputs, for learners that compare with them.
        say: Called with the fraction done; may raise to stop.
    """
    tell = say if say is not None else lambda _fraction: None
    if batch >= len(inputs) and all(stage.calls == 1 for stage in stages):
        of = {stage.name: stage for stage in stages}
        done = 0

        def repair(name: str, module: nn.Module, heard: Tensor) -> None:
            nonlocal done
            learner = learn(of[name])
            learner.hear(module, heard, None if reference is None else reference.outputs(of[name], 0)[0])
            learner.adjust()
            done += 1
            tell(done / len(stages))

        with _hooked(net, list(of), repair), torch.no_grad():
            net(inputs)
        return
    parts = inputs.split(batch)
    for place, stage in enumerate(stages):
        learner = learn(stage)
        for number, images in enumerate(parts):
            meant = None if reference is None else reference.outputs(stage, number)
            _run_until(net, stage, images, _hearing(learner, stage, meant))
            tell((place + (number + 1) / len(parts)) / len(stages))
        with torch.no_grad():
            learner.adjust()


def check_reached(net: nn.Module, stages: Sequence[Stage], removed: Sequence[str], what: str) -> None:
    """Refuse a network that lost weights where no stage sees them.

    Args:
        net: The network.
        stages: From ``find_stages``.
        removed: Names of the parameters that lost weights.
        what: The repair's name, for the message.

    Raises:
        NcvizError: Naming the first such parameter.
    """
    seen = {
        id(parameter)
        for stage in stages
        for name in stage.names
        for parameter in net.get_submodule(name).parameters()
    }
    weights = dict(net.named_parameters(remove_duplicate=False))
    missed = next((name for name in removed if id(weights[name]) not in seen), None)
    if missed is not None:
        raise NcvizError(
            f"To {what} takes layers, and '{missed}' is none that a forward calls: it is read by a function, or by a "
            "kind of layer that this repair does not know; repair jointly (Fisher), or not at all."
        )


def _hearing(
    learner: Learner, stage: Stage, meant: list[Tensor] | None
) -> Callable[[str, nn.Module, Tensor], None]:
    heard_so_far = 0

    def hear(_name: str, module: nn.Module, heard: Tensor) -> None:
        nonlocal heard_so_far
        learner.hear(module, heard, None if meant is None else meant[heard_so_far])
        heard_so_far += 1
        if heard_so_far == stage.calls:
            raise _ReachedError

    return hear


def _run_until(
    net: nn.Module, stage: Stage, images: Tensor, act: Callable[[str, nn.Module, Tensor], None]
) -> None:
    with _hooked(net, stage.names, act), torch.no_grad():
        try:
            net(images)
        except _ReachedError:
            return


def _named(net: nn.Module, kinds: tuple[type[nn.Module], ...]) -> list[str]:
    return [name for name, module in net.named_modules() if isinstance(module, kinds)]


@contextmanager
def _hooked(
    net: nn.Module, names: Sequence[str], act: Callable[[str, nn.Module, Tensor], None]
) -> Iterator[None]:
    """Call ``act`` with name, module and input before each of these modules runs."""

    def hook(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], dict[str, Any]], None]:
        return lambda module, given, named: act(name, module, heard_of(given, named))

    handles = [
        net.get_submodule(name).register_forward_pre_hook(hook(name), with_kwargs=True) for name in names
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
