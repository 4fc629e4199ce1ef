"""A network put together in a form: an MLP or a CNN whose name alone says how to build it.

The name reads ``form/<kind>/<input>/<convolutions>/<hidden>/<options>@<classes>``, for an MLP without the convolutions:
``form/mlp/1x8x8/32-16/relu@10`` or ``form/cnn/3x32x32/16k3s1-32k3s1max/64/relu-bn-drop0.25-res@10``. A convolution is
its maps, k and the side of its kernel, s and its stride, and "max" or "avg" if a 2×2 pooling follows.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

from ncviz.config import check_whole
from ncviz.errors import ModelError, NcvizError
from ncviz.limits import LIMITS

KINDS = ("mlp", "cnn")
ACTIVATIONS = ("relu", "tanh", "gelu", "silu", "leaky", "elu", "sigmoid")
POOLS = ("none", "max", "avg")
POOL_SIZE = 2
MAX_HIDDEN = 12
MAX_CONVS = 20
MAX_WIDTH = 4096
MAX_KERNEL = 11
MAX_STRIDE = 4
_NAME = re.compile(
    r"form/(?:mlp/(?P<mlp>[\dx]+)|cnn/(?P<cnn>[\dx]+)/(?P<convs>[\dksa-z-]+))"
    r"/(?P<hidden>none|[\d-]+)/(?P<options>[a-z\d.-]+)@(?P<classes>\d+)",
    re.ASCII,
)
_CONV = re.compile(r"(\d{1,6})k(\d{1,3})s(\d{1,3})(max|avg)?", re.ASCII)
_OPTIONS = re.compile(r"([a-z]+)(-bn)?(?:-drop(0\.\d{1,6}))?(-res)?", re.ASCII)


@dataclass(frozen=True)
class Conv:
    """One convolution of a form, padded so that only its stride makes the maps smaller.

    Attributes:
        channels: Maps that go out.
        kernel: Side of the kernel, odd, in pixels.
        stride: Step of the kernel.
        pool: "max" or "avg" for a 2×2 pooling behind it, or "none".
    """

    channels: int
    kernel: int = 3
    stride: int = 1
    pool: str = "none"


@dataclass(frozen=True)
class Form:
    """What a form was filled in with; a network that cannot be built is refused.

    Attributes:
        kind: "mlp" or "cnn".
        input_shape: Shape of one image, (C, H, W).
        num_classes: Number of logits.
        hidden: Units of each fully connected layer before the last.
        convs: Convolutions of a CNN, first to last.
        activation: A name in ``ACTIVATIONS``.
        batch_norm: Whether batch normalisation follows each convolution (in an MLP, each hidden layer).
        dropout: Probability with which a hidden unit is dropped while learning, in [0, 0.9].
        residual: Whether a convolution that keeps the shape of its maps is added to what it read.
    """

    kind: str
    input_shape: tuple[int, int, int]
    num_classes: int
    hidden: tuple[int, ...] = ()
    convs: tuple[Conv, ...] = ()
    activation: str = "relu"
    batch_norm: bool = False
    dropout: float = 0.0
    residual: bool = False

    def __post_init__(self) -> None:
        _check_choice("kind of network", self.kind, KINDS)
        _check_choice("activation", self.activation, ACTIVATIONS)
        if len(self.input_shape) != 3:
            raise ModelError(f"An image has channels, height and width, got {list(self.input_shape)}.")
        for size in self.input_shape:
            check_whole("size of an image", size, 1, MAX_WIDTH)
        check_whole("number of classes", self.num_classes, 2, LIMITS.classes)
        check_whole("number of hidden layers", len(self.hidden), 0, MAX_HIDDEN)
        for units in self.hidden:
            check_whole("units of a hidden layer", units, 1, MAX_WIDTH)
        if (self.kind == "cnn") != bool(self.convs):
            raise ModelError("A CNN has at least one convolution, and an MLP none; add or remove some.")
        if self.residual and self.kind != "cnn":
            raise ModelError("Only a CNN has residual connections here; switch them off.")
        if not 0.0 <= self.dropout <= 0.9:
            raise ModelError(f"Dropout must lie in [0, 0.9], got {self.dropout!r}; try 0.25.")
        if self.dropout != round(self.dropout, 6):
            raise ModelError(f"Dropout takes at most six decimals, got {self.dropout!r}.")
        check_whole("number of convolutions", len(self.convs), 0, MAX_CONVS)
        for conv in self.convs:
            check_whole("maps of a convolution", conv.channels, 1, MAX_WIDTH)
            check_whole("side of a kernel", conv.kernel, 1, MAX_KERNEL)
            check_whole("stride", conv.stride, 1, MAX_STRIDE)
            _check_choice("pooling", conv.pool, POOLS)
            if conv.kernel % 2 == 0:
                raise ModelError(
                    f"The side of a kernel must be odd, got {conv.kernel}; try {conv.kernel + 1}."
                )
        shapes = self.shapes
        if max(math.prod(shape) for shape in shapes) > LIMITS.layer_units:
            raise ModelError(
                f"A layer would have more than {LIMITS.layer_units:,} units; choose fewer maps or larger strides."
            )
        if self.parameters > LIMITS.parameters:
            raise ModelError(
                f"The network would have {self.parameters:,} weights, at most {LIMITS.parameters:,} are trained; "
                "choose smaller layers, or add pooling before the first fully connected one."
            )

    @property
    def name(self) -> str:
        """What ``find_architecture`` finds it by; ``read_form`` gives the form back."""
        hidden = "-".join(map(str, self.hidden)) or "none"
        options = self.activation + "-bn" * self.batch_norm
        if self.dropout:
            options += f"-drop{self.dropout:.6f}".rstrip("0")
        options += "-res" * self.residual
        convs = "-".join(
            f"{conv.channels}k{conv.kernel}s{conv.stride}{'' if conv.pool == 'none' else conv.pool}"
            for conv in self.convs
        )
        shape = "x".join(map(str, self.input_shape))
        middle = f"{convs}/{hidden}" if self.kind == "cnn" else hidden
        return f"form/{self.kind}/{shape}/{middle}/{options}@{self.num_classes}"

    @property
    def title(self) -> str:
        """Name for people, such as "CNN 16-32-64-10 (relu)"."""
        sizes = [*(conv.channels for conv in self.convs), *self.hidden, self.num_classes]
        if self.kind == "mlp":
            sizes.insert(0, math.prod(self.input_shape))
        return f"{self.kind.upper()} {'-'.join(map(str, sizes))} ({self.activation})"

    @property
    def shapes(self) -> list[tuple[int, int, int]]:
        """Shape of the image and of the maps behind each convolution and its pooling, (C, H, W).

        Raises:
            ModelError: If nothing is left to pool.
        """
        found = [self.input_shape]
        for number, conv in enumerate(self.convs, 1):
            height, width = (-(-side // conv.stride) for side in found[-1][1:])
            if conv.pool != "none":
                if min(height, width) < POOL_SIZE:
                    raise ModelError(
                        f"Convolution {number} leaves maps of {height}×{width} pixels, too small to pool; "
                        "take away a stride or a pooling."
                    )
                height, width = height // POOL_SIZE, width // POOL_SIZE
            found.append((conv.channels, height, width))
        return found

    @property
    def parameters(self) -> int:
        """Number of weights and biases."""
        total, shapes = 0, self.shapes
        for read, conv in zip(shapes, self.convs, strict=False):
            total += conv.channels * (read[0] * conv.kernel**2 + 1 + 2 * self.batch_norm)
        sizes = [math.prod(shapes[-1]), *self.hidden, self.num_classes]
        total += sum((before + 1) * after for before, after in pairwise(sizes))
        return total + 2 * sum(self.hidden) * self.normalises_hidden

    @property
    def normalises_hidden(self) -> bool:
        """Whether batch normalisation follows each hidden layer."""
        return self.batch_norm and self.kind == "mlp"


def read_form(name: str) -> Form:
    """Return the form of a name.

    Raises:
        ModelError: If it is no such name, or its network cannot be built.
    """
    found = _NAME.fullmatch(name) if len(name) <= LIMITS.name_length else None
    options = _OPTIONS.fullmatch(found["options"]) if found else None
    if found is None or options is None:
        raise ModelError(
            f"{name[:60]!r} names no network of the form; one reads form/mlp/1x8x8/32-16/relu@10."
        )
    try:
        shape = [_whole(size) for size in (found["cnn"] or found["mlp"]).split("x")]
        form = Form(
            kind="cnn" if found["cnn"] else "mlp",
            input_shape=cast("tuple[int, int, int]", tuple(shape)),
            num_classes=_whole(found["classes"]),
            hidden=()
            if found["hidden"] == "none"
            else tuple(_whole(size) for size in found["hidden"].split("-")),
            convs=tuple(_conv(part) for part in found["convs"].split("-")) if found["cnn"] else (),
            activation=options[1],
            batch_norm=options[2] is not None,
            dropout=float(options[3] or 0),
            residual=options[4] is not None,
        )
    except NcvizError:
        raise
    except ValueError as error:
        raise ModelError(f"{name[:60]!r} names no network of the form: {error}.") from error
    if form.name != name:
        raise ModelError(f"{name[:60]!r} is not how the form writes it; use {form.name!r}.")
    return form


def _check_choice(what: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ModelError(f"The {what} must be one of {', '.join(choices)}, got {str(value)[:40]!r}.")


def _conv(text: str) -> Conv:
    found = _CONV.fullmatch(text)
    if found is None:
        raise ValueError("a convolution reads 16k3s1 or 16k3s1max")
    channels, kernel, stride = (int(found[number]) for number in (1, 2, 3))
    return Conv(channels, kernel, stride, found[4] or "none")


def _whole(text: str) -> int:
    """Return a number of a name, which Python would not read if it had thousands of digits."""
    if not text.isdigit() or len(text) > 9:
        raise ValueError("a number is missing or too long")
    return int(text)
