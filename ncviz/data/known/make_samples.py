"""Make the bundled samples anew: ``python -m ncviz.data.known.make_samples --data-dir FOLDER``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ncviz.data.datasets import DATASETS, SAMPLE_DIR
from ncviz.data.known.folders import read_folder
from ncviz.errors import DataError

PER_CLASS = {"mnist": {"train": 50, "test": 200}, "cifar10": {"train": 10, "test": 100}}
DIGITS_TEST_STEP = 5


def digits_test_rows(labels: np.ndarray) -> np.ndarray:
    """Return the rows of the test split of scikit-learn's digits, in their own order.

    The rows are sorted by class, stably, and every fifth one taken from the first on: 360 of 1,797, each
    class in proportion, and nothing drawn at random.

    Args:
        labels: [n] class of each row.
    """
    return np.sort(np.argsort(labels, kind="stable")[::DIGITS_TEST_STEP])


def balanced_rows(labels: np.ndarray, per_class: int) -> np.ndarray:
    """Return the first ``per_class`` rows of each class, the classes taking turns: any prefix is balanced.

    Args:
        labels: [n] class of each row.
        per_class: Rows to take of each class.

    Raises:
        DataError: If a class has fewer rows.
    """
    rows = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    short = min(len(row) for row in rows)
    if short < per_class:
        raise DataError(
            f"Each class needs {per_class} images, but one has only {short}; use the complete data."
        )
    return np.stack([row[:per_class] for row in rows], axis=1).ravel()


def digits_arrays() -> dict[str, np.ndarray]:
    """Return scikit-learn's digits split into train and test, images [n, 8, 8] with pixels 0 to 16, uint8.

    Raises:
        DataError: If scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError("The digits come with scikit-learn; install it: pip install scikit-learn.") from error
    digits = load_digits()
    test = digits_test_rows(digits.target)
    train = np.setdiff1d(np.arange(len(digits.target)), test)
    arrays = {}
    for split, rows in (("train", train), ("test", test)):
        arrays[f"{split}_images"] = digits.images[rows].astype(np.uint8)
        arrays[f"{split}_labels"] = digits.target[rows].astype(np.uint8)
    return arrays


def folder_arrays(name: str, data_dir: Path) -> dict[str, np.ndarray]:
    """Return a balanced part of a dataset in a folder, all uint8.

    Args:
        name: A name in ``PER_CLASS``.
        data_dir: The folder that holds the complete data.

    Returns:
        For each split, images [n, H, W] or, in colour, [n, 3, H, W], and labels [n].

    Raises:
        DataError: If the folder does not hold the dataset.
    """
    arrays = {}
    for split, per_class in PER_CLASS[name].items():
        images, labels = read_folder(DATASETS[name], split, data_dir)
        rows = balanced_rows(labels, per_class)
        is_grey = images.shape[1] == 1
        arrays[f"{split}_images"] = images[rows, 0] if is_grey else images[rows]
        arrays[f"{split}_labels"] = labels[rows].astype(np.uint8)
    return arrays


def main(arguments: Sequence[str] | None = None) -> None:
    """Write digits.npz, mnist.npz and cifar10.npz, or one of them."""
    parser = argparse.ArgumentParser(prog="python -m ncviz.data.known.make_samples", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder that holds MNIST and CIFAR-10")
    parser.add_argument("--only", choices=("digits", *PER_CLASS), help="make this sample and no other")
    parser.add_argument(
        "--out", type=Path, default=SAMPLE_DIR, help="folder to write to (default: the bundle)"
    )
    options = parser.parse_args(arguments)
    try:
        samples = {
            name: folder_arrays(name, options.data_dir) if name in PER_CLASS else digits_arrays()
            for name in ([options.only] if options.only else ("digits", *PER_CLASS))
        }
    except DataError as error:
        parser.error(str(error))
    options.out.mkdir(parents=True, exist_ok=True)
    for name, arrays in samples.items():
        path = options.out / f"{name}.npz"
        np.savez_compressed(path, allow_pickle=False, **arrays)
        print(f"{path}: " + ", ".join(f"{key} {list(array.shape)}" for key, array in arrays.items()))


if __name__ == "__main__":
    main()
