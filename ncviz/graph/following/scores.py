"""The scores of an attention before their softmax, which are no units yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx

from ncviz.graph.following.strewn import Strewn, axis_of_images
from ncviz.graph.values import APART, Pending, Units, UnreadableError

# A score to which less than this is added is 0 after every softmax; libraries write -inf, or the least of a type.
_NEVER = -1e30


@dataclass(frozen=True, eq=False)
class Scores:
    """Products of queries and keys before their softmax, in any arrangement.

    Attributes:
        rows: int64 of the traced shape, which of the left vectors each is a product of; each image's ``APART`` on.
        columns: The same of the right ones.
        masked: int64 of the traced shape, ``APART`` · image, and 1 more where it will be 0 whatever the image.
        left: Layer of the left vectors, and their units in it, int64 [rows, size].
        right: The same of the right ones.
        node: The operation that returns it.
    """

    rows: Tensor
    columns: Tensor
    masked: Tensor
    left: tuple[int, np.ndarray]
    right: tuple[int, np.ndarray]
    node: fx.Node

    @property
    def parts(self) -> tuple[Tensor, Tensor, Tensor]:
        """What lies as the traced value does."""
        return self.rows, self.columns, self.masked

    @property
    def traced_shape(self) -> tuple[int, ...]:
        """The shape of the traced value."""
        return tuple(self.rows.shape)

    def moved(self, n: fx.Node, rows: Tensor, columns: Tensor, masked: Tensor) -> Scores:
        """Return the same scores in another arrangement.

        Raises:
            UnreadableError: If it mixes images.
        """
        if axis_of_images(rows) is None:
            raise UnreadableError("mixes scores of several images, which is not supported")
        return replace(self, rows=rows, columns=columns, masked=masked, node=n)


def changed_scores(n: fx.Node, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Scores:
    """Follow what constants make of scores: a scale and a bias are no part of the graph, what a mask hides no unit.

    Args:
        n: The operation.
        name: What it is.
        args: Its arguments.
        kwargs: Its arguments by name.

    Raises:
        UnreadableError: If it is anything else.
    """
    own = [each for each in [*args, *kwargs.values()] if isinstance(each, Scores)]
    others = [each for each in args[:2] if each is not own[0]]
    scores = own[0]
    if len(own) > 1 or any(isinstance(each, (Units, Pending, Strewn)) for each in args):
        raise UnreadableError(
            "adds to scores of an attention, or multiplies them by, activations, which is not supported"
        )
    hidden: Tensor | None
    if name == "mul" or (name == "div" and args[0] is scores):
        hidden = None
    elif name == "add" and kwargs.get("alpha", 1) == 1:
        hidden = torch.as_tensor(others[0]) <= _NEVER
    elif name == "sub" and args[0] is scores and kwargs.get("alpha", 1) == 1:
        hidden = -torch.as_tensor(others[0]) <= _NEVER
    elif name == "masked_fill" and args[0] is scores:
        value = args[2] if len(args) > 2 else kwargs.get("value")
        hidden = args[1] if value is not None and float(value) <= _NEVER else None
    elif name == "attention_mask":
        mask = args[1]
        hidden = ~mask if mask.dtype == torch.bool else mask <= _NEVER
    elif name == "causal_mask":
        hidden = torch.ones(scores.traced_shape[-2:], dtype=torch.bool).triu(1)
    else:
        raise UnreadableError(
            "changes the scores of an attention otherwise than by constants, which is not supported"
        )
    shape = scores.traced_shape
    for each in [*others[:1], hidden]:
        if isinstance(each, Tensor) and torch.broadcast_shapes(shape, each.shape) != shape:
            raise UnreadableError(
                "joins scores of an attention to a constant of another shape, which is not supported"
            )
    if hidden is None:
        return replace(scores, node=n)
    images, is_hidden = scores.masked // APART, (scores.masked % APART).bool() | hidden
    return replace(scores, masked=images * APART + is_hidden, node=n)
