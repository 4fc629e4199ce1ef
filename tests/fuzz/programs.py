"""Valid programs of torch.export whose every number can be turned up."""

import functools
import io
import json
import zipfile

from tests.fuzz.archives import archive

_FLOAT = 7


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
    with zipfile.ZipFile(stream) as saved:
        return {entry.filename: saved.read(entry) for entry in saved.infolist()}


def program(relus=1, is_reversed=0, views=0, held=1_000, past=0, in_place=0, listed=0, grows=1):
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
    first = next(iter(config["config"].values()))
    weight = next(each for each in config["config"].values() if len(each["tensor_meta"]["sizes"]) == 2)
    for number in range(views):
        # All of the entry but so much of its beginning, so that no two are the same.
        start = number % held
        places = {
            "sizes": [{"as_int": held - start}],
            "strides": [{"as_int": 1}],
            "storage_offset": {"as_int": start},
        }
        config["config"][f"u{number}"] = first | {
            "path_name": "big", "tensor_meta": first["tensor_meta"] | {"dtype": _FLOAT} | places,
        }  # fmt: skip
    entries[config_place] = json.dumps(config).encode()
    if views:
        entries[f"{config_place.rpartition('/')[0]}/big"] = bytes(4 * held)
    return "a.pt2", archive(list(entries.items()), grows, past, f"/{weight['path_name']}", listed)


KINDS = {
    "eq": ("aten.eq.Tensor", ("self", "other")), "masked_fill": ("aten.masked_fill.Tensor", ("self", "mask", "value")),
    "add": ("aten.add.Tensor", ("self", "other")), "fill": ("aten.fill.Tensor", ("self", "value")),
    "fill_": ("aten.fill_.Tensor", ("self", "value")), "clone": ("aten.clone.default", ("self",)),
    "expand": ("aten.expand.default", ("self", "size")), "unbind": ("aten.unbind.int", ("self", "dim")),
    "split": ("aten.split.Tensor", ("self", "split_size")), "slice": ("aten.slice.Tensor", ("self", "dim")),
    "repeat": ("aten.repeat.default", ("self", "repeats")), "view": ("aten.view.default", ("self", "size")),
}  # fmt: skip


def constants(rows=2, columns=2, repeats=1, kind="eq", is_added=0):
    """A program that makes constants of two shapes, does so much with them again and again, and may add the last."""
    entries = dict(_program())
    place = next(name for name in entries if "/models/" in name and name.endswith(".json"))
    graph = json.loads(entries[place])
    nodes = graph["graph_module"]["graph"]["nodes"]
    for node in nodes:
        node["metadata"] = {}
    at = next(number for number, node in enumerate(nodes) if "relu" in node["target"])
    flat = nodes[at]["inputs"][0]["arg"]["as_tensor"]["name"]
    result = nodes[at]["outputs"][0]["as_tensor"]["name"]

    def node(target, gives, **given):
        inputs = [{"name": name, "arg": value} for name, value in given.items()]
        outputs = [{"as_tensor": {"name": gives}}]
        return {"target": f"torch.ops.{target}", "metadata": {}, "inputs": inputs, "outputs": outputs}

    def tensor(name):
        return {"as_tensor": {"name": name}}

    def made(name, *sizes):
        return node("aten.full.default", name, size={"as_ints": sizes}, fill_value={"as_float": 1.0})

    target, slots = KINDS[kind]
    scalars = {"dim": {"as_int": 0}, "split_size": {"as_int": 1}, "size": {"as_ints": [rows, columns]},
               "repeats": {"as_ints": [rows, 1]}}  # fmt: skip
    found = [made("one", 1), made("left", rows, 1), made("right", 1, columns)]
    before = "left"
    for number in range(repeats):
        names = {"self": before, "other": "right", "mask": "right", "value": "one"}
        given = {slot: scalars[slot] if slot in scalars else tensor(names[slot]) for slot in slots}
        before = f"c{number}"
        found.append(node(target, before, **given))
    added = [node("aten.add.Tensor", "sum", self=tensor(flat), other=tensor(before))]
    # What no output needs is not read at all, so that it is joined to the images in either case.
    kept = [] if is_added else [
        node("aten.eq.Tensor", "same", self=tensor(before), other=tensor("one")),
        node("aten.masked_fill.Scalar", "sum", self=tensor(flat), mask=tensor("same"), value={"as_float": -1e38}),
    ]  # fmt: skip
    last = node("aten.relu.default", result, self=tensor("sum"))
    nodes[at : at + 1] = [*found, *(added if is_added else kept), last]
    entries[place] = json.dumps(graph).encode()
    return "a.pt2", archive(list(entries.items()), 1, 0, "", 0)
