"""A network as a plain list of steps: what a file with a graph is read into, and what a module is built from."""

from __future__ import annotations

import json
import keyword
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import fx, nn

from ncviz.errors import ModelError
from ncviz.limits import LIMITS
from ncviz.models.files.content import refusing
from ncviz.models.files.graph.operations import OPERATIONS

Setting = bool | int | float | str | tuple[int, ...]
INPUT = "input"  # what a step reads that reads the network's input
_FORMAT = "ncviz blueprint 1"
# Of the BatchNorm that once stood for a multiplication by constants; that of none in a file.
_SCALE_EPS = 1e-12
# Attributes of a traced module, which a layer's name must not hide.
_TAKEN = frozenset(
    {"graph", "code", "meta", "weight", "bias", "running_mean", "running_var", "self", INPUT}
    | set(dir(nn.Module()))
    | set(dir(fx.GraphModule))
)
_WORD = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+)\Z", re.ASCII)


@dataclass(frozen=True)
class Step:
    """One operation of a network.

    Attributes:
        name: Its name, unique in the network; dotted where it is a layer inside another, e.g. ``features.0``. The
            arrays of a layer are called after it, ``features.0.weight``.
        operation: A name in ``ncviz.models.files.graph.operations.OPERATIONS``.
        inputs: Names of the steps that it reads, or ``INPUT``.
        settings: Its settings, sorted by name.
    """

    name: str
    operation: str
    inputs: tuple[str, ...]
    settings: tuple[tuple[str, Setting], ...] = ()

    @property
    def options(self) -> dict[str, Any]:
        """The settings by name."""
        return dict(self.settings)


@dataclass(frozen=True)
class Blueprint:
    """A network's graph without its weights; hashable, and told apart by ``digest(blueprint.to_json())``.

    Nothing in it is code: every operation is looked up in a fixed table, every setting is a bounded number or one of
    a few words, and names hold letters, digits and underscores only.

    Attributes:
        input_shape: Shape of one input without the batch axis.
        steps: The operations; each reads only the input and steps before it.
        output: Name of the step whose result is the network's.
        ties: Arrays that are others, as where two layers share a weight: a name such as ``features.2.weight``, and the
            name of the one that it is.
        names: Where the file calls its arrays otherwise: its name for each, and the array's.
    """

    input_shape: tuple[int, ...]
    steps: tuple[Step, ...]
    output: str
    ties: tuple[tuple[str, str], ...] = ()
    names: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> str:
        """Return the blueprint as text, the same for equal blueprints."""
        steps = [[step.name, step.operation, list(step.inputs), dict(step.settings)] for step in self.steps]
        value = {"format": _FORMAT, "input": list(self.input_shape), "steps": steps, "output": self.output}
        for key, pairs in (("ties", self.ties), ("names", self.names)):
            if pairs:
                value[key] = [list(pair) for pair in pairs]
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Blueprint:
        """Return the blueprint of a text of ``to_json``.

        Raises:
            ModelError: If it is damaged or not such a text.
        """
        with refusing("The stored network is damaged", "bring its file again"):
            if len(text) > LIMITS.header_bytes:
                raise ValueError("it is too long")
            value = json.loads(text)
            if value["format"] != _FORMAT:
                raise ValueError("it is of another version")
            if any(settings.get("eps") == _SCALE_EPS for *_, settings in value["steps"]):
                raise ModelError(
                    "The network was stored by an earlier version of ncviz, which took its multiplications for "
                    "BatchNorm; bring its file again."
                )
            steps = tuple(
                Step(name, operation, tuple(inputs), settings_of(settings))
                for name, operation, inputs, settings in value["steps"]
            )
            ties, names = (tuple((a, b) for a, b in value.get(key, [])) for key in ("ties", "names"))
            blueprint = cls(tuple(value["input"]), steps, value["output"], ties, names)
            check_blueprint(blueprint)
        return blueprint


