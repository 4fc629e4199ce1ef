"""What is done by hand to a network, worked out once for each order and kept for all sessions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.errors import NcvizError
from ncviz.scene.surgery.steps import read_steps
from ncviz.tasks import CurvatureRecord, Group, OwnMask
from ncviz.tasks.criteria import LEFT_TO_CRITERION
from ncviz.ui.server import resources

Order = tuple[str, str, str, str]


@dataclass(frozen=True, eq=False)
class ByHand:
    """Steps by hand on one network in one order.

    Attributes:
        mask: What they come to.
        ranks: int64 [N], when each weight is removed, those that are cut first and those that are held last.
        least: How many weights are removed at least, those that are zero already among them.
        most: How many are removed at most.
        scores: float64 [n], the criterion's scores of the weights that are left to it, growing.
        words: What each step is called, such as "Cut conv 2 · channel 4: 612 weights".
    """

    mask: OwnMask
    ranks: np.ndarray
    least: int
    most: int
    scores: np.ndarray
    words: tuple[str, ...]

    @property
    def factor(self) -> np.ndarray | None:
        """What each weight is multiplied by, None where all are as they were."""
        return self.mask.factor if self.mask.is_scaled else None


def by_hand(of: tasks.Network, record: CurvatureRecord, order: Order, steps: str) -> ByHand | None:
    """Return what steps by hand come to; None without any.

    Args:
        of: The network.
        record: Its curvature.
        order: Criterion, scope, which end goes first, and where never-active weights go.
        steps: As the view has them.

    Raises:
        NcvizError: If a step names what the network does not have, or bottlenecks that are not known yet.
    """
    return _by_hand(record.key, order, steps, of, record) if steps else None


def own_bottlenecks(of: tasks.Network, record: CurvatureRecord, group: Group) -> np.ndarray | None:
    """Return the bottlenecks that a group of images has to itself, the most specific first; None if not known yet.

    Raises:
        NcvizError: If the group is not among the calibration images, or is all of them.
    """
    return tasks.Context(resources.desk()).look_up(tasks.GroupBottlenecks(of, record, group))


def missing_groups(of: tasks.Network, record: CurvatureRecord, steps: str) -> list[Group]:
    """Return the groups that steps name and whose bottlenecks are not known yet.

    Raises:
        NcvizError: As ``own_bottlenecks``.
    """
    groups = dict.fromkeys(step.group for step in read_steps(steps) if step.group is not None)
    return [group for group in groups if own_bottlenecks(of, record, group) is None]


def removed_with(
    of: tasks.Network, record: CurvatureRecord, order: Order, removed: int, steps: tuple[str, str]
) -> int:
    """Return how many weights are removed once other steps are done by hand, where the criterion's own cut stays.

    Args:
        of: The network.
        record: Its curvature.
        order: As for ``by_hand``.
        removed: How many are removed so far.
        steps: Those that were done so far, and those that are now.

    Raises:
        NcvizError: As ``by_hand``.
    """
    before, after = (by_hand(of, record, order, text) for text in steps)
    return tasks.removed_alike(
        _base_ranks(of, record, order),
        tasks.zeros_in(of, record.weights),
        None if before is None else before.mask,
        removed,
        None if after is None else after.mask,
    )


def _look_up(of: tasks.Network, record: CurvatureRecord) -> Callable[[Group], np.ndarray]:
    def known(group: Group) -> np.ndarray:
        found = own_bottlenecks(of, record, group)
        if found is None:
            raise NcvizError(f"the bottlenecks of {group} are not known yet.")
        return found

    return known


def _base_ranks(of: tasks.Network, record: CurvatureRecord, order: Order) -> np.ndarray:
    criterion, scope, way, never = order
    return resources.ranks(of, record, criterion, scope, way, never)


@st.cache_resource(max_entries=32)
def _by_hand(key: str, order: Order, steps: str, _of: tasks.Network, _record: CurvatureRecord) -> ByHand:
    # The pages do without it until something is done by hand.
    from ncviz.scene.surgery.resolve import own_mask
    from ncviz.scene.surgery.words import step_words

    ranks = _base_ranks(_of, _record, order)
    done, classes = read_steps(steps), _of.dataset_spec.classes
    mask, sizes = own_mask(done, _record, ranks, _look_up(_of, _record))
    words = [step_words(step, _record, classes, size) for step, size in zip(done, sizes, strict=True)]
    gone = tasks.zeros_in(_of, _record.weights)
    least, most = mask.bounds(ranks, gone)
    criterion, _, _, never = order
    scores = tasks.scores(
        _of, criterion, _record, tasks.Context(resources.desk()), _record.config.seed, never
    )
    flat = np.concatenate([values.reshape(-1) for values in scores.values()]).astype(np.float64)
    is_zero = np.concatenate([_of.arrays[name].reshape(-1) == 0 for name in scores])
    left = flat[(mask.state == LEFT_TO_CRITERION) & ~is_zero & ~np.isnan(flat)]
    return ByHand(mask, mask.reranked(ranks, gone), least, most, np.sort(left), tuple(words))
