"""Which images the curvature looks at: the first correctly classified ones of each class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ncviz.data.predicted_labels import check_labels, logits
from ncviz.data.user_data.registry import is_user_data
from ncviz.devices import guard, resolve_device
from ncviz.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ncviz.data.datasets import Dataset

_BATCH = 32
# Classes that are named one by one when images are short.
_NAMED = 5


def select_calibration(
    net: nn.Module, pool: Dataset, per_class: int, seed: int = 0, device: str = "cpu"
) -> Tensor:
    """Return the calibration images' indices in the pool, ordered by class.

    Of a user's own images, a class with fewer right ones gives what it has (``calibration_notes`` says which), and
    without labels an image counts for the class that the network itself puts it into.

    Args:
        net: The network, whose own right answers are taken.
        pool: Images to choose from.
        per_class: How many of each class.
        seed: 0 goes through the pool in its own order; any other value shuffles it first.
        device: Where to classify.

    Returns:
        int64 [classes · per_class], fewer where the user's own images are short.

    Raises:
        DataError: If a class of a data set that ncviz knows has fewer correctly classified images, naming it; if none
            of a user's own is classified correctly; or if a label lies outside the network's classes.
        DeviceError: If the device is missing or out of memory.
    """
    import torch

    from ncviz.copies.own_copy import COMPARED, own_copy

    order = torch.arange(len(pool))
    if seed:
        order = torch.randperm(len(pool), generator=torch.Generator().manual_seed(seed))
    where = resolve_device(device)
    with guard(where):
        own = own_copy(net, pool.inputs[:COMPARED]).to(where)
        if not pool.has_labels:
            return _by_prediction(own, pool, per_class, order, where)
        if is_user_data(pool.name):
            check_labels(pool, logits(own, pool.inputs[:1].to(where)).shape[1])
    chosen = []
    for index, name in enumerate(pool.classes):
        candidates = order[pool.labels[order] == index]
        found = candidates[:0]
        # No further than it takes: a large network would need minutes for a whole data set.
        for rows in candidates.split(max(_BATCH, 2 * per_class)):
            if not len(rows):
                break
            with guard(where), torch.inference_mode():
                is_right = own(pool.inputs[rows].to(where)).argmax(dim=1).cpu() == index
            found = torch.cat([found, rows[is_right]])[:per_class]
            if len(found) == per_class:
                break
        if len(found) < per_class and not is_user_data(pool.name):
            raise DataError(
                f"Class '{name}' has {len(found)} correctly classified images among {pool.description}, but "
                f"{per_class} are asked for; choose fewer samples per class, more images or a better network."
            )
        chosen.append(found)
    everything = torch.cat(chosen)
    if not len(everything):
        raise DataError(
            f"The network classifies none of {pool.description} correctly; check their size and normalisation and the "
            "order of the classes."
        )
    return everything


def calibration_notes(pool: Dataset, chosen: Tensor, labels: Tensor, per_class: int) -> tuple[str, ...]:
    """Return what is to be said of a choice of calibration images, one sentence each; nothing if it is as asked for.

    Args:
        pool: What was chosen from.
        chosen: int64 [n], what ``select_calibration`` gave.
        labels: int64 [n], their classes, as ``labels_for`` gives them.
        per_class: How many of each class were asked for.
    """
    import torch

    notes = []
    if not pool.has_labels:
        notes.append("Without labels, an image counts for the class that the network puts it into.")
    count = torch.bincount(labels, minlength=len(pool.classes)).tolist()
    # A folder with ten of ImageNet's thousand classes is short of nothing.
    present = set(pool.labels.unique().tolist()) if pool.has_labels else set(labels.tolist())
    short = [index for index in sorted(present) if count[index] < per_class]
    if short:
        named = ", ".join(f"{pool.classes[index]} {count[index]}" for index in short[:_NAMED])
        more = f" and {len(short) - _NAMED} more" if len(short) > _NAMED else ""
        right = "right " if pool.has_labels else ""
        notes.append(
            f"Fewer {right}images than the {per_class} asked for of each class: {named}{more}; {len(chosen)} in all."
        )
    return tuple(notes)


def _by_prediction(net: nn.Module, pool: Dataset, per_class: int, order: Tensor, where: str) -> Tensor:
    """Return the first images of each class that the network itself puts them into, ordered by class."""
    import torch

    groups: dict[int, list[int]] = {}
    for rows in order.split(max(_BATCH, 2 * per_class)):
        found = logits(net, pool.inputs[rows].to(where))
        for row, label in zip(rows.tolist(), found.argmax(dim=1).tolist(), strict=True):
            group = groups.setdefault(label, [])
            if len(group) < per_class:
                group.append(row)
        if len(groups) == found.shape[1] and all(len(group) == per_class for group in groups.values()):
            break
    return torch.tensor([row for label in sorted(groups) for row in groups[label]], dtype=torch.int64)
