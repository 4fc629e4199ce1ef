"""The empirical Fisher matrix: each image's gradient, block by block, and its inverse's diagonal by Woodbury."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

_CHUNK = 16


@dataclass(frozen=True)
class Block:
    """Some of the parameters, one after the other: what stands in one block of the matrix.

    Attributes:
        names: Of the parameters.
        start: The first of their numbers that counts.
        stop: The last, and one more.
        place: Where the first stands among all parameters.
    """

    names: tuple[str, ...]
    start: int
    stop: int
    place: int


def image_gradients(
    net: nn.Module, names: Sequence[str], inputs: Tensor, labels: Tensor
) -> Iterator[dict[str, Tensor]]:
    """Yield ∂L/∂w of the cross-entropy of each image by itself, a few images at a time.

    Args:
        net: The network, in eval mode. Not changed.
        names: Names of the weights.
        inputs: [n, *input shape].
        labels: int64 [n].

    Yields:
        For each name [m, *shape of the weight], in the images' order and the network's precision.
    """
    tensors = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    state = {name: value.detach() for name, value in tensors.items()}

    def loss(own: dict[str, Tensor], image: Tensor, label: Tensor) -> Tensor:
        out = functional_call(net, {**state, **own}, (image[None],))
        return nn.functional.cross_entropy(out, label[None])

    each: Callable[..., dict[str, Tensor]] = vmap(grad(loss), in_dims=(None, 0, 0))
    own = {name: state[name] for name in names}
    precision = next(iter(own.values())).dtype
    for part, of in zip(inputs.to(precision).split(_CHUNK), labels.split(_CHUNK), strict=True):
        yield each(own, part, of)


def block_gradients(
    net: nn.Module,
    block: Block,
    inputs: Tensor,
    labels: Tensor,
    say: Callable[[float], None] | None = None,
) -> Tensor:
    """Return each image's gradient of the loss by a block's parameters, [n, stop - start].

    Args:
        net: The network, as in ``image_gradients``.
        block: Which parameters.
        inputs: [n, *input shape].
        labels: int64 [n].
        say: Called with the fraction done; may raise to stop.
    """
    found = inputs.new_empty(len(inputs), block.stop - block.start)
    done = 0
    for slopes in image_gradients(net, block.names, inputs, labels):
        flat = torch.cat([slopes[name].flatten(1) for name in block.names], dim=1)
        found[done : done + len(flat)] = flat[:, block.start : block.stop]
        done += len(flat)
        if say is not None:
            say(done / len(inputs))
    return found


def inverse_diagonal(gradients: Tensor, damping: float) -> Tensor:
    """Return the diagonal of F⁻¹, [P], with F = GᵀG / n + damping · I, which is never written out.

    By Woodbury's identity, as Singh & Alistarh, NeurIPS 2020, arXiv 2004.14340, invert it image by image:
    F⁻¹ = (I − Gᵀ (n · damping · I + GGᵀ)⁻¹ G) / damping, a system of n equations instead of one of P.

    Args:
        gradients: G, [n, P], each image's gradient.
        damping: Above 0.
    """
    gram = gradients @ gradients.T
    gram.diagonal().add_(len(gradients) * damping)
    lower = torch.linalg.cholesky(gram)
    whitened = torch.linalg.solve_triangular(lower, gradients, upper=False)
    return (1.0 - (whitened**2).sum(dim=0)) / damping


def split_blocks(sizes: dict[str, int], most: int) -> list[Block]:
    """Return blocks of at most so many parameters: whole tensors that follow each other, or parts of one.

    Args:
        sizes: Name and number of values of each tensor.
        most: The most values of a block.
    """
    found: list[Block] = []
    names: list[str] = []
    held = place = 0
    for name, size in [*sizes.items(), ("", most + 1)]:
        if names and held + size > most:
            found.append(Block(tuple(names), 0, held, place))
            place, names, held = place + held, [], 0
        if not name:
            break
        if size > most:
            starts = range(0, size, most)
            found += [Block((name,), start, min(size, start + most), place + start) for start in starts]
            place += size
        else:
            names.append(name)
            held += size
    return found
