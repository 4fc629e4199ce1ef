"""What identifies the images in use: every pixel and label, read again when a folder changes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from ncviz.data.datasets import DATASETS, default_data_dir, load_dataset, load_sample_arrays
from ncviz.fingerprint import digest


def data_fingerprint(dataset: str, split: str, data_dir: str | None) -> str:
    """SHA-256 of the images and labels that a folder, or the bundled sample, holds now."""
    spec, folder = DATASETS[dataset], data_dir or default_data_dir()
    if not spec.first_file or (folder is None and spec.is_bundled):
        return _sample_fingerprint(dataset, split)
    if folder is None:
        load_dataset(dataset, split)
    where = Path(str(folder)).expanduser().absolute()
    return _folder_fingerprint(dataset, split, str(where), _file_states((where / spec.first_file).parent))


def _file_states(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Name, size and time of every file of a data set, so that one that changes is read again."""
    files = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    return tuple((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files)


@lru_cache(maxsize=16)
def _sample_fingerprint(dataset: str, split: str) -> str:
    images, labels = load_sample_arrays(dataset, split)
    return digest(images, labels)


@lru_cache(maxsize=16)
def _folder_fingerprint(
    dataset: str, split: str, folder: str, states: tuple[tuple[str, int, int], ...]
) -> str:
    data = load_dataset(dataset, split, folder)
    return digest(data.inputs.numpy(), data.labels.numpy())
