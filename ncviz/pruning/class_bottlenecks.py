"""Which bottlenecks are one class's own, and how to scale them or take them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ncviz.errors import NcvizError

if TYPE_CHECKING:
    from torch import Tensor

MAX_FACTOR = 10.0


def specificity(curvature: np.ndarray, label: int) -> np.ndarray:
    """Return by how much each weight is more of a bottleneck for one class than for the others.

    The mean of the other classes' κ less the class's own. Ours: arXiv 2601.16366 has no curvature of a class.

    Args:
        curvature: float [classes, N], κ of each weight over the calibration images of each class alone; 2 where it is
            never active.
        label: The class.

    Returns:
        float64 [N]; positive where κ is lower for this class.

    Raises:
        NcvizError: If there is no such class, or no other.
    """
    classes = len(curvature)
    if not 0 <= label < classes or classes < 2:
        raise NcvizError(f"The class must be one of 0 … {classes - 1} of at least two, got {label}.")
    own = np.asarray(curvature[label], dtype=np.float64)
    others = (curvature.sum(axis=0, dtype=np.float64) - own) / (classes - 1)
    return np.asarray(others - own)


def specific_bottlenecks(curvature: np.ndarray, label: int, count: int) -> np.ndarray:
    """Return the bottlenecks of one class (κ < 0) that are the most specific to it, the first the most.

    Args:
        curvature: float [classes, N], as for ``specificity``.
        label: The class.
        count: How many at most.

    Returns:
        int64 [≤ count], indices of weights with κ < 0 for the class and a positive specificity.

    Raises:
        NcvizError: If there is no such class.
    """
    return most_specific(curvature[label], specificity(curvature, label))[: max(0, count)]


def most_specific(own: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Return the bottlenecks of some images (κ < 0) that are more of one for them than for the others.

    Args:
        own: float [N], κ of each weight over these images.
        score: float [N], by how much more it is a bottleneck for them: the others' mean κ less this one.

    Returns:
        int64 [k], indices of weights with a negative κ and a positive score, the highest score first.
    """
    found = np.flatnonzero((own < 0) & (score > 0))
    return found[np.argsort(-score[found], kind="stable")].astype(np.int64)


def factors(chosen: np.ndarray, factor: float, shapes: Mapping[str, Sequence[int]]) -> dict[str, Tensor]:
    """Return what each weight is multiplied by, to be given in place of masks.

    Args:
        chosen: int [k], indices of the weights to scale, over all of ``shapes`` flattened one after the other.
        factor: What each of them is multiplied by, from 0 (taken out) to 10; all others stay.
        shapes: Name and shape of each weight.

    Returns:
        For each name a float32 tensor of its shape.

    Raises:
        NcvizError: If the factor is out of range, or an index fits no weight.
    """
    import torch

    if isinstance(factor, bool) or not isinstance(factor, (int, float)) or not 0 <= factor <= MAX_FACTOR:
        raise NcvizError(f"The factor must be a number from 0 to {MAX_FACTOR:g}, got {factor!r}.")
    sizes = [int(np.prod(shape)) for shape in shapes.values()]
    total = sum(sizes)
    if len(chosen) and not 0 <= int(chosen.min()) <= int(chosen.max()) < total:
        raise NcvizError(
            f"The weights to scale must be numbers from 0 to {total - 1}; compute the curvature again."
        )
    flat = torch.ones(total)
    flat[torch.tensor(chosen, dtype=torch.int64)] = float(factor)
    parts = flat.split(sizes)
    return {
        name: part.reshape(tuple(shape)) for (name, shape), part in zip(shapes.items(), parts, strict=True)
    }
