"""Valid files of networks whose every number can be turned up: each maker takes numbers by name and gives a file."""

import copy
import functools
import io
import json
import struct
import zipfile
import zlib

import numpy as np

from tests.fuzz.pictures import with_empty


def _onnx(nodes, constants, outputs=("y",), extra=()):
    from onnx import TensorProto, helper, numpy_helper

    def value(name, *shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    last = [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node("Gemm", ["f", "W"], ["y"], transB=1)]
    given = {"W": np.ones((3, 64), np.float32)} | constants
    made = {name for node in nodes for name in node.output}
    tensors = [
        numpy_helper.from_array(np.asarray(each), name) for name, each in given.items() if name not in made
    ]
    graph = helper.make_graph(
        [*nodes, *last, *extra],
        "g",
        [value("x", "n", 1, 8, 8)],
        [value(name, "n", 3) for name in outputs],
        tensors,
    )
    return "a.onnx", helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]).SerializeToString()


def onnx_arithmetic(rows=4, repeats=1, operator="Exp", half=0):
    """Weights that are computed from a constant of so many rows, by one operator again and again."""
    from onnx import helper

    node = helper.make_node
    nodes = [node("ConstantOfShape", ["s"], ["c0"]), node("Cast", ["c0"], ["r0"], to=10 if half else 1)]
    for at in range(repeats):
        if operator == "copies":
            nodes += [node("Transpose", [f"r{at}"], [f"t{at}"]), node("Reshape", [f"t{at}", "flat"], [f"q{at}"]),
                      node("Reshape", [f"q{at}", "s"], [f"r{at + 1}"])]  # fmt: skip
        elif operator == "ReduceProd":
            nodes += [node("ReduceProd", ["r0"], [f"p{at}"], axes=[0], keepdims=1),
                      node("Mul", [f"r{at}", f"p{at}"], [f"r{at + 1}"])]  # fmt: skip
        elif operator in ("Add", "Mul"):
            nodes.append(node(operator, [f"r{at}", f"r{at}"], [f"r{at + 1}"]))
        else:
            nodes.append(node(operator, [f"r{at}"], [f"r{at + 1}"]))
    nodes.append(node("Slice", [f"r{repeats}", "a", "b"], ["W"]))
    return _onnx(
        nodes,
        {
            "s": np.array([rows, 64]),
            "flat": np.array([rows * 64]),
            "a": np.array([0, 0]),
            "b": np.array([3, 64]),
        },
    )


def onnx_graph(layers=1, outputs=1, unused=0, circles=0):
    """A graph of so many activations, outputs, and nodes that no output needs: a chain of them, and circles."""
    from onnx import helper

    node = helper.make_node
    extra = [node("Relu", ["y" if at == 0 else f"a{at - 1}"], [f"a{at}"]) for at in range(layers)]
    names = ["y", *(f"a{at}" for at in range(min(layers, outputs - 1)))]
    numbers = {"n": np.ones((1, 3), np.float32)} if unused or circles else {}
    before = "y"
    for at in range(unused):
        extra += [node("Mul", [before, "n"], [f"m{at}"]), node("Add", [f"m{at}", "n"], [f"u{at}"])]
        before = f"u{at}"
    for at in range(circles):
        extra += [node("Identity", [f"i{at}"], [f"j{at}"]), node("Identity", [f"j{at}"], [f"i{at}"]),
                  node("Mul", [f"i{at}", "n"], [f"k{at}"]), node("Add", [f"k{at}", "n"], [f"l{at}"])]  # fmt: skip
    return _onnx([], numbers, names, extra)


