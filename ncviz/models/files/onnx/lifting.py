"""Lift a file of opset 7 or 8 to the first that is read, by onnx's own converter, in a process of its own.

Between 7 and 9 operators lost or changed attributes (BatchNormalization, Upsample, broadcasting). The converter is C++,
which a crafted file may crash; it gets the graph without its weights, so much time and memory, and nothing else.
"""

from __future__ import annotations

import math
import subprocess
import sys

import onnx

from ncviz.budget import Budget
from ncviz.errors import ModelError

LIFTED = range(7, 9)
TARGET = 9
# What the interpreter and onnx take for themselves, mostly of addresses alone.
_OWN_BYTES, _OWN_SECONDS = 1_000_000_000, 5
# By the clock a busy machine may take so much longer than by the time of computing.
_SLOWER = 6
# Constants that the converter may look at, such as the shape of a Reshape, are small.
_SMALL = 1_000
_PROGRAM = f"""
import sys, onnx
from onnx import version_converter
seconds, memory = map(int, sys.argv[1:])
try:
    import resource
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
except ImportError:  # on Windows
    pass
model = onnx.ModelProto.FromString(sys.stdin.buffer.read())
sys.stdout.buffer.write(version_converter.convert_version(model, {TARGET}).SerializeToString())
"""


def lift(model: onnx.ModelProto, opset: int, label: str, budget: Budget) -> onnx.ModelProto:
    """Return a model of opset 7 or 8 as one of opset 9 that computes the same.

    Args:
        model: A checked model. Not changed.
        opset: Its opset.
        label: The file's name, for messages.
        budget: What reading it may take, which is what the converter gets, too.

    Raises:
        ModelError: If the converter refuses it, breaks, or takes too long.
    """
    graph = model.graph
    large = [each for each in graph.initializer if math.prod(each.dims) > _SMALL]
    outline = _without(model, {each.name for each in large})
    declared = {value.name for value in graph.input}
    for each in large:
        if each.name not in declared:
            outline.graph.input.append(
                onnx.helper.make_tensor_value_info(each.name, each.data_type, list(each.dims))
            )
    seconds = math.ceil(budget.seconds) + _OWN_SECONDS
    try:
        done = subprocess.run(
            # Without the folder that the server was started in, whose onnx.py would be imported.
            [sys.executable, "-P", "-c", _PROGRAM, str(seconds), str(budget.most_bytes + _OWN_BYTES)],
            input=outline.SerializeToString(), capture_output=True, timeout=_SLOWER * seconds, check=True,
        )  # fmt: skip
        lifted = onnx.ModelProto.FromString(done.stdout)
    except Exception as error:
        raise ModelError(
            f"{label} uses opset {opset} of ONNX, and onnx's converter does not lift it to {TARGET}; convert it with "
            "onnx.version_converter.convert_version(model, 13), or export it with a newer opset_version."
        ) from error
    added = {each.name for each in large} - declared
    kept = [value for value in lifted.graph.input if value.name not in added]
    del lifted.graph.input[:]
    lifted.graph.input.extend(kept)
    lifted.graph.initializer.extend(large)
    return lifted


def _without(model: onnx.ModelProto, names: set[str]) -> onnx.ModelProto:
    """Return a model without some of its initialisers."""
    found = onnx.ModelProto()
    found.ir_version = max(4, model.ir_version)
    found.producer_name = model.producer_name
    found.opset_import.extend(model.opset_import)
    graph = found.graph
    graph.name = model.graph.name or "graph"
    for field in ("node", "input", "output"):
        getattr(graph, field).extend(getattr(model.graph, field))
    graph.initializer.extend(each for each in model.graph.initializer if each.name not in names)
    return found
