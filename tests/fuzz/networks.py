"""Valid files of networks whose every number can be turned up: each maker takes numbers by name and gives a file."""

import functools
import io

import numpy as np

from tests.fuzz.archives import again


def _onnx(nodes, constants, outputs=("y",), extra=(), flat="f"):
    from onnx import TensorProto, helper, numpy_helper

    def value(name, *shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    last = [helper.make_node("Flatten", ["x"], ["f"])] if flat == "f" else []
    last.append(helper.make_node("Gemm", [flat, "W"], ["y"], transB=1))
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


def onnx_graph(layers=1, outputs=1, unused=0, circles=0, is_reversed=0):
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
    return _onnx([], numbers, names, extra[::-1] if is_reversed else extra)


def onnx_settings(numbers=2, operator="Slice"):
    """A node whose settings, such as bounds or sizes, are a constant of so many numbers."""
    from onnx import TensorProto, helper

    node, one = helper.make_node, helper.make_tensor("v", TensorProto.INT32, [1], [1])
    made = [node("ConstantOfShape", ["s"], ["b"], value=one)]
    constants = {"s": np.array([numbers]), "at": np.array([1])}
    # Spread over each other, they would be a square.
    reads = {"Slice": ["x", "b", "b"], "Max": ["b", "beside", "x"]}.get(operator, ["x", "b"])
    if operator == "Max":
        made.append(node("Unsqueeze", ["b", "at"], ["beside"]))
    made += [node(operator, reads, ["q"]), node("Flatten", ["q"], ["p"])]
    return _onnx(made, constants, flat="p")


@functools.cache
def _state():
    """The weights of the smallest network that is known."""
    from ncviz.models.catalogue.architectures import build_seeded

    return build_seeded("mlp-digits-relu", 1).state_dict()


def checkpoint(tensors=0, held=1_000, dicts=1, copies=1, listed=0, grows=1):
    """Whole weights, as often as that in dicts of their own; and tensors over one storage, in dicts, with masks."""
    import torch

    one = torch.zeros(held)
    state = {"net": dict(_state())} | {
        f"copy{at}": {name: values + at for name, values in _state().items()} for at in range(1, copies)
    }
    if tensors or dicts > 1:
        state |= {
            f"part{at}": {
                f"{n}.weight_{end}": one for n in range(max(1, tensors)) for end in ("orig", "mask")
            }
            for at in range(dicts)
        }
    stream = io.BytesIO()
    torch.save(state, stream)
    content = stream.getvalue()
    return "a.pt", content if grows == 1 and not listed else again(content, grows, listed)


def safetensors(tensors=0, size=4, letters=4, copies=1):
    """Whole weights, as often as that behind prefixes, beside tensors of a size each, with long names."""
    from safetensors.numpy import save

    # Beyond that the library writes no header.
    letters = min(letters, 90_000_000 // max(1, tensors))
    names = (f"{at}".rjust(letters, "a") for at in range(tensors))
    weights = {name: values.numpy() for name, values in _state().items()}
    state = weights if copies == 1 else {
        f"n{at}.{name}": values + np.float32(at) for at in range(copies) for name, values in weights.items()
    }  # fmt: skip
    return "a.safetensors", save(state | {name: np.zeros(size, np.float32) for name in names})