@functools.cache
def _program():
    import torch
    from torch import nn

    class Small(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.unused = nn.Linear(64, 3), nn.Parameter(torch.ones(4))

        def forward(self, x):
            return self.layer(torch.relu(x.flatten(1)))

    stream = io.BytesIO()
    torch.export.save(torch.export.export(Small().eval(), (torch.zeros(2, 1, 8, 8),)), stream)
    with zipfile.ZipFile(io.BytesIO(stream.getvalue())) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def program(relus=1, is_reversed=0, views=0, held=1_000, past=0, in_place=0):
    """A program of so many activations, of views over one entry, and of an entry that unpacks past what it declares."""
    entries = dict(_program())
    place = next(name for name in entries if "/models/" in name and name.endswith(".json"))
    graph = json.loads(entries[place])
    nodes = graph["graph_module"]["graph"]["nodes"]
    for node in nodes:
        node["metadata"] = {}
    at = next(number for number, node in enumerate(nodes) if "relu" in node["target"])
    source, target = (
        nodes[at]["inputs"][0]["arg"]["as_tensor"]["name"],
        nodes[at]["outputs"][0]["as_tensor"]["name"],
    )
    kind = "relu_" if in_place else "relu"
    nodes[at : at + 1] = [
        {
            "target": f"torch.ops.aten.{kind}.default", "metadata": {},
            "inputs": [{"name": "self", "arg": {"as_tensor": {"name": f"q{n - 1}" if n else source}}}],
            "outputs": [{"as_tensor": {"name": target if n == relus - 1 else f"q{n}"}}],
        }
        for n in range(relus)
    ]  # fmt: skip
    if is_reversed:
        nodes.reverse()
    entries[place] = json.dumps(graph).encode()
    config_place = next(name for name in entries if name.endswith("weights_config.json"))
    config = json.loads(entries[config_place])
    weight = next(each for each in config["config"].values() if len(each["tensor_meta"]["sizes"]) == 2)[
        "path_name"
    ]
    first = next(iter(config["config"].values()))
    for number in range(views):
        own = copy.deepcopy(first)
        own["path_name"] = "big"
        own["tensor_meta"].update(
            dtype=7, sizes=[{"as_int": held}], strides=[{"as_int": 1}], storage_offset={"as_int": 0}, x=number
        )
        config["config"][f"u{number}"] = own
    entries[config_place] = json.dumps(config).encode()
    if views:
        entries[f"{config_place.rpartition('/')[0]}/big"] = bytes(4 * held)
    return "a.pt2", packed(entries, f"/{weight}", past)


def packed(entries, ending="", past=0):
    """An archive; the entry with that ending unpacks to so many bytes more than it declares."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in entries.items():
            if ending and past and name.endswith(ending):
                continue
            archive.writestr(name, data)
    content = stream.getvalue()
    if not (ending and past):
        return content
    name, data = next((name, data) for name, data in entries.items() if name.endswith(ending))
    packer = zlib.compressobj(9, 8, -15)
    squeezed = packer.compress(data)
    for _ in range(past // 2**20 + 1):
        squeezed += packer.compress(bytes(2**20))
    squeezed += packer.flush()
    end = content.rindex(b"PK\x05\x06")
    start = int.from_bytes(content[end + 16 : end + 20], "little")
    raw, crc = name.encode(), zlib.crc32(data)
    sizes = crc, len(squeezed), len(data), len(raw), 0
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, *sizes) + raw + squeezed
    directory = content[start:end] + struct.pack(
        "<4s4B4HL2L5H2L", b"PK\1\2", 20, 0, 20, 0, 0, 8, 0, 0, *sizes, 0, 0, 0, 0, start
    ) + raw  # fmt: skip
    return content[:start] + local + directory + struct.pack(
        "<4s4H2LH", b"PK\5\6", 0, 0, len(entries), len(entries), len(directory), start + len(local), 0
    )  # fmt: skip


@functools.cache
def _state():
    """The weights of the smallest network that is known."""
    from ncviz.models.catalogue.architectures import build_seeded

    return build_seeded("mlp-digits-relu", 1).state_dict()


def checkpoint(tensors=0, held=1_000, dicts=1, copies=1, entries=0, is_packed=0):
    """Whole weights, as often as that in dicts of their own; and tensors over one storage, in dicts, with masks."""
    import torch

    one = torch.zeros(held)
    state = {"net": dict(_state())} | {
        f"copy{at}": {name: values + at for name, values in _state().items()} for at in range(1, copies)
    }
    if tensors:
        state |= {
            f"part{at}": {f"{n}.weight_{end}": one for n in range(tensors) for end in ("orig", "mask")}
            for at in range(dicts)
        }
    stream = io.BytesIO()
    torch.save(state, stream)
    content = stream.getvalue()
    if is_packed:
        again = io.BytesIO()
        with zipfile.ZipFile(stream) as old, zipfile.ZipFile(again, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                new.writestr(name, old.read(name))
        content = again.getvalue()
    return "a.pt", with_empty(content, entries) if entries else content


def safetensors(tensors=0, size=4, letters=4, copies=1):
    """Whole weights, as often as that behind prefixes, beside tensors of a size each, with long names."""
    from safetensors.numpy import save

    names = (f"{at}".rjust(letters, "a") for at in range(tensors))
    weights = {name: values.numpy() for name, values in _state().items()}
    state = weights if copies == 1 else {
        f"n{at}.{name}": values + np.float32(at) for at in range(copies) for name, values in weights.items()
    }  # fmt: skip
    return "a.safetensors", save(state | {name: np.zeros(size, np.float32) for name in names})
