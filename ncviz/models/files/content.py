"""A file's bytes, however it is given, and never more of them than are read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from ncviz.errors import ModelError
from ncviz.limits import LIMITS
from ncviz.text import megabytes

Source = str | Path | bytes | bytearray | BinaryIO

SMALLER = (
    "save the weights alone, in float32 and without the optimiser's states, with safetensors.torch.save_file("
    "net.state_dict(), path), or ask the server's owner to raise file_bytes in ncviz/limits.py"
)


@contextmanager
def refusing(what: str, advice: str) -> Iterator[None]:
    """Make one ModelError of whatever a damaged or crafted file makes its reader raise; ModelErrors pass as they are.

    Args:
        what: What is wrong, such as "net.onnx is a damaged ONNX file"; the kind of the error follows.
        advice: What to do, at the end of the sentence.
    """
    try:
        yield
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(f"{what} ({type(error).__name__}); {advice}.") from error


def read_content(source: Source, label: str) -> bytes:
    """Return the file's bytes, never reading more than the limit and one.

    Raises:
        ModelError: If it is missing, no file, unreadable or too large.
    """
    with refusing(f"{label} cannot be read", "check the path and its rights"):
        if isinstance(source, (bytes, bytearray, memoryview)):
            check_size(len(source), label)
            content: Any = bytes(source)
        elif isinstance(source, (str, Path)):
            if not Path(source).is_file():
                raise ModelError(
                    f"There is no file {source}; give the path of a .pt, .pth, .safetensors, .onnx or .pt2 file."
                )
            with Path(source).open("rb") as file:
                check_size(os.fstat(file.fileno()).st_size, label)
                content = file.read(LIMITS.file_bytes + 1)
        else:
            content = source.read(LIMITS.file_bytes + 1)
    if not isinstance(content, bytes):
        raise ModelError(
            f"{label} gave {type(content).__name__} instead of bytes; open the file in binary mode."
        )
    check_size(len(content), label)
    return content


def check_size(size: int, label: str) -> None:
    """Refuse a file of more bytes than are read.

    Raises:
        ModelError: Saying how large it is, and what to do.
    """
    if size > LIMITS.file_bytes:
        came = f"at least {size / 1e6:,.1f}" if size == LIMITS.file_bytes + 1 else f"{size / 1e6:,.1f}"
        raise ModelError(
            f"{label} has {came} MB, at most {megabytes(LIMITS.file_bytes)} are read; {SMALLER}."
        )
