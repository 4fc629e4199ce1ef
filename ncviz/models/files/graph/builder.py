"""Write a blueprint step by step, as a reader finds the operations, within the limits on what users bring."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ncviz.budget import Budget
from ncviz.errors import ModelError
from ncviz.limits import LIMITS
from ncviz.models.files.graph.blueprint import INPUT, Blueprint, Step, check_blueprint, fit_name, settings_of
from ncviz.models.files.graph.build import Shape, shape_after
from ncviz.models.files.graph.operations import OPERATIONS

# A BatchNorm's arrays that training measures rather than learns.
_STATISTICS = frozenset({"running_mean", "running_var", "num_batches_tracked"})


class BlueprintBuilder:
    """A network being read: steps, shapes and arrays so far.

    Attributes:
        label: The file's name, for messages.
        budget: What reading it may take; by default that of the largest file.
        shapes: Step → shape of what it gives for one input, without the batch axis.
        arrays: Name → array, float32 (int64 for a BatchNorm's counter).
        ties: Name → the name of the array that it is, where a file gives two layers the same.
        kept_names: Names that no step may have, since layers will lie there.
    """

    def __init__(self, label: str, input_shape: Shape, budget: Budget | None = None) -> None:
        self.label, self.input_shape = label, input_shape
        self.budget = budget or Budget(label, LIMITS.file_bytes, ModelError)
        self.shapes: dict[str, Shape] = {INPUT: input_shape}
        self.arrays: dict[str, np.ndarray] = {}
        self.ties: dict[str, str] = {}
        self.kept_names: set[str] = set()
        # By place in memory and form; what lies there is kept, so that nothing else comes to lie there.
        self._owners: dict[tuple[Any, ...], tuple[str, np.ndarray]] = {}
        self._steps: dict[str, Step] = {}
        self._folders: set[str] = set()
        self._numbers: dict[str, int] = {}  # name → the first number behind it that may be free
        self._units = self._multiplications = self._parameters = self._layers = 0
        # Refuses a crafted input before anything else is asked of it.
        check_blueprint(Blueprint(input_shape, (Step("probe", "relu", (INPUT,)),), "probe"))

    def add(
        self,
        hint: str,
        operation: str,
        inputs: tuple[str, ...],
        arrays: Mapping[str, np.ndarray] | None = None,
        **settings: Any,
    ) -> str:
        """Add a step and return its name.

        Args:
            hint: What it should be called, of any characters.
            operation: A name in ``OPERATIONS``.
            inputs: Steps that it reads.
            arrays: Its arrays by their short names (weight, bias …).
            **settings: Its settings.

        Raises:
            ModelError: If it does not fit what it reads, or is beyond a limit.
        """
        self.budget.check_time()
        step = Step(self._name(hint, operation), operation, inputs, settings_of(settings))
        OPERATIONS[operation].check(step.name, step.options, len(inputs))
        shape, expected, multiplications = shape_after(step, [self.shapes[name] for name in inputs])
        given = dict(arrays or {})
        if "num_batches_tracked" in expected:
            given.setdefault("num_batches_tracked", np.array(0, dtype=np.int64))
        if {name: values.shape for name, values in given.items()} != expected:
            found = {name: list(values.shape) for name, values in given.items()}
            wanted = {name: list(size) for name, size in expected.items()}
            raise ModelError(f"Step '{step.name}' of {self.label} has arrays {found}, expected {wanted}.")
        for name, values in given.items():
            if not np.isfinite(values).all():
                raise ModelError(
                    f"{self.label} has a {name} of '{step.name}' that is not finite; train or export it again."
                )
        owners = {name: self._owner_of(f"{step.name}.{name}", values) for name, values in given.items()}
        own = sum(math.prod(expected[name]) for name, owner in owners.items() if not owner)
        self._count(step, math.prod(shape), multiplications, own)
        self._steps[step.name], self.shapes[step.name] = step, shape
        self._folders |= _folders_of(step.name)
        for name, values in given.items():
            if owners[name]:
                self.ties[f"{step.name}.{name}"] = owners[name]
                continue
            kind = np.int64 if name == "num_batches_tracked" else np.float32
            if values.dtype != kind:
                # A copy is made.
                self.budget.check_room(values.size * np.dtype(kind).itemsize)
            made = self.arrays[f"{step.name}.{name}"] = np.asarray(values, dtype=kind, order="C")
            self.budget.hold_array(made)
        return step.name

    def step(self, name: str) -> Step | None:
        """Return a step, or None for the input."""
        return self._steps.get(name)

    def set_bias(self, name: str, bias: np.ndarray) -> None:
        """Give a layer that has none its bias."""
        step = self._steps[name]
        settings = settings_of({**step.options, "bias": True})
        self._steps[name] = Step(step.name, step.operation, step.inputs, settings)
        self.arrays[f"{name}.bias"] = np.ascontiguousarray(bias, dtype=np.float32)

    def _owner_of(self, name: str, values: np.ndarray) -> str:
        """Return the array of an earlier layer that this one is, "" for none."""
        # A file may keep equal arrays once, though one is trained and the other measured: those stay apart.
        is_measured = name.rpartition(".")[2] in _STATISTICS
        owner = self._owners.setdefault((is_measured, *_place_of(values)), (name, values))[0]
        return "" if owner == name else owner

    def name_of(self, values: np.ndarray) -> str:
        """Return the array that values of a file became, "" for none."""
        found = (
            self._owners.get((is_measured, *_place_of(values)), ("",))[0] for is_measured in (False, True)
        )
        return next((name for name in found if name in self.arrays), "")

    def finish(self, output: str) -> Blueprint:
        """Return the blueprint of what the output needs; arrays that it does not need are dropped.

        Raises:
            ModelError: If there is no layer with weights, or the output is no row of classes.
        """
        needed, kept = {output}, []
        for step in reversed(self._steps.values()):
            if step.name in needed:
                needed |= set(step.inputs)
                kept.append(step)
        if not any(OPERATIONS[step.operation].is_layer for step in kept):
            raise ModelError(f"{self.label} has no layer with weights between its input and its output.")
        if len(self.shapes[output]) != 1:
            raise ModelError(
                f"{self.label} gives values of shape {list(self.shapes[output])} per image, expected one row of "
                "class scores: it is no image classifier."
            )
        owned = tuple(f"{step.name}." for step in kept if OPERATIONS[step.operation].is_layer)
        for name in list(self.ties):
            owner = self.ties[name]
            if f"{name.rpartition('.')[0]}." not in owned:
                del self.ties[name]
            elif f"{owner.rpartition('.')[0]}." not in owned:
                # Whose it was is not needed, so it belongs to the first that is.
                self.arrays[name] = self.arrays.pop(owner)
                self.ties = {
                    tied: name if of == owner else of for tied, of in self.ties.items() if tied != name
                }
                self._owners = {
                    place: (name if own == owner else own, values)
                    for place, (own, values) in self._owners.items()
                }
        self.arrays = {name: a for name, a in self.arrays.items() if f"{name.rpartition('.')[0]}." in owned}
        blueprint = Blueprint(self.input_shape, tuple(reversed(kept)), output, tuple(self.ties.items()))
        check_blueprint(blueprint)
        return blueprint

    def _name(self, hint: str, operation: str) -> str:
        base = fit_name(hint, operation)
        if self._is_free(base):
            return base
        base = base.replace(".", "_")
        # What was taken stays taken, so that none is tried twice.
        most = len(self._steps) + 2
        for number in range(self._numbers.get(base, 0), most):
            name = fit_name(base if not number else f"{base}_{number}", operation)
            if self._is_free(name):
                self._numbers[base] = number
                return name
        self._numbers[base] = most
        return f"{operation}_{len(self._steps)}_"

    def _is_free(self, name: str) -> bool:
        return (
            name not in self._steps
            and name not in self._folders
            and name not in self.kept_names
            and not _folders_of(name) & set(self._steps)
        )

    def _count(self, step: Step, units: int, multiplications: int, parameters: int) -> None:
        self._units += units
        self._multiplications += multiplications
        self._parameters += parameters
        self._layers += OPERATIONS[step.operation].is_layer
        for value, limit, what in (
            (len(self._steps) + 1, LIMITS.nodes, "operations"),
            (self._layers, LIMITS.layers, "layers with weights"),
            (self._units, LIMITS.units, "units"),
            (self._parameters, LIMITS.parameters, "parameters"),
            (self._multiplications, LIMITS.operations, "multiplications for one image"),
        ):
            if value > limit:
                raise ModelError(
                    f"{self.label} has more than {limit:,} {what}, the most that is read; bring a smaller network, or "
                    "export it for smaller images."
                )


def _place_of(values: np.ndarray) -> tuple[Any, ...]:
    """Return where values lie in memory and how, which tells whether two arrays are one."""
    return values.__array_interface__["data"][0], values.shape, values.strides, values.dtype.str


def _folders_of(name: str) -> set[str]:
    words = name.split(".")
    return {".".join(words[:count]) for count in range(1, len(words))}
