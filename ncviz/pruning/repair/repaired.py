"""The two repairs of a pruned network as functions: copies go out, what comes in is not changed."""

from __future__ import annotations

from typing import Any, Protocol, TypeGuard

from torch import Tensor, nn

from ncviz.config import check_choice
from ncviz.copies.own_copy import own_copy
from ncviz.errors import DataError, ModelError, NcvizError
from ncviz.progress import Progress
from ncviz.pruning.masks import with_tensors
from ncviz.pruning.repair.repairer import Repairer
from ncviz.pruning.repair.walk import Say

METHODS = ("fisher", "layerwise")


class Images(Protocol):
    """Images that know which split they are, as ``ncviz.Dataset`` does."""

    inputs: Tensor
    labels: Tensor
    split: str
    description: str


def recalibrate(
    pruned: nn.Module,
    inputs: Tensor | Images,
    dense: nn.Module | None = None,
    *,
    device: str = "cpu",
    progress: Progress | None = None,
) -> nn.Module:
    """Return a copy of a pruned network whose statistics are put right by forward passes; nothing is trained.

    With BatchNorm, every one's running mean and variance become the population mean and variance of what it hears over
    all the images, layer after layer, each behind those that were put right: no momentum, no average over batches
    (REFLOW, arXiv 2502.15790). Without, or with BatchNorm folded into the weights, each output of every layer is scaled
    and shifted to the mean and variance that it has in the whole network (after ASR, arXiv 2605.21426): the scale goes
    into the kept weights, the shift into the bias. That needs the whole network; where weights equal its, nothing
    changes.

    Args:
        pruned: The pruned network. Not changed.
        inputs: Training images [n, *input shape], or a data set; about 1,000 are enough.
        dense: The whole network; needed without BatchNorm alone. Not changed.
        device: Where to compute.
        progress: Called with the fraction done and a message; may raise ``CancelledError`` to stop.

    Raises:
        DataError: If these are a data set's test images, or the network does not take them.
        NcvizError: If there is no BatchNorm and no whole network, or a pruned weight belongs to no layer.
        ModelError: If the two networks have other weights, or one cannot be copied.
        DeviceError: If the device is missing or out of memory.
    """
    images, _ = _training(inputs, None)
    say = _saying(progress, "recalibrating")
    if dense is None:
        own = Repairer(pruned, images, device=device, say=say)
        if not own.has_norms:
            raise NcvizError(
                "This network has no BatchNorm whose statistics could be estimated anew; give the whole network as "
                "dense=, whose means and variances are matched then."
            )
        return with_tensors(pruned, own.renormed(say))
    return _repaired(pruned, dense, Repairer(dense, images, device=device, say=say), say)


def compensate(
    pruned: nn.Module,
    dense: nn.Module,
    inputs: Tensor | Images,
    labels: Tensor | None = None,
    *,
    method: str = "fisher",
    device: str = "cpu",
    progress: Progress | None = None,
) -> nn.Module:
    """Return a copy of a pruned network whose kept weights make up for those removed; nothing is trained.

    They are solved for against the whole network, its BatchNorm statistics included, and the copy has these, whatever
    the pruned network's are: one that was recalibrated comes out as if it were not. Recalibrate afterwards.

    Args:
        pruned: The pruned network; weights that are zero stay zero. Not changed.
        dense: The whole network. Not changed.
        inputs: Training images [n, *input shape], or a data set; about 1,000 are enough.
        labels: int64 [n], for "fisher"; a data set brings its own.
        method: "fisher" updates all kept weights at once by the inverse of the empirical Fisher matrix, see
            ``ncviz.pruning.repair.fisher`` (WoodFisher, arXiv 2004.14340). "layerwise" solves the least squares of each
            layer, bias included, from what it hears, see ``ncviz.pruning.repair.layerwise`` (arXiv 2208.11580, arXiv
            2301.00774).
        device: Where to compute.
        progress: Called with the fraction done and a message; may raise ``CancelledError`` to stop.

    Raises:
        DataError: If these are a data set's test images, labels are missing or do not fit, or the network does not take
            the images.
        NcvizError: If there is no such method, or it does not know a layer that lost weights.
        ModelError: If the two networks have other weights, or one cannot be copied.
        DeviceError: If the device is missing or out of memory.
    """
    check_choice("method", method, METHODS)
    images, known = _training(inputs, labels)
    say = _saying(progress, "updating kept weights")
    return _repaired(pruned, dense, Repairer(dense, images, known, method, device=device, say=say), say)


def _repaired(pruned: nn.Module, dense: nn.Module, repairer: Repairer, say: Say | None) -> nn.Module:
    state = {name: value.detach() for name, value in own_copy(pruned).named_parameters()}
    expected = {name: value.shape for name, value in own_copy(dense).named_parameters()}
    if {name: value.shape for name, value in state.items()} != expected:
        raise ModelError(
            "The pruned and the whole network have other weights, or weights of other shapes; give the network that "
            "this one was pruned from."
        )
    # What was solved for is right beside the statistics that it was solved with.
    statistics = {name: value.detach() for name, value in own_copy(dense).named_buffers()}
    return with_tensors(pruned, statistics | next(iter(repairer.repaired([state], say))))


def _training(given: Tensor | Images, labels: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Return images and labels to repair with."""
    if not _is_data(given):
        assert isinstance(given, Tensor)
        return given, labels
    if given.split != "train":
        raise DataError(
            f"A repair looks at training images alone, got {given.description}; load the split 'train'."
        )
    return given.inputs, given.labels if labels is None else labels


def _is_data(given: Any) -> TypeGuard[Images]:
    return not isinstance(given, Tensor)


def _saying(progress: Progress | None, message: str) -> Say | None:
    return None if progress is None else lambda fraction: progress(fraction, message)
