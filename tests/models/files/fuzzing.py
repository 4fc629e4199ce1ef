"""Malformed files for every reader, made from small good ones; run as a program that measures itself.

    python -m tests.models.files.fuzzing READER COUNT SEED

prints one JSON line: how many files were read, refused, the slowest, the growth of memory, and what broke a promise.
"""

import contextlib
import io
import json
import os
import random
import resource
import struct
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from ncviz.errors import DataError, NcvizError

INTERESTING = [
    0,
    1,
    2,
    7,
    8,
    127,
    128,
    255,
    2**15,
    2**16 - 1,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**40,
    2**63 - 1,
    2**64 - 1,
]
NAMES = [
    "../../escaped",
    "/tmp/escaped",
    "..\\escaped",
    "C:\\escaped",
    "a/../../b",
    "\x00",
    "",
    "x" * 5_000,
    "ｅ/é",
]
NUMBERS = [b"-1", b"0", b"99999999999", b"1e308", b"9223372036854775807", b"-9223372036854775808", b"NaN", b"[]",
           b"{}", b"null", b'"x"', b"true", b"1" * 5_000]  # fmt: skip


def mutated(random_: random.Random, seed: bytes, others: list[bytes]) -> bytes:
    """A good file, damaged one to four times, inside its archive's entries or anywhere."""
    if seed.startswith(b"PK") and random_.random() < 0.7:
        # The archive itself stays whole, so that its entries' checksums do not hide what is inside.
        return _in_archive(random_, seed)
    content = seed
    for _ in range(random_.choice([1, 1, 1, 2, 4])):
        content = random_.choice(_DAMAGES)(random_, content, others)
    return content


def _bits(random_, content, others):
    data = bytearray(content)
    for _ in range(random_.choice([1, 2, 8, 64]) if data else 0):
        data[random_.randrange(len(data))] ^= 1 << random_.randrange(8)
    return bytes(data)


def _early_bits(random_, content, others):
    # Headers and graphs stand at the front of most formats.
    data = bytearray(content)
    for _ in range(3 if data else 0):
        data[random_.randrange(min(len(data), 400))] = random_.randrange(256)
    return bytes(data)


def _cut(random_, content, others):
    return content[: random_.randrange(len(content) + 1)]


def _length(random_, content, others):
    form = random_.choice(["<I", "<Q", ">I", "<H", "B"])
    width = struct.calcsize(form)
    if len(content) < width:
        return content
    at = random_.choice([0, random_.randrange(len(content) - width + 1)])
    value = random_.choice(INTERESTING) % 256**width
    return content[:at] + struct.pack(form, value) + content[at + width :]


def _varint(random_, content, others):
    value, data = random_.choice(INTERESTING), bytearray()
    while value > 127:
        data.append(value & 127 | 128)
        value >>= 7
    data.append(value)
    at = random_.randrange(len(content) + 1)
    return content[:at] + bytes(data) + content[at + random_.choice([0, 1, len(data)]) :]


def _splice(random_, content, others):
    other = random_.choice(others)
    begin, end = sorted(random_.randrange(len(other) + 1) for _ in range(2))
    at = random_.randrange(len(content) + 1)
    return content[:at] + other[begin:end][:20_000] + content[at + random_.choice([0, end - begin]) :]


def _repeat(random_, content, others):
    begin, end = sorted(random_.randrange(len(content) + 1) for _ in range(2))
    return content[:begin] + content[begin:end][:2_000] * random_.choice([2, 10]) + content[end:]


