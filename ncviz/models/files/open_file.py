"""One door for every file that a network may come in: its content decides who reads it, and nothing in it is run."""

from __future__ import annotations

import math
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor, nn

from ncviz.budget import Budget
from ncviz.data.datasets import find_dataset
from ncviz.data.image_settings import LAST, layouts_of, size_of
from ncviz.errors import ModelError
from ncviz.limits import LIMITS
from ncviz.models.catalogue.architectures import build_without_weights, find_architecture
from ncviz.models.files.content import read_content
from ncviz.models.files.graph.blueprint import INPUT, Blueprint, Step, settings_of
from ncviz.models.files.graph.build import build_module
from ncviz.models.files.graph.outputs import Asked
from ncviz.models.files.pt2.reader import read_program
from ncviz.models.files.state_dict.archive import archive_bytes
from ncviz.models.files.state_dict.choosing import choose_weights
from ncviz.models.files.state_dict.reader import PICKLE_START, ZIP_START, is_safetensors, read_checkpoint
from ncviz.models.files.state_dict.recognition import recognise
from ncviz.models.files.state_dict.state import fit_state
from ncviz.models.network import Network, heading
from ncviz.text import quotable

_PT2_ENTRIES = frozenset({"archive_format", "serialized_exported_program.json"})
_ONNX_START = b"\x08"  # the first field of the message, its version
_TITLES = {"onnx": "ONNX", "pt2": "torch.export"}


def read_file(
    content: bytes | str | Path | BinaryIO,
    filename: str | None = None,
    architecture: str | None = None,
    dataset: str = "",
    input_shape: tuple[int, ...] | None = None,
    *,
    weights: str | None = None,
    output: str | None = None,
    size: tuple[int, int] | None = None,
    is_asking: bool = False,
) -> Network:
    """Return the network in a ``.pt``, ``.pth``, ``.safetensors``, ``.onnx`` or ``.pt2`` file.

    Args:
        content: The file's bytes, its path, or an open binary file.
        filename: Its name; by default that of the path.
        architecture: For a file of weights alone: a name that ``find_architecture`` finds. None finds out from keys and
            shapes. Files that hold the graph, too, need none.
        dataset: Name of the data that it is shown on; empty for that which its architecture is made for, if any.
        input_shape: Shape of one image, (C, H, W); None for that of the data, or without data that of the file or the
            architecture.
        weights: For a file of weights alone: which of several that fit, such as "ema", by the keys that lead to them or
            some of these. None takes the first that are no moving average; ``Network.notes`` says so.
        output: For ONNX and .pt2: which of several outputs holds the class scores. None takes the one that looks most
            like them.
        size: For ONNX: height and width of an image, where the file fixes none. None takes the first usual one.
        is_asking: Whether to raise a SeveralFitError with the choices instead of taking one.

    Raises:
        SeveralFitError: If weights fit several architectures alike, or several choices fit and ``is_asking``.
        ModelError: If the file is too large, damaged, unsafe, of no kind that is read, or does not fit; one sentence.
        DataError: If there is no data set of that name.
    """
    name = filename or (Path(content).name if isinstance(content, (str, Path)) else "") or "The network"
    label = quotable(name)
    data = read_content(content, label)
    if architecture is not None:
        find_architecture(architecture)
    format = _format_of(data, name)
    classes = len(find_dataset(dataset).classes) if dataset else None
    if size is None and input_shape is not None and len(input_shape) == 3:
        size = size_of(input_shape)
    asked = Asked(size, output, classes, is_asking)
    if format == "onnx":
        # These import onnx.
        from ncviz.models.files.onnx.folded import folded_note
        from ncviz.models.files.onnx.parsing import parse
        from ncviz.models.files.onnx.reader import read_model

        budget = Budget(label, len(data), ModelError)
        model = parse(data, label, budget)
        read = read_model(model, label, budget, asked)
        # It is written back into its own file, since that also holds what ncviz does not read.
        network = _with_graph(name, format, read.blueprint, read.arrays, data, dataset, input_shape)
        note = folded_note(model)
        return replace(network, notes=(*read.notes, note) if note else read.notes)
    if format == "pt2":
        blueprint, arrays, notes = read_program(data, label, asked)
        network = _with_graph(name, format, blueprint, arrays, data, dataset, input_shape)
        return replace(network, notes=notes)
    if format == "unknown":
        raise ModelError(
            f"{label} is no network that ncviz reads; bring a .pt, .pth or .safetensors file of weights, or an .onnx "
            "or .pt2 file with weights and graph."
        )
    checkpoint = read_checkpoint(data, label)
    del data
    chosen = choose_weights(checkpoint, architecture, weights, is_asking=is_asking)
    found = network_from_state(
        chosen.tensors, chosen.architecture, name, dataset=dataset, format=checkpoint.format, prefix=chosen.prefix,
        input_shape=input_shape,
    )  # fmt: skip
    return replace(found, notes=chosen.notes, words=chosen.words)


