"""One file from the network, whole and with the right digest or not at all; with progress, and stopped when asked."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.parse import urlparse

from ncviz.errors import CancelledError, DataError
from ncviz.progress import Progress
from ncviz.text import megabytes

TIMEOUT_SECONDS = 30
_CHUNK_BYTES = 1 << 20
_TITLES = {"sha256": "SHA-256", "md5": "MD5"}


def fetch(
    url: str,
    path: Path,
    algorithm: str,
    wanted: str,
    most: int,
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
) -> None:
    """Download a file, unless it is there and right; its folder is made if it is missing.

    Args:
        url: Where it comes from.
        path: Where it goes.
        algorithm: "sha256" or "md5".
        wanted: What its digest begins with, in hexadecimal digits.
        most: Bytes beyond which it cannot be what is asked for.
        progress: Called with the fraction done and a short text; may raise ``CancelledError`` to stop.
        cancel: Asked between the parts whether to stop.

    Raises:
        DataError: If there is no network, no room on the disk, or what comes is something else.
        CancelledError: If it was stopped; nothing is kept.
    """
    if path.is_file() and is_right(path, algorithm, wanted):
        return
    temporary, digest = "", hashlib.new(algorithm, usedforsecurity=algorithm != "md5")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer,
            NamedTemporaryFile(dir=path.parent, suffix=".partial", delete=False) as file,
        ):
            temporary, done = file.name, 0
            total = int(answer.headers.get("Content-Length") or most)
            while chunk := answer.read(_CHUNK_BYTES):
                done += len(chunk)
                if done > most:
                    raise DataError(
                        f"{path.name} is larger than announced; it may not be what it should, so it was not kept."
                    )
                file.write(chunk)
                digest.update(chunk)
                if cancel is not None and cancel():
                    raise CancelledError
                if progress is not None:
                    progress(*downloaded(done, total))
        if not digest.hexdigest().startswith(wanted):
            raise DataError(
                f"{path.name} arrived damaged (its {_TITLES[algorithm]} does not begin with {wanted}); try the "
                "download again."
            )
        os.chmod(temporary, 0o644)  # noqa: PTH101
        Path(temporary).replace(path)
    except (OSError, HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise DataError(
            f"{path.name} could not be downloaded from {urlparse(url).netloc or url} ({_reason(error)}); check the "
            "connection, or bring the file itself."
        ) from error
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


def downloaded(done: int, total: int) -> tuple[float, str]:
    """Return which fraction of so many bytes has come, and the same in words."""
    return min(1.0, done / max(1, total)), f"{done / 1e6:,.0f} of {megabytes(total)} downloaded"


def is_right(path: Path, algorithm: str, wanted: str) -> bool:
    """Whether a file's digest begins with what is wanted."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=algorithm != "md5"))
    return found.hexdigest().startswith(wanted)


def _reason(error: Exception) -> str:
    """Return the first line of an error's own words, shortened."""
    text = str(getattr(error, "reason", "") or error).strip().splitlines()
    return text[0][:100] if text else type(error).__name__