def _number(random_, content, others):
    digits = [
        at for at in range(0, len(content), max(1, len(content) // 4_000)) if content[at : at + 1].isdigit()
    ]
    if not digits:
        return content
    at = random_.choice(digits)
    return content[:at] + random_.choice(NUMBERS) + content[at + 1 :]


def _word(random_, content, others):
    words = [
        b"as_int",
        b"as_tensor",
        b"weight",
        b"aten",
        b"Conv",
        b"data.pkl",
        b"float",
        b"F32",
        b"name",
        b"sizes",
    ]
    old = random_.choice(words)
    new = random_.choice(
        [b"as_ints", b"as_none", b"__class__", b"../../x", b"eval", b"weight", b"I64", b"Loop", b"\xff"]
    )
    return content.replace(old, new, random_.choice([1, -1]))


def _directory(random_, content, others):
    """Change the zip's directory, or one of its local headers."""
    marks = [at for mark in (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06") for at in _find(content, mark)]
    if not marks:
        return content
    at = random_.choice(marks) + random_.randrange(4, 46)
    return content[:at] + struct.pack("<I", random_.choice(INTERESTING) % 2**32) + content[at + 4 :]


def _find(content, mark):
    at = content.find(mark)
    while at >= 0:
        yield at
        at = content.find(mark, at + 1)


_DAMAGES: list[Callable[..., bytes]] = [
    _bits, _early_bits, _cut, _length, _varint, _splice, _repeat, _number, _word, _directory,
]  # fmt: skip


def _in_archive(random_: random.Random, content: bytes) -> bytes:
    """Damage one entry, its name or its packing, and write a proper archive again."""
    with zipfile.ZipFile(io.BytesIO(content)) as good:
        entries = [[entry.filename, good.read(entry)] for entry in good.infolist()]
    graphs = [entry for entry in entries if entry[0].endswith((".json", ".pkl", ".npy"))]
    chosen = random_.choice(graphs if graphs and random_.random() < 0.7 else entries)
    action = random_.randrange(6)
    if action == 0:
        chosen[0] = random_.choice(NAMES)
    elif action == 1:
        entries.remove(chosen)
    elif action == 2:
        entries.append([random_.choice([chosen[0], *NAMES]), bytes(random_.choice([0, 10, 3_000_000]))])
    else:
        others = [data for _, data in entries]
        for _ in range(random_.choice([1, 2, 5])):
            chosen[1] = random_.choice(_DAMAGES[:-1])(random_, chosen[1], others)
    packing = random_.choice([zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", packing) as packed, contextlib.suppress(ValueError, IndexError):
        for name, data in entries:
            packed.writestr(name, data)
    return target.getvalue()


def _onnx_seeds() -> list[bytes]:
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    def value(name, *shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    weights = {"w": np.ones((2, 1, 3, 3)), "b": np.ones(2), "s": np.ones(2), "f": np.ones((2, 3))}
    tensors = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()]
    tensors.append(numpy_helper.from_array(np.array([0, 2, 1, 1]), "shape"))
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], name="conv", pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("BatchNormalization", ["c", "s", "b", "b", "s"], ["n"], name="norm"),
        helper.make_node("Sigmoid", ["n"], ["g"]), helper.make_node("Mul", ["n", "g"], ["a"]),
        helper.make_node("MaxPool", ["a"], ["p"], kernel_shape=[2, 2]), helper.make_node("Add", ["p", "p"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["m"]), helper.make_node("Reshape", ["m", "shape"], ["h"]),
        helper.make_node("Flatten", ["h"], ["f0"]), helper.make_node("Gemm", ["f0", "f"], ["y"], alpha=0.5),
    ]  # fmt: skip
    graph = helper.make_graph(nodes, "g", [value("x", "n", 1, 4, 4)], [value("y", "n", 3)], tensors)
    one = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    shaped = [
        helper.make_node("Shape", ["x"], ["a"]), helper.make_node("Gather", ["a", "zero"], ["b"]),
        helper.make_node("Unsqueeze", ["b", "axes"], ["c"]), helper.make_node("Concat", ["c", "rest"], ["d"], axis=0),
        helper.make_node("Reshape", ["x", "d"], ["e"]), helper.make_node("MatMul", ["e", "m"], ["f"]),
        helper.make_node("Add", ["f", "k"], ["y"]),
    ]  # fmt: skip
    constants = {"zero": np.array(0), "axes": np.array([0]), "rest": np.array([-1]),
                 "m": np.ones((4, 2), np.float32), "k": np.ones(2, np.float32)}  # fmt: skip
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(shaped, "g", [value("x", "n", 1, 2, 2)], [value("y", "n", 2)], tensors)
    return [one, helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]).SerializeToString()]


def _exported_seeds() -> list[bytes]:
    import torch
    from torch import nn

    net = nn.Sequential(
        nn.Conv2d(1, 2, 3),
        nn.BatchNorm2d(2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(2, 3),
    )
    program = torch.export.export(
        net.eval(), (torch.zeros(2, 1, 5, 5),), dynamic_shapes=({0: torch.export.Dim("n")},)
    )
    seeds = []
    for version in (program, program.run_decompositions()):
        buffer = io.BytesIO()
        torch.export.save(version, buffer)
        seeds.append(_slim(buffer.getvalue()))
    return seeds


def _slim(content: bytes) -> bytes:
    # Stack traces are most of a small program, and damage to them is damage to nothing.
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as good, zipfile.ZipFile(target, "w") as packed:
        for name in good.namelist():
            data = good.read(name)
            if name.endswith("models/model.json"):
                program = json.loads(data)
                for node in program["graph_module"]["graph"]["nodes"]:
                    node["metadata"] = {}
                data = json.dumps(program).encode()
            if "sample_inputs" not in name:
                packed.writestr(name, data)
    return target.getvalue()


ARCHITECTURE = "mlp-digits-relu"


def _torch_seeds() -> list[bytes]:
    import torch

    from ncviz.models.catalogue.architectures import build_seeded

    buffer = io.BytesIO()
    torch.save(build_seeded(ARCHITECTURE, 1).state_dict(), buffer)
    return [buffer.getvalue()]


def _safetensors_seeds() -> list[bytes]:
    from ncviz.models.catalogue.architectures import build_seeded
    from ncviz.models.loading import save_checkpoint

    buffer = io.BytesIO()
    save_checkpoint(build_seeded(ARCHITECTURE, 1), buffer)
    return [buffer.getvalue()]


def _read_onnx(content):
    from ncviz.models.files.graph.build import build_module
    from ncviz.models.files.onnx.reader import read_onnx

    build_module(*read_onnx(content, "file.onnx"))


def _read_exported(content):
    from ncviz.models.files.graph.build import build_module
    from ncviz.models.files.pt2.reader import read_exported

    build_module(*read_exported(content, "file.pt2"))


def _read_checkpoint(content):
    from ncviz.models.loading import load_checkpoint

    load_checkpoint(content, ARCHITECTURE)


def _image_seeds() -> list[bytes]:
    import numpy as np

    from tests.examples.image_files import image_file, npy_of, npz_of, pixels, tree, zip_of

    files, images = tree(("cat", "dog"))
    arrays = npz_of(x_train=images, y_train=np.arange(len(images)) % 2)
    return [zip_of(files), arrays, npy_of(images), image_file(pixels()), image_file(pixels(), "JPEG")]


def _read_images(content):
    from ncviz.data.user_data.uploads import read_uploads
    from tests.examples.image_files import SMALL

    # As a page would: by the ending that the first bytes suggest.
    ending = next(
        (
            e
            for mark, e in ((b"\x93", "npy"), (b"\x89P", "png"), (b"\xff", "jpg"))
            if content[:2].startswith(mark)
        ),
        "",
    )
    for name in [f"file.{ending}"] if ending else ["file.zip", "file.npz"]:
        with contextlib.suppress(DataError) if name == "file.zip" else contextlib.nullcontext():
            read_uploads([(name, content)], SMALL)
            return


# Every reader of files that people bring: its good files, and what reads one. A new reader is one more entry.
READERS: dict[str, tuple[Callable[[], list[bytes]], Callable[[bytes], None]]] = {
    "onnx": (_onnx_seeds, _read_onnx),
    "exported": (_exported_seeds, _read_exported),
    "torch": (_torch_seeds, _read_checkpoint),
    "safetensors": (_safetensors_seeds, _read_checkpoint),
    "images": (_image_seeds, _read_images),
}


def main(name: str, count: int, seed: int) -> dict:
    import warnings

    warnings.simplefilter("ignore")
    make, read = READERS[name]
    seeds = make()
    for good in seeds:
        read(good)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # A file that would take the machine's memory ends here instead; the growth is judged by the caller.
    virtual = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (virtual + 2_000_000_000,) * 2)
    result = {"read": 0, "refused": 0, "faults": [], "slowest": 0.0}
    for at in range(count):
        random_ = random.Random(f"{name} {seed} {at}")
        content = mutated(random_, random_.choice(seeds), seeds)
        started = time.process_time()
        try:
            read(content)
            result["read"] += 1
        except NcvizError as error:
            result["refused"] += 1
            if isinstance(error.__cause__, MemoryError):
                result["faults"].append([at, "it asked for more memory than there is"])
            if "\n" in str(error).strip() or len(str(error)) > 1_000:
                result["faults"].append([at, f"no sentence: {str(error)[:200]!r}"])
        except BaseException as error:
            result["faults"].append([at, f"{type(error).__name__}: {str(error)[:200]}"])
        result["slowest"] = max(result["slowest"], time.process_time() - started)
    result["growth_mb"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) / 1024
    result["left"] = sorted(str(path) for path in Path().rglob("*"))
    return result


if __name__ == "__main__":
    os.chdir(os.environ.get("FUZZ_FOLDER", "."))
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
