"""What a wiring is made of: layers of units, and the linear maps from one to another, as torch does them."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F


@dataclass(frozen=True)
class Wiring:
    """One network written out.

    Attributes:
        activations: From an input [1, …] to the activation of each layer, input first, logits (before softmax) last.
        maps: (source layer, target layer, parameter name or "", linear map without bias).
        products: From the layers' activations to the maps that these are weights of, if there are such.
    """

    activations: object
    maps: list
    products: object = None


def scaled(norm):
    """Return what a BatchNorm does to each channel but for its shift."""
    scale = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach()
    return lambda x: x * scale.reshape(1, -1, *(1,) * (x.ndim - 2))


def conv(layer, norm=None, is_folded=True):
    """Return a convolution without its bias; if it is folded, with a norm's scale on its channels."""

    def apply(x):
        kind = F.conv2d if x.ndim == 4 else F.conv1d
        out = kind(x, layer.weight, None, layer.stride, layer.padding, layer.dilation, layer.groups)
        return out if norm is None or not is_folded else scaled(norm)(out)

    return apply


def linear(layer, norm=None, is_folded=True):
    rescaled = same if norm is None or not is_folded else scaled(norm)
    return lambda x: rescaled(F.linear(x.flatten(1), layer.weight))


def window(kernel, stride, padding=0):
    """Return the map whose edges are a maximum's window: each of weight 1."""
    return lambda x: F.avg_pool2d(x, kernel, stride, padding, divisor_override=1)


def same(x):
    return x
