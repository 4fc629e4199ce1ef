"""Put changed weights back into the ONNX file that they came from; everything else stays as it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import onnx
from onnx import numpy_helper

from ncviz.budget import Budget
from ncviz.errors import ModelError
from ncviz.models.files.graph.operators.constants import FOLDS
from ncviz.models.files.graph.outputs import Asked
from ncviz.models.files.graph.reader import Source
from ncviz.models.files.onnx.parsing import parse
from ncviz.models.files.onnx.reader import OnnxResult, read_model

_LABEL = "The original file"


def write_onnx(
    original: bytes,
    arrays: Mapping[str, np.ndarray],
    size: tuple[int, int] | None = None,
    came: Mapping[str, np.ndarray] | None = None,
) -> bytes:
    """Return an ONNX file with other weights: same graph, names and types.

    A weight that the graph computes from others, or that nodes share which read it otherwise, becomes one of its own
    where it has changed.

    Args:
        original: The file that the network was read from.
        arrays: Its arrays as ``read_onnx`` names them, changed as wanted.
        size: Height and width of an image at which it was read, where the file fixes none.
        came: The arrays before they were changed, which tell by which of several outputs it was read; by default
            ``arrays``.

    Raises:
        ModelError: If arrays are missing or of another shape, or one has changed that is not a weight of the file.
    """
    budget = Budget(_LABEL, len(original), ModelError)
    model = parse(original, _LABEL, budget)
    read = _read_as(model, arrays if came is None else came, size, budget)
    blueprint, before, sources = read.blueprint, read.arrays, read.sources
    for name, old in before.items():
        new = np.asarray(arrays[name]) if name in arrays else None
        if new is None or new.shape != old.shape:
            raise ModelError(
                f"The array '{name}' is missing or has another shape, so the file cannot be written."
            )
        if np.array_equal(new, old):
            continue
        if name not in sources:
            raise ModelError(f"The array '{name}' has changed, which is not one of the file's weights.")
        shared = [
            sources[each] for each in (name, *(tied for tied, owner in blueprint.ties if owner == name))
        ]
        if len({model.graph.node[source.node].input[source.slot] for source in shared}) == 1:
            _replace(model.graph, name, shared, new)
            continue
        for source in shared:
            # Each reads the same weights in a form of its own.
            _replace(model.graph, name, [source], new)
    _remove_unused(model.graph)
    return model.SerializeToString()


def _read_as(
    model: onnx.ModelProto, came: Mapping[str, np.ndarray], size: tuple[int, int] | None, budget: Budget
) -> OnnxResult:
    """Return the network as it was read: by which of several outputs, its arrays tell.

    Two heads of one shape may have arrays of the same names, so that only the values tell.
    """

    def likeness(read: OnnxResult) -> tuple[bool, int]:
        has_shapes = {name: values.shape for name, values in read.arrays.items()} == {
            name: np.shape(values) for name, values in came.items()
        }
        same = sum(np.array_equal(values, came.get(name, ())) for name, values in read.arrays.items())
        return has_shapes, same

    found = read_model(model, _LABEL, budget, Asked(size))
    for output in model.graph.output if len(model.graph.output) > 1 else ():
        if likeness(found) == (True, len(came)):
            # No other can be more like them.
            break
        try:
            # One by one, since each has arrays as large as the file.
            other = read_model(model, _LABEL, budget.again(), Asked(size, output.name))
        except ModelError:
            # Another output may be none that is read; that there is no time left is no such reason.
            budget.touch(0)
            continue
        found = max(found, other, key=likeness)
    return found


def _replace(graph: onnx.GraphProto, name: str, sources: list[Source], values: np.ndarray) -> None:
    source = sources[0]
    node = graph.node[source.node]
    values = (values.T if source.is_transposed else values).reshape(source.shape)
    if source.factor != 1.0:
        values = values.astype(np.float64) / source.factor
    old_name = node.input[source.slot]
    tensor = next((tensor for tensor in graph.initializer if tensor.name == old_name), None)
    uses = sum(read == old_name for other in graph.node for read in other.input)
    uses += sum(output.name == old_name for output in graph.output)
    kind = onnx.TensorProto.FLOAT if tensor is None else tensor.data_type
    values = values.astype(onnx.helper.tensor_dtype_to_np_dtype(kind), copy=False)
    if tensor is not None and uses == len(sources) and tuple(tensor.dims) == values.shape:
        for field in ("float_data", "double_data", "int32_data", "int64_data"):
            tensor.ClearField(field)
        tensor.raw_data = numpy_helper.from_array(values).raw_data
        return
    new = numpy_helper.from_array(values)
    taken = {tensor.name for tensor in graph.initializer} | {
        out for other in graph.node for out in other.output
    }
    taken |= {value.name for value in graph.input}
    new.name = next(
        name for name in (f"{name}{'_' * count}" for count in range(len(taken) + 1)) if name not in taken
    )
    graph.initializer.append(new)
    for each in sources:
        graph.node[each.node].input[each.slot] = new.name


def _remove_unused(graph: onnx.GraphProto) -> None:
    """Remove constants that nothing reads any more, and what computed them."""
    nodes = list(graph.node)
    reads = Counter(name for node in nodes for name in node.input) + Counter(
        each.name for each in graph.output
    )
    makers = {name: at for at, node in enumerate(nodes) for name in node.output}
    waiting, dead = list(range(len(nodes))), set[int]()
    while waiting:
        at = waiting.pop()
        node = nodes[at]
        is_constant = (node.op_type in FOLDS or node.op_type == "Constant") and not node.domain
        if at in dead or not is_constant or any(reads[name] for name in node.output):
            continue
        dead.add(at)
        reads.subtract(node.input)
        waiting += [makers[name] for name in node.input if name in makers]
    for at in sorted(dead, reverse=True):
        del graph.node[at]
    declared = {value.name for value in graph.input}
    unread = [
        at for at, each in enumerate(graph.initializer) if not reads[each.name] and each.name not in declared
    ]
    for at in reversed(unread):
        del graph.initializer[at]
