"""What a step by hand is called for people."""

from __future__ import annotations

from collections.abc import Sequence

from ncviz.config import Group
from ncviz.scene.names import layer_title, unit_layer_titles, unit_title, weight_title
from ncviz.scene.selection import Channel, KernelSlice, Unit, Weight
from ncviz.scene.surgery.steps import CUT, FREE, HOLD, Step
from ncviz.scene.tables import locate
from ncviz.tasks import CurvatureRecord
from ncviz.text import percent

# Said where something is shown of the network that nothing was done to.
AS_IT_CAME = "the network as it came, without what is cut, kept or scaled by hand"
_VERBS = {CUT: "Cut", HOLD: "Keep", FREE: "Let go"}


def step_words(step: Step, record: CurvatureRecord, classes: Sequence[str], size: int) -> str:
    """Return such as "Cut hidden 2 · channel 4: 612 weights".

    Args:
        step: What is done.
        record: The network's curvature.
        classes: Names of its classes.
        size: How many weights the step is about.
    """
    verb = _VERBS.get(step.action, f"× {step.factor:g}" if step.factor is not None else "")
    weights = f"{size:,} weight{'' if size == 1 else 's'}"
    return f"{verb} {_target_words(step, record, classes)}: {weights}"


def group_title(group: Group, classes: Sequence[str]) -> str:
    """Return such as "class 7", "classes 0 and 3" or "images 4 and 17"."""
    is_class = group.kind == "class"
    names = [
        classes[number] if is_class and number < len(classes) else str(number) for number in group.numbers
    ]
    kind = "class" if is_class else "image"
    if len(names) == 1:
        return f"{kind} {names[0]}"
    return f"{kind}{'es' if is_class else 's'} {', '.join(names[:-1])} and {names[-1]}"


def _target_words(step: Step, record: CurvatureRecord, classes: Sequence[str]) -> str:
    if step.group is not None:
        return f"bottlenecks of {group_title(step.group, classes)} alone"
    if step.layer is not None:
        return f"{percent(float(step.amount))} of {weight_title(record, list(record.weights)[step.layer])}"
    selected = step.selection
    if isinstance(selected, Weight):
        name, at = locate(record, selected.parameter)
        return f"weight {at} of {weight_title(record, name)}"
    if isinstance(selected, KernelSlice):
        return f"kernel {selected.source} → {selected.target} of {layer_title(record, selected.connection)}"
    if isinstance(selected, Unit):
        return unit_title(record, selected.layer, selected.index, classes)
    if isinstance(selected, Channel):
        return f"{unit_layer_titles(record)[selected.layer]} · channel {selected.index}"
    return "a set of lines"
