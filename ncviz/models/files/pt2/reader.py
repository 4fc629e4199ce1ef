"""Read a program of ``torch.export`` without running it: its graph is JSON, its weights are plain bytes.

``torch.export.load`` evaluates expressions of the file and may unpickle; here the archive is only looked through.
"""

from __future__ import annotations

import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from ncviz.budget import Budget
from ncviz.errors import ModelError
from ncviz.limits import LIMITS
from ncviz.models.files.content import check_size, refusing
from ncviz.models.files.graph.blueprint import INPUT, Blueprint, check_blueprint
from ncviz.models.files.graph.builder import BlueprintBuilder
from ncviz.models.files.graph.operators.shapes import as_scores
from ncviz.models.files.graph.outputs import Asked, Output, check_outputs, decide_output
from ncviz.models.files.graph.reader import GraphReader, Node
from ncviz.models.files.graph.unsupported import check_read
from ncviz.models.files.pt2.archive import ADVICE, BFLOAT16, FLOAT_CODES, Archive
from ncviz.models.files.pt2.aten import SYMBOLIC, TRANSLATORS, UNITWISE, VIEWS
from ncviz.models.files.pt2.calls import OF_SIZES, OPSET, Call, Name, size_after, sized
from ncviz.models.files.pt2.constants import keep
from ncviz.models.files.pt2.views import Views
from ncviz.models.files.state_dict.archive import archive_bytes, check_entries
from ncviz.text import quotable

T = TypeVar("T")
_TARGET = "torch.ops.aten."
_PLAIN_KINDS = frozenset(
    ["as_int", "as_float", "as_bool", "as_string", "as_ints", "as_floats", "as_bools", "as_scalar_type"]
)
_MAX_PLACE = 2_000
_PLACE = re.compile(r",([\w.]*),[^;,]*\Z")


def read_program(
    content: bytes, label: str, asked: Asked | None = None
) -> tuple[Blueprint, dict[str, np.ndarray], tuple[str, ...]]:
    """Read a program as ``read_exported`` does, with what the user says of it; also return what is to be said.

    Raises:
        SeveralFitError: If several outputs may be the class scores, and the user wants to be asked.
        ModelError: As ``read_exported``.
    """
    return read_archive(content, label, lambda archive, own: _read(archive, own, asked or Asked()))


def read_exported(content: bytes, label: str) -> tuple[Blueprint, dict[str, np.ndarray]]:
    """Read a ``.pt2`` archive of ``torch.export.save`` (PyTorch 2.8 or later).

    Args:
        content: The file.
        label: Its name, for messages.

    Returns:
        The blueprint, and its arrays by the names of the built module's ``state_dict()``: those of the exported
        module.

    Raises:
        ModelError: If it is damaged, too large, or has operations that are not read, each named; one sentence.
    """
    blueprint, arrays, _ = read_program(content, label)
    return blueprint, arrays


def read_archive(content: bytes, label: str, read: Callable[[Archive, str], T]) -> T:
    """Return what a function makes of an archive and its label, whose sizes are checked before.

    Raises:
        ModelError: If it is damaged, too large or none; one sentence.
    """
    label = quotable(label)
    check_size(len(content), label)
    budget = Budget(label, len(content), ModelError)
    with (
        refusing(f"{label} is a damaged or incomplete program of torch.export", ADVICE),
        zipfile.ZipFile(archive_bytes(content, label, ADVICE)) as archive,
    ):
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        check_entries(entries, len(content), label, ADVICE)
        budget.widen(max(len(content), sum(entry.file_size for entry in entries)))
        return read(Archive(archive, entries, label, budget), label)