def settings_of(settings: Mapping[str, Any]) -> tuple[tuple[str, Setting], ...]:
    """Return settings as a step holds them: sorted, lists as tuples."""
    return tuple(
        (name, tuple(value) if isinstance(value, list) else value) for name, value in sorted(settings.items())
    )


def check_blueprint(blueprint: Blueprint) -> None:
    """Raise a ModelError if a blueprint is not one that ``build_module`` may build.

    Raises:
        ModelError: Naming the step.
    """
    shape = blueprint.input_shape
    if not shape or len(shape) > LIMITS.dimensions or not all(_is_count(size) for size in shape):
        raise ModelError(
            f"The network's input must have a shape of 1 to {LIMITS.dimensions} positive sizes; export it again."
        )
    # Checked one by one, since a product of crafted sizes is as large as its maker likes.
    if math.prod(shape) > LIMITS.layer_units:
        raise ModelError(
            f"The network's input holds {math.prod(shape):,} values, at most {LIMITS.layer_units:,} are taken; export "
            "it for smaller images."
        )
    if len(blueprint.steps) > LIMITS.nodes:
        raise ModelError(
            f"The network has {len(blueprint.steps):,} operations, at most {LIMITS.nodes:,} are read; bring a smaller "
            "one."
        )
    known, folders = {INPUT}, set()
    for step in blueprint.steps:
        if not is_name(step.name) or step.name in known or step.name in folders:
            raise ModelError(f"The network has a step with the unfit name {str(step.name)[:40]!r}.")
        parents = {step.name[: match.start()] for match in re.finditer(r"\.", step.name)}
        if parents & known:
            raise ModelError(f"The network has a step '{step.name}' inside another step.")
        operation = OPERATIONS.get(step.operation) if isinstance(step.operation, str) else None
        if operation is None:
            raise ModelError(f"Step '{step.name}' has an unknown operation.")
        operation.check(step.name, step.options, len(step.inputs))
        if not set(step.inputs) <= known:
            raise ModelError(f"Step '{step.name}' reads a step that does not come before it.")
        known.add(step.name)
        folders |= parents
    if blueprint.output not in known - {INPUT}:
        raise ModelError("The network's output is none of its steps.")
    layers = {step.name for step in blueprint.steps if OPERATIONS[step.operation].is_layer}
    tied = {str(name) for name, _ in blueprint.ties}
    for name, array in (*blueprint.ties, *blueprint.names):
        is_text = all(isinstance(text, str) and len(text) <= 2 * LIMITS.name_length for text in (name, array))
        if not is_text or array in tied or array.rpartition(".")[0] not in layers:
            raise ModelError(
                "The network shares weights with a layer that it does not have; export it again."
            )


def is_name(name: Any) -> bool:
    """Return whether a step may be called so: dotted words that hide no attribute of a module."""
    return (
        isinstance(name, str)
        and 0 < len(name) <= LIMITS.name_length
        and all(_is_word(word) for word in name.split("."))
    )


def fit_name(name: str, fallback: str) -> str:
    """Return a name made fit for a step: other characters become underscores, reserved words get one at their end."""
    words = []
    for word in name[: LIMITS.name_length // 2].split("."):
        fit = re.sub(r"[^A-Za-z0-9_]+", "_", word)
        fit = fit if re.match(r"[A-Za-z_]|[0-9]+\Z", fit) else f"_{fit}"
        words.append(fit if _is_word(fit) else f"{fit}_")
    fitted = ".".join(words) if name.strip("._/ ") else fallback
    return fitted if is_name(fitted) else fallback


def _is_word(word: str) -> bool:
    return bool(_WORD.match(word)) and not (
        keyword.iskeyword(word) or keyword.issoftkeyword(word) or word in _TAKEN or word.startswith("__")
    )


def _is_count(size: Any) -> bool:
    return type(size) is int and 0 < size <= LIMITS.layer_units