def load_network(
    path: str | Path,
    architecture: str | None = None,
    *,
    weights: str | None = None,
    output: str | None = None,
    size: tuple[int, int] | None = None,
) -> nn.Module:
    """Return the network in any file that ncviz reads, in eval mode, on the CPU, in float32.

    A ``.onnx`` or ``.pt2`` file holds the graph, too, and becomes a traced module of plain layers; a ``.pt``,
    ``.pth`` or ``.safetensors`` file holds the weights of a known architecture. The file's content decides, and
    nothing in it is run.

    Args:
        path: The file.
        architecture: For a file of weights alone: a name such as "resnet20" or "torchvision/resnet18". None finds out
            from keys and shapes.
        weights: As for ``read_file``; what was taken of several, or left out, a warning says.
        output: Likewise.
        size: Likewise.

    Raises:
        ModelError: If the file is missing, too large, damaged, unsafe or of no kind that is read, holds layers that are
            not supported, or its weights fit no architecture, several, or not the one that was named; one sentence.
    """
    network = read_file(path, architecture=architecture, weights=weights, output=output, size=size)
    for note in network.notes:
        warnings.warn(note, stacklevel=2)
    return network.module()


def network_from_state(
    state: Mapping[str, Tensor],
    architecture: str | None,
    label: str,
    *,
    dataset: str = "",
    title: str = "",
    format: str = "",
    prefix: str = "",
    input_shape: tuple[int, ...] | None = None,
) -> Network:
    """Return a network of a known architecture with the weights of a state dict.

    Args:
        state: Key → tensor, without a prefix; nobody else may hold them, since they are not copied.
        architecture: A name that ``find_architecture`` finds; None finds out from keys and shapes.
        label: The file's name.
        dataset: Name of the data that it is shown on; empty for that which its architecture is made for, if any.
        title: For people; by default the file's name and the architecture's title.
        format: What the file was.
        prefix: What stood before every key.
        input_shape: Shape of one image, (C, H, W); None for that of the data, or without data the architecture's own.

    Raises:
        ModelError: If the weights fit no architecture, several, or not the one that was named, or it cannot take images
            of that shape.
        DataError: If there is no data set of that name.
    """
    spec = find_architecture(architecture or recognise(state, quotable(label)))
    outline = build_without_weights(spec).state_dict()
    fitted = fit_state(dict(state), outline, spec.name, quotable(label))
    data = dataset or spec.dataset
    shape = input_shape or (None if data else spec.input_shape)
    seen = shape or find_dataset(data).input_shape
    if seen != spec.input_shape:
        if not spec.is_resizable:
            raise ModelError(
                f"{spec.name} takes images of shape {list(spec.input_shape)}, got {list(seen)}; choose other data."
            )
        _check_runs(build_without_weights(spec), seen, spec.name)
    name = heading(label)
    arrays = {key: tensor.detach().numpy() for key, tensor in fitted.items()}
    return Network(
        name, title or f"{name} ({spec.title})", spec.name, data, arrays, is_bundled=False, format=format,
        classes=spec.classes, input_shape=shape, prefix=prefix,
    )  # fmt: skip