def _read(
    archive: Archive, label: str, asked: Asked
) -> tuple[Blueprint, dict[str, np.ndarray], tuple[str, ...]]:
    program = archive.json(f"models/{archive.name}.json")["graph_module"]
    graph, signature = program["graph"], program["signature"]
    nodes = [_node(node, index) for index, node in enumerate(graph["nodes"])]
    chosen, notes = decide_output(_outputs(signature, graph["tensor_values"], nodes, label), label, asked)
    output, needed = chosen.value, chosen.needed
    names, image = _inputs(signature, label)
    attends = _check_supported([node for node in nodes if node.index in needed], image, label)
    shape, batch = _input_shape(graph["tensor_values"][image], label)
    tensors = {**archive.tensors("weights"), **archive.tensors("constants")}
    reader = GraphReader(
        BlueprintBuilder(label, shape, archive.budget),
        label,
        OPSET,
        {node: tensors[parameter] for node, parameter in names.items() if parameter in tensors},
        Counter(name for node in nodes if node.index in needed for name in node.inputs) + Counter([output]),
        batch,
        archive.budget,
        parameters=names,
        attends=attends,
    )
    reader.keep_names(names.values())
    reader.values[image] = reader.start(INPUT)
    last_use = {name: node.index for node in nodes if node.index in needed for name in node.inputs}
    last_use[output] = len(nodes)
    views, sizes = Views(last_use), dict[str, int]()
    for node in nodes:
        archive.budget.check_time()
        if node.index not in needed:
            continue
        arguments = {name: sized(argument, sizes) for name, argument in node.attributes.items()}
        if node.operator in OF_SIZES:
            with reader.refusing(node, "computes a size of what is none"):
                sizes[node.outputs[0]] = size_after(node.operator.partition(".")[2], list(arguments.values()))
            continue
        if node.operator == "sym_size.int":
            with reader.refusing(node, "asks for a size of what has none"):
                call = Call(reader, node, arguments)
                sizes[node.outputs[0]] = call.shape[int(arguments["dim"])]
        if node.operator.partition(".")[0] in SYMBOLIC:
            continue
        for name in (name for argument in arguments.values() for name in _names(argument)):
            reader.value(name, node.title)
        call = Call(reader, node, arguments)
        with reader.refusing(node, "has arguments that do not fit its operator"):
            value = call.read(TRANSLATORS[_plain_name(node.operator)](call))
        first = next(iter(node.inputs), "")
        if not isinstance(value, np.ndarray):
            for given in map(reader.values.get, node.inputs):
                if isinstance(given, np.ndarray):
                    keep(given)
        if _is_in_place(node.operator) and value is reader.values[first] and isinstance(value, np.ndarray):
            # A constant's views change with it, as far as they share its memory here, too.
            base, *others = views.names_of(first)
            whole = reader.values[base]
            if not all(np.shares_memory(whole, reader.values[name]) for name in (first, *others)):
                raise reader.refusal(node, "changes a part of a constant in place, which is not supported")
            views.add(node.outputs[0], first)
        elif _is_in_place(node.operator) and not isinstance(value, list):
            read_again = views.read_after(first, node.index)
            if read_again is not None:
                raise reader.refusal(
                    node,
                    f"changes '{quotable(read_again)}' in place, which is read again later; use x = f(x)",
                )
            reader.values[first] = value
            views.add(node.outputs[0], first)
        elif _plain_name(node.operator) in VIEWS:
            for name in node.outputs:
                views.add(name, first)
            if first in reader.parameters:
                reader.parameters[node.outputs[0]] = reader.parameters[first]
        reader.give(node, value)
    step = as_scores(reader, reader.step_of(reader.value(output, "the output"), "the output"))
    blueprint = reader.builder.finish(step)
    known = {name: tensor.values for name, tensor in tensors.items() if tensor.values is not None}
    pairs = {name: reader.builder.name_of(values) for name, values in known.items()}
    if any(name != array for name, array in pairs.items() if array):
        blueprint = replace(blueprint, names=tuple((name, array) for name, array in pairs.items() if array))
        check_blueprint(blueprint)
    return blueprint, reader.builder.arrays, notes


def _node(node: Mapping[str, Any], index: int) -> Node:
    target = str(node["target"])
    is_aten = target.startswith(_TARGET) or target in OF_SIZES
    attributes = {str(entry["name"]): _argument(entry["arg"]) for entry in node["inputs"]}
    inputs = [name for value in attributes.values() for name in _names(value)]
    outputs = tuple(name for entry in node["outputs"] for name in _names(_argument(entry)))
    return Node(
        index, str(node.get("name") or ""), target.removeprefix(_TARGET), "" if is_aten else "other", tuple(inputs),
        outputs or (f"node {index}",), attributes, False, _place(node),
    )  # fmt: skip


def _place(node: Mapping[str, Any]) -> str:
    """Return the module in whose forward an operation stands, "" where the file does not tell."""
    metadata = node.get("metadata")
    stack = metadata.get("nn_module_stack") if isinstance(metadata, dict) else None
    found = _PLACE.search(stack[-_MAX_PLACE:]) if isinstance(stack, str) else None
    return found[1] if found else ""


def _argument(argument: Mapping[str, Any]) -> Any:
    ((kind, value),) = argument.items()
    if kind == "as_tensor":
        return Name(str(value["name"]))
    if kind in ("as_tensors", "as_optional_tensors"):
        return [
            _argument(item) if kind == "as_optional_tensors" else Name(str(item["name"])) for item in value
        ]
    if kind == "as_none":
        return None
    if kind == "as_sym_int":
        return Name(str(value["as_name"]), is_size=True) if "as_name" in value else int(value["as_int"])
    if kind == "as_sym_ints":
        return [_argument({"as_sym_int": item}) for item in value]
    return value if kind in _PLAIN_KINDS else None


