"""Which files the fuzzer makes for each reader, and how a file is read as whoever brings it would."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.fuzz import networks, pictures, programs

SMALL = 1_000_000
# How large a file may get, by its number: most are small, since what they ask for is not in their size; some as large
# as a small one may be, a few as is read. And how far at least the numbers of those are turned up: as a power.
_USUAL, _TARGET = 10_000, 950_000
_SIZES = ((800, 190_000_000), (200, 20_000_000), (25, _TARGET))
_FAR = 0.7


@dataclass(frozen=True)
class Maker:
    """What makes files of one format.

    Attributes:
        make: Takes numbers by name, and gives a file's name and content.
        most: Up to what each number is turned up: a little beyond what is read.
        size: Bytes that the file has about, or that it takes to make, from the numbers that are turned up.
        kinds: What else may differ.
        products: Numbers that are turned up together, since work may be their product, or alone but more often.
    """

    make: Callable[..., tuple[str, bytes]]
    most: Mapping[str, int]
    size: Callable[[Callable[[str], int]], float]
    kinds: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    products: Sequence[Sequence[str]] = ()


def _sides(most: int) -> dict[str, int]:
    return dict.fromkeys(("side", "width", "height"), most)


def _pixels(n: Callable[[str], int]) -> int:
    return (n("width") or n("side") or 8) * (n("height") or n("side") or 8)


def _copies(n: Callable[[str], int]) -> int:
    return 20_000 * n("copies") if n("copies") > 1 else 0


def _arrays(n: Callable[[str], int]) -> float:
    rows = n("labels") or n("images") or 2
    held = (n("images") or 2) * (n("side") or 8) ** 2 * 8 + rows * max(1, n("columns"), 4 * n("letters"))
    return max(held / max(1, n("grows")), held / 400) + 60 * n("listed") + 300 * n("arrays")


READERS: dict[str, list[Maker]] = {
    "png": [
        Maker(pictures.png, _sides(10**5) | {"texts": 10**5, "parts": 10**5},
              lambda n: 15 * n("texts") + 12 * n("parts") + min(1e9, _pixels(n)) / 1e3,
              products=[("width", "height"), ("side", "parts")])
    ],
    "jpeg": [
        Maker(pictures.jpeg, _sides(5_000) | {"scans": 10**6, "segments": 10**6},
              lambda n: (10 + _pixels(n) / 2e6) * n("scans") + 4 * n("segments") + _pixels(n) / 400,
              products=[("side", "scans")])
    ],
    "tiff": [
        Maker(pictures.tiff, _sides(10**6) | dict.fromkeys(("tile", "tile_width", "tile_height"), 10**6)
              | {"tiles": 10**7, "comment": 10**9}, lambda n: 8 * n("tiles"),
              products=[("tile_width", "tile_height"), ("side", "tile"), ("side", "tile", "tiles")])
    ],
    "gif": [
        Maker(pictures.gif, _sides(5_000) | {"comments": 10**7, "frames": 10**5},
              lambda n: 5 * n("comments") + (30 + _pixels(n) / 60) * (1 + n("frames")),
              products=[("side", "frames")])
    ],
    "zip": [
        Maker(pictures.zipped, {"images": 10**5, "side": 5_000, "listed": 10**7, "grows": 1_000},
              lambda n: (2 + n("images")) * (150 + _pixels(n) / 1e3 / max(1, n("grows"))) + 60 * n("listed"),
              products=[("listed",), ("images", "side"), ("images", "side", "grows")])
    ],
    "npz": [
        Maker(pictures.npz, {"images": 10**6, "side": 5_000, "labels": 10**8, "columns": 10**9, "letters": 10**7,
                             "arrays": 10**5, "listed": 10**7, "grows": 100}, _arrays,
              {"kind": ("u1", "?", "f2", "f4", "i8"), "value": (0, 1, 255)},
              [("images", "side", "grows"), ("labels", "columns", "grows"), ("labels", "letters", "grows")])
    ],
    "onnx": [
        Maker(networks.onnx_arithmetic, {"rows": 10**6, "repeats": 10**4, "half": 1}, lambda n: 90 * n("repeats"),
              {"operator": ("Exp", "copies", "ReduceProd", "Add", "Mul", "Softplus", "Transpose")},
              [("rows", "repeats"), ("rows", "repeats", "half")]),
        Maker(networks.onnx_settings, {"numbers": 10**8}, lambda n: 0,
              {"operator": ("Slice", "Reshape", "Tile", "Expand", "Split", "Squeeze", "Gather", "ReduceMean", "Max")}),
        Maker(networks.onnx_graph, dict.fromkeys(("layers", "outputs", "unused"), 10**4)
              | {"circles": 10**3, "is_reversed": 1},
              lambda n: 30 * n("layers") + 30 * n("outputs") + 70 * n("unused") + 120 * n("circles")),
    ],
    "pt2": [
        Maker(programs.program, {"relus": 10**4, "is_reversed": 1, "views": 10**4, "held": 10**8, "past": 10**10,
                                 "in_place": 1, "listed": 10**7, "grows": 100},
              lambda n: (250 * n("relus") + 500 * n("views")) / max(1, min(n("grows"), 20))
              + max(4 * n("held") / max(1, n("grows")), n("held") / 100) + n("past") / 1e3 + 60 * n("listed"),
              products=[("listed",), ("views", "held"), ("views", "held", "grows"), ("relus", "is_reversed")]),
        Maker(programs.constants, {"rows": 10**7, "columns": 10**7, "repeats": 5_000, "is_added": 1},
              lambda n: 250 * n("repeats"), {"kind": tuple(programs.KINDS)},
              [("rows", "columns"), ("rows", "repeats"), ("rows", "columns", "repeats")]),
    ],
    "pt": [
        Maker(networks.checkpoint, {"tensors": 10**3, "held": 10**8, "dicts": 10**3, "copies": 50, "listed": 10**7,
                                    "grows": 100},
              lambda n: 4 * n("held") + 150 * (n("tensors") or 1) * (n("dicts") or 1) + _copies(n)
              + 60 * n("listed"), products=[("listed",), ("tensors", "held"), ("dicts", "held"), ("tensors", "dicts")])
    ],
    "safetensors": [
        Maker(networks.safetensors, {"tensors": 10**5, "size": 10**8, "letters": 10**6, "copies": 50},
              lambda n: n("tensors") * (70 + 4 * (n("size") or 4) + n("letters")) + _copies(n),
              products=[("tensors", "letters"), ("tensors", "size")])
    ],
}  # fmt: skip


def made(reader: str, seed: int, number: int) -> tuple[dict[str, Any], str, bytes]:
    """Return what was turned up, and the file's name and content."""
    chance = random.Random(f"{reader} {seed} {number}")
    maker = chance.choice(READERS[reader])
    numbers: dict[str, Any] = {}
    most = next((most for every, most in _SIZES if number % every == every - 1), _USUAL)
    # Some numbers whose product is work; else one alone, or any two or three where that is not what makes it large.
    if maker.products and chance.random() < 0.3:
        names = list(chance.choice(maker.products))
    else:
        count = 1 if most > _TARGET else chance.choice((1, 1, 2, 2, 3))
        names = chance.sample(sorted(maker.most), min(count, len(maker.most)))
    for name in names:
        # As often between 10 and 100 as between 100 and 1,000; in larger files rather far up.
        power = chance.uniform(0 if most == _USUAL else _FAR, 1)
        numbers[name] = max(1, round(maker.most[name] ** power) - chance.choice((0, 0, 1)))
    while maker.size(lambda name: numbers.get(name, 0)) > most:
        name = chance.choice([name for name, value in numbers.items() if value > 1])
        numbers[name] = numbers[name] * 4 // 5
    kinds = {name: chance.choice(kinds) for name, kinds in maker.kinds.items()}
    return {"maker": maker.make.__name__, **numbers, **kinds}, *maker.make(**numbers, **kinds)


def harmless(reader: str) -> list[tuple[str, bytes]]:
    """Return files of each kind in which nothing is turned up, or one number to 2, so that all that reads is used."""
    return [
        maker.make(**numbers)
        for maker in READERS[reader]
        for numbers in ({}, *({name: 2} for name in maker.most))
    ]


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