def _with_graph(
    name: str,
    format: str,
    blueprint: Blueprint,
    arrays: Mapping[str, np.ndarray],
    original: bytes | None,
    dataset: str,
    input_shape: tuple[int, ...] | None,
) -> Network:
    """Return a network that came with its graph."""
    blueprint = _as_images(blueprint)
    seen = input_shape or blueprint.input_shape
    if dataset and input_shape is None:
        spec = find_dataset(dataset).input_shape
        seen = (*spec[1:], spec[0]) if layouts_of(seen)[0] == LAST else spec
    if seen != blueprint.input_shape:
        _check_runs(build_module(blueprint, arrays), seen, quotable(name))
    title = heading(name)
    return Network(
        title, f"{title} ({_TITLES[format]})", format, dataset, arrays, is_bundled=False, blueprint=blueprint,
        original=original, format=format, input_shape=seen,
    )  # fmt: skip


def _as_images(blueprint: Blueprint) -> Blueprint:
    """Return a network of features [F], or lines [C, L], as one of grey pictures of one row, or of C rows.

    All that shows or reads images can then go on with it; it still takes inputs without the added axes.
    """
    shape = blueprint.input_shape
    if len(shape) > 2:
        return blueprint
    taken = {part for step in blueprint.steps for part in step.name.split(".")}
    name = next(name for count in range(len(taken) + 1) if (name := f"rows{'_' * count}") not in taken)
    first = (
        Step(name, "flatten", (INPUT,), settings_of({"start": 1}))
        if len(shape) == 1
        else Step(name, "reshape", (INPUT,), settings_of({"shape": shape}))
    )
    steps = (
        replace(step, inputs=tuple(name if each == INPUT else each for each in step.inputs))
        for step in blueprint.steps
    )
    return replace(blueprint, input_shape=(1, 1, *shape)[-3:], steps=(first, *steps))


def _format_of(content: bytes, name: str) -> str:
    """Return "onnx", "pt2", "unknown", or "weights" for what ``read_checkpoint`` reads or refuses in its own words."""
    if content.startswith(ZIP_START):
        return "pt2" if _holds_program(content) else "weights"
    if not content or is_safetensors(content) or content.startswith(PICKLE_START):
        return "weights"
    if content.startswith(_ONNX_START) or Path(name).suffix.lower() == ".onnx":
        return "onnx"
    return "unknown"


def is_of_weights(content: bytes) -> bool:
    """Return whether a file holds weights alone, whose architecture has to be found out."""
    return _format_of(content, "") == "weights"


def _holds_program(content: bytes) -> bool:
    """Return whether a zip is laid out as torch.export.save does; only its list of entries is looked at."""
    try:
        with zipfile.ZipFile(archive_bytes(content, "")) as archive:
            names = archive.namelist()
    # A crafted archive makes zipfile raise almost anything; its reader will say what is wrong.
    except Exception:
        return False
    return any(name.rpartition("/")[2] in _PT2_ENTRIES for name in names)


def _check_runs(net: nn.Module, shape: tuple[int, ...], name: str) -> None:
    """Raise a ModelError unless a network takes images of this shape; only sizes are worked out."""
    if not shape or min(shape) < 1 or math.prod(shape) > LIMITS.layer_units:
        raise ModelError(
            f"An image must have 1 to {LIMITS.layer_units:,} values, got the shape {list(shape)}; choose another."
        )
    try:
        with torch.inference_mode():
            net.to("meta").eval()(torch.empty(1, *shape, device="meta"))
    except (RuntimeError, ValueError, IndexError) as error:
        raise ModelError(
            f"{name} cannot take images of shape {list(shape)}; choose other data, or another height and width."
        ) from error