def _names(value: Any) -> list[str]:
    if isinstance(value, Name):
        return [value.text]
    return [item.text for item in value if isinstance(item, Name)] if isinstance(value, list) else []


def _plain_name(operator: str) -> str:
    if operator in OF_SIZES:
        return operator
    name = operator.partition(".")[0]
    return name[:-1] if name.endswith("_") and not name.startswith("__") else name


def _is_in_place(operator: str) -> bool:
    return operator.partition(".")[0].endswith("_")


def _outputs(
    signature: Mapping[str, Any], values: Mapping[str, Any], nodes: list[Node], label: str
) -> list[Output]:
    """Return the outputs that are tensors of floating-point numbers."""
    given = [spec["user_output"]["arg"] for spec in signature["output_specs"] if "user_output" in spec]
    names = [str(argument["as_tensor"]["name"]) for argument in given if "as_tensor" in argument]
    if not names:
        raise ModelError(f"{label} gives no tensor, expected class scores; {ADVICE}.")
    check_outputs(len(names), label)
    if len(nodes) > 5 * LIMITS.nodes:
        raise ModelError(f"The program has {len(nodes):,} operations, at most {5 * LIMITS.nodes:,} are read.")
    found, makers = [], _makers(nodes)
    for name in dict.fromkeys(names):
        meta = values.get(name)
        if len(names) > 1 and (meta is None or meta["dtype"] not in (*FLOAT_CODES, BFLOAT16)):
            continue
        sizes = [] if meta is None else [item.get("as_int") for item in meta["sizes"]]
        wide = [size for size in sizes[1:] if size != 1]
        is_row = meta is None or (len(sizes) > 1 and len(wide) < 2)
        classes = wide[0] if len(wide) == 1 else None
        found.append(Output(name, name, is_row, classes, frozenset(_ancestors(makers, name))))
    return found


def _ancestors(makers: Mapping[str, list[Node]], output: str) -> set[int]:
    needed, seen, waiting = set[int](), {output}, [output]
    while waiting:
        for node in makers.get(waiting.pop(), ()):
            if node.index not in needed:
                needed.add(node.index)
                waiting += [name for name in node.inputs if name not in seen]
                seen.update(node.inputs)
    return needed


def _makers(nodes: list[Node]) -> dict[str, list[Node]]:
    """Return for each name the nodes that give it, or change it."""
    makers = defaultdict[str, list[Node]](list)
    bases: dict[str, str] = {}
    for node in nodes:
        is_in_place, first = _is_in_place(node.operator), next(iter(node.inputs), "")
        if first and (is_in_place or _plain_name(node.operator) in VIEWS):
            bases |= dict.fromkeys(node.outputs, bases.get(first, first))
        # What changes its input in place counts for whoever reads that input, or what it is a view of, anywhere.
        for name in dict.fromkeys(
            (*node.outputs, *((first, bases.get(first, first)) if is_in_place else ()))
        ):
            makers[name].append(node)
    return makers


def _check_supported(needed: list[Node], image: str, label: str) -> bool:
    return check_read(
        needed,
        image,
        label,
        fault=lambda node: f"the operation {quotable(node.operator)}" if node.domain else "",
        plain=lambda node: _plain_name(node.operator),
        unitwise=UNITWISE,
        shapes=SYMBOLIC | OF_SIZES,
        handled=TRANSLATORS.keys() | SYMBOLIC | OF_SIZES,
    )


def _inputs(signature: Mapping[str, Any], label: str) -> tuple[dict[str, str], str]:
    """Return the parameter that each of the graph's inputs holds, and the input that takes the images."""
    names: dict[str, str] = {}
    images = []
    for spec in signature["input_specs"]:
        ((kind, value),) = spec.items()
        if kind == "user_input":
            images.append(value["arg"])
        elif kind in ("parameter", "buffer", "tensor_constant"):
            names[str(value["arg"]["name"])] = str(value[f"{kind}_name"])
    if len(images) != 1 or "as_tensor" not in images[0]:
        raise ModelError(f"{label} takes {len(images)} inputs, expected one, the images; {ADVICE}.")
    return names, str(images[0]["as_tensor"]["name"])


def _input_shape(meta: Mapping[str, Any], label: str) -> tuple[tuple[int, ...], int | None]:
    if meta["dtype"] not in (*FLOAT_CODES, BFLOAT16):
        raise ModelError(
            f"{label} takes an input that is not of floating-point numbers, expected images in float32."
        )
    sizes = [item.get("as_int") for item in meta["sizes"]]
    if len(sizes) < 2 or any(type(size) is not int for size in sizes[1:]):
        raise ModelError(
            f"{label} does not fix the size of its images; export it with only the first axis, the batch, left open."
        )
    return tuple(sizes[1:]), sizes[0]
