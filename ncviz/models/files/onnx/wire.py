"""Look at an ONNX file's bytes before it is parsed: a few bytes of protobuf can grow to hundreds in memory."""

from __future__ import annotations

from collections.abc import Iterator

from ncviz.errors import ModelError
from ncviz.limits import LIMITS
from ncviz.text import megabytes

_MAX_FIELDS = 300_000
# Numbers of the fields, from onnx.proto3, in which a message of weights may lie.
_INSIDE = {
    "model": {7: "graph"},
    "graph": {1: "node", 5: "tensor"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor"},
    "tensor": {4: "numbers", 9: "numbers", 10: "numbers"},
}
_VARINT, _EIGHT_BYTES, _DELIMITED, _FOUR_BYTES = 0, 1, 2, 5


def check_wire(content: bytes, label: str) -> None:
    """Refuse a file whose graph, without the bytes of its weights, is larger than a graph needs to be.

    Everything that is no plain run of floats or bytes counts as graph: the parser takes up to a hundred bytes for two
    of the file, which ``LIMITS.header_bytes`` bounds.

    Args:
        content: The file.
        label: Its name, for messages.

    Raises:
        ModelError: If it is no protobuf message, or its graph is too large.
    """
    budget = _Budget(label)
    try:
        _walk(content, 0, len(content), "model", budget)
    except (IndexError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(
            f"{label} is no ONNX file, or a damaged one; export it again with torch.onnx.export."
        ) from error


class _Budget:
    """What the file may still hold."""

    def __init__(self, label: str) -> None:
        self.label, self.bytes, self.fields = label, LIMITS.header_bytes, _MAX_FIELDS

    def take(self, size: int) -> None:
        """Count a field of ``size`` bytes."""
        self.bytes -= size
        self.fields -= 1
        if self.bytes < 0 or self.fields < 0:
            raise ModelError(
                f"{self.label} holds a graph of more than {megabytes(LIMITS.header_bytes)} besides its weights; "
                "export it anew, with the weights as raw data."
            )


def _walk(content: bytes, start: int, end: int, kind: str, budget: _Budget) -> None:
    for number, wire, begin, stop in _fields(content, start, end):
        inner = _INSIDE[kind].get(number) if wire == _DELIMITED else None
        # Repeated floats may also come one by one, five bytes each: no growth, but a field each.
        if inner == "numbers" or (kind == "tensor" and number == 4 and wire == _FOUR_BYTES):
            budget.take(0)
        elif inner is not None:
            budget.take(8)
            _walk(content, begin, stop, inner, budget)
        else:
            budget.take(stop - begin + 1)


def _fields(content: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    position = start
    while position < end:
        tag, position = _varint(content, position, end)
        wire, number, begin = tag & 7, tag >> 3, position
        if wire == _VARINT:
            _, position = _varint(content, position, end)
        elif wire == _DELIMITED:
            size, begin = _varint(content, position, end)
            position = begin + size
        elif wire in (_EIGHT_BYTES, _FOUR_BYTES):
            position += 8 if wire == _EIGHT_BYTES else 4
        else:  # groups, which no ONNX file holds
            raise ValueError("unknown wire type")
        if position > end or number == 0:
            raise ValueError("a field reaches beyond its message")
        yield number, wire, begin, position


def _varint(content: bytes, position: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= end:
            raise ValueError("a number is cut off")
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("a number is too long")
