"""Which files the fuzzer makes for each reader, and how a file is read as whoever brings it would."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.fuzz import networks, pictures, programs

SMALL = 1_000_000
# How large a file may get, by its number: most are small, a few take as much as is read.
_TARGET, _MIDDLE, _LARGE, _EVERY = 950_000, 20_000_000, 190_000_000, (12, 60)


@dataclass(frozen=True)
class Maker:
    """What makes files of one format.

    Attributes:
        make: Takes numbers by name, and gives a file's name and content.
        most: Up to what each number is turned up: a little beyond what is read.
        size: Bytes that the file has about, or that it takes to make, from the numbers that are turned up.
        kinds: What else may differ.
    """

    make: Callable[..., tuple[str, bytes]]
    most: Mapping[str, int]
    size: Callable[[Callable[[str], int]], float]
    kinds: Mapping[str, Sequence[Any]] = field(default_factory=dict)


def _sides(most: int) -> dict[str, int]:
    return dict.fromkeys(("side", "width", "height"), most)


def _pixels(n: Callable[[str], int]) -> int:
    return (n("width") or n("side") or 8) * (n("height") or n("side") or 8)


def _arrays(n: Callable[[str], int]) -> float:
    rows = n("labels") or n("images") or 2
    held = (n("images") or 2) * (n("side") or 8) ** 2 * 8 + rows * max(1, n("columns"), 4 * n("letters"))
    return max(held / max(1, n("grows")), held / 400) + 60 * n("listed") + 300 * n("arrays")


READERS: dict[str, list[Maker]] = {
    "png": [
        Maker(pictures.png, _sides(10**5) | {"texts": 10**5, "parts": 10**5},
              lambda n: 15 * n("texts") + 12 * n("parts") + min(1e9, _pixels(n)) / 1e3)
    ],
    "jpeg": [
        Maker(pictures.jpeg, _sides(5_000) | {"scans": 10**6, "segments": 10**6},
              lambda n: (10 + _pixels(n) / 2e6) * n("scans") + 4 * n("segments") + _pixels(n) / 400)
    ],
    "tiff": [
        Maker(pictures.tiff, _sides(10**6) | dict.fromkeys(("tile", "tile_width", "tile_height"), 10**6)
              | {"tiles": 10**7, "comment": 10**9}, lambda n: 8 * n("tiles"))
    ],
    "gif": [
        Maker(pictures.gif, _sides(5_000) | {"comments": 10**7, "frames": 10**5},
              lambda n: 5 * n("comments") + (30 + _pixels(n) / 60) * (1 + n("frames")))
    ],
    "zip": [
        Maker(pictures.zipped, {"images": 10**5, "side": 5_000, "listed": 10**7, "grows": 1_000},
              lambda n: (2 + n("images")) * (150 + _pixels(n) / 1e3 / max(1, n("grows"))) + 60 * n("listed"))
    ],
    "npz": [
        Maker(pictures.npz, {"images": 10**6, "side": 5_000, "labels": 10**8, "columns": 10**9, "letters": 10**7,
                             "arrays": 10**5, "listed": 10**7, "grows": 100}, _arrays,
              {"kind": ("u1", "?", "f2", "f4", "i8"), "value": (0, 1, 255)})
    ],
    "onnx": [
        Maker(networks.onnx_arithmetic, {"rows": 10**6, "repeats": 10**4, "half": 1}, lambda n: 90 * n("repeats"),
              {"operator": ("Exp", "copies", "ReduceProd", "Add", "Mul", "Softplus", "Transpose")}),
        Maker(networks.onnx_graph, dict.fromkeys(("layers", "outputs", "unused"), 10**4)
              | {"circles": 10**3, "is_reversed": 1},
              lambda n: 30 * n("layers") + 30 * n("outputs") + 70 * n("unused") + 120 * n("circles")),
    ],
    "pt2": [
        Maker(programs.program, {"relus": 10**4, "is_reversed": 1, "views": 10**4, "held": 10**8, "past": 10**10,
                                 "in_place": 1, "listed": 10**7, "grows": 100},
              lambda n: (250 * n("relus") + 500 * n("views")) / max(1, min(n("grows"), 20))
              + max(4 * n("held") / max(1, n("grows")), n("held") / 100) + n("past") / 1e3 + 60 * n("listed"))
    ],
    "pt": [
        Maker(networks.checkpoint, {"tensors": 10**3, "held": 10**8, "dicts": 10**3, "copies": 50, "listed": 10**7,
                                    "grows": 100},
              lambda n: 4 * n("held") + 150 * (n("tensors") or 1) * (n("dicts") or 1) + 20_000 * n("copies")
              + 60 * n("listed"))
    ],
    "safetensors": [
        Maker(networks.safetensors, {"tensors": 10**5, "size": 10**8, "letters": 10**6, "copies": 50},
              lambda n: n("tensors") * (70 + 4 * (n("size") or 4) + n("letters")) + 20_000 * n("copies"))
    ],
}  # fmt: skip


def made(reader: str, seed: int, number: int) -> tuple[dict[str, Any], str, bytes]:
    """Return what was turned up, and the file's name and content."""
    chance = random.Random(f"{reader} {seed} {number}")
    maker = chance.choice(READERS[reader])
    numbers: dict[str, Any] = {}
    # One number alone, or two or three: some work is the product of several.
    for name in chance.sample(sorted(maker.most), chance.choice((1, 1, 2, 2, 3))):
        # As often between 10 and 100 as between 100 and 1,000, but rather more often far up.
        top = maker.most[name] ** max(chance.random(), chance.random())
        numbers[name] = max(1, round(top) - chance.choice((0, 0, 1)))
    middle, large = (number % every == every - 1 for every in _EVERY)
    most = _LARGE if large else _MIDDLE if middle else _TARGET
    while maker.size(lambda name: numbers.get(name, 0)) > most:
        name = chance.choice([name for name, value in numbers.items() if value > 1])
        numbers[name] //= 2
    kinds = {name: chance.choice(kinds) for name, kinds in maker.kinds.items()}
    return {"maker": maker.make.__name__, **numbers, **kinds}, *maker.make(**numbers, **kinds)


def harmless(reader: str) -> list[tuple[str, bytes]]:
    """Return a file of each kind in which nothing is turned up."""
    return [maker.make() for maker in READERS[reader]]


def read(name: str, content: bytes) -> None:
    """Read a file by its name as whoever brings it would."""
    if name.endswith((".onnx", ".pt", ".pt2", ".safetensors")):
        from ncviz.models.files.choices import SeveralFitError
        from ncviz.models.files.open_file import read_file
        from ncviz.models.files.write_file import write_file

        try:
            network = read_file(content, name)
        except SeveralFitError as question:
            # Activations have no weights, so that whole files of them leave this open.
            network = read_file(
                content, name, question.choices[0] if question.what == "architecture" else None
            )
        write_file(network, network.arrays)
        return
    from ncviz.data.image_settings import ImageSettings
    from ncviz.data.user_data.uploads import read_uploads, shared_size

    shared_size([(name, content)])
    read_uploads([(name, content)], ImageSettings(size=(8, 8), channels=1))
