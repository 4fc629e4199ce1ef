"""The archives that torchvision's data sets are published as, fetched to where torchvision then finds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ncviz.data.known.downloads import fetch
from ncviz.data.known.folders import torchvision_class
from ncviz.errors import CancelledError, DataError
from ncviz.progress import Progress
from ncviz.text import first_line

# STL-10's archive, the largest of them, has 2.6 GB.
_MOST_BYTES = 3_000_000_000


@dataclass(frozen=True)
class PublishedFile:
    """One archive: from where it comes, whichever answers first, where it goes, and its MD5."""

    urls: tuple[str, ...]
    path: Path
    md5: str


def published_files(kind: str, folder: Path) -> tuple[PublishedFile, ...]:
    """Return the archives of one of torchvision's data sets.

    Args:
        kind: Name of torchvision's class.
        folder: Where the data set goes.
    """
    of = torchvision_class(kind)
    if kind == "SVHN":
        return tuple(
            PublishedFile((url,), folder / name, md5)
            for url, name, md5 in (of.split_list[split] for split in ("train", "test"))
        )
    if kind in ("CIFAR10", "CIFAR100", "STL10"):
        return (PublishedFile((of.url,), folder / of.filename, of.tgz_md5),)
    raw = folder / kind / "raw"
    if kind == "EMNIST":
        return (PublishedFile((of.url,), raw / of.url.rpartition("/")[2], of.md5),)
    return tuple(
        PublishedFile(tuple(f"{mirror}{name}" for mirror in of.mirrors), raw / name, md5)
        for name, md5 in of.resources
    )


def fetch_published(kind: str, folder: Path, progress: Progress) -> None:
    """Download what is missing of a data set's archives; torchvision then finds them there and unpacks them.

    Args:
        kind: Name of torchvision's class.
        folder: Where the data set goes.
        progress: Called with the fraction done and a message; may raise ``CancelledError`` to stop.

    Raises:
        DataError: If a file can be had from none of its places.
    """
    files = published_files(kind, folder)
    for number, file in enumerate(files):

        def report(fraction: float, message: str, number: int = number) -> None:
            progress((number + fraction) / len(files), f"file {number + 1} of {len(files)}: {message}")

        for url in file.urls:
            try:
                fetch(url, file.path, "md5", file.md5, _MOST_BYTES, report)
                break
            except DataError:
                if url == file.urls[-1]:
                    raise
    progress(1.0, "unpacking")


def download_files(
    title: str,
    kind: str,
    files: Iterable[str],
    folder: Path,
    requests: Iterable[Mapping[str, Any]],
    progress: Progress | None,
) -> None:
    """Fill a folder, made if it is missing, through torchvision's class ``kind``, once for each of ``requests``.

    Raises:
        DataError: If the download or the folder fails.
        CancelledError: If it was stopped.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if progress is not None and not all((folder / file).is_file() for file in files):
            fetch_published(kind, folder, progress)
        for options in requests:
            torchvision_class(kind)(folder, download=True, **options)
    except (CancelledError, DataError):
        raise
    except Exception as error:  # network, disk, archive and checksum each raise their own kinds
        raise DataError(
            f"{title} could not be downloaded to {folder} ({first_line(error)}); check the connection and the "
            "folder, or copy the files there by hand."
        ) from error
