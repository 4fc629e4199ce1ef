"""What there is to know of a network before its curvature is computed, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

from ncviz.config import CurvatureConfig


@dataclass(frozen=True)
class LayerFacts:
    """One operation that makes or joins units.

    Attributes:
        name: Name of the module or operation.
        kind: What it is, such as "Conv2d 3×3".
        reads: Names of the layers whose units it reads.
        output_shape: Shape of the layer that it ends in.
        parameters: Number of its weights; 0 for a link.
        edges: Number of its edges.
        live: Share of its edges that are alive on the calibration images; None without images.
        problem: Why it cannot be read, "" if it can.
        is_of_image: Whether path lengths that its curvature needs lead through an attention, so that each image has its
            own.
    """

    name: str
    kind: str
    reads: tuple[str, ...]
    output_shape: tuple[int, ...]
    parameters: int
    edges: int
    live: float | None = None
    problem: str = ""
    is_of_image: bool = False


@dataclass(frozen=True)
class Choice:
    """One way to make a computation smaller.

    Attributes:
        title: What it does, for people.
        config: Settings that do it.
        input_shape: Shape of one input that does it.
        table_bytes: Memory of its path lengths.
        edges: How many edges it looks at.
        seconds: About how long it takes on this machine's cores; None where nothing is known.
    """

    title: str
    config: CurvatureConfig
    input_shape: tuple[int, ...]
    table_bytes: int
    edges: int
    seconds: float | None = None


@dataclass(frozen=True)
class DeviceFit:
    """What a computation means for one device.

    Attributes:
        name: As in ``ncviz.devices``.
        title: For people.
        free_bytes: Free memory; None where the system does not tell.
        fits: Whether the path lengths fit.
        seconds: About how long it takes; None where nothing is known.
        note: What else there is to say, one sentence or "".
    """

    name: str
    title: str
    free_bytes: int | None
    fits: bool
    seconds: float | None
    note: str


@dataclass(frozen=True)
class Preflight:
    """What there is to know of a network before its curvature is computed.

    Attributes:
        input_shape: Shape of one input.
        layers: What was read, in the order of computation.
        problems: What cannot be read, one sentence for each kind, with the layers' names.
        parameters: Weights that carry edges.
        units: Neurons of all layers.
        edges: Edges that the settings look at.
        table_bytes: Memory that path lengths take.
        seconds: About how long it takes on this machine's cores; None if that was not measured.
        fits: Whether path lengths fit this machine's memory.
        choices: Ways to make it smaller; empty if it fits comfortably.
        devices: What it means for each device.
        images: How many calibration images were looked at.
        never_active: Share of the weights that are active on none of them; None without images.
        notes: What is to be known of how it was read, one sentence each.
        batchnorm: How its BatchNorm was read, "own" or "folded"; "" if it has none.
    """

    input_shape: tuple[int, ...]
    layers: tuple[LayerFacts, ...]
    problems: tuple[str, ...]
    parameters: int = 0
    units: int = 0
    edges: int = 0
    table_bytes: int = 0
    seconds: float | None = None
    fits: bool = False
    choices: tuple[Choice, ...] = ()
    devices: tuple[DeviceFit, ...] = ()
    images: int = 0
    never_active: float | None = None
    notes: tuple[str, ...] = ()
    batchnorm: str = ""

    @property
    def depends_on_image(self) -> bool:
        """Whether some path lengths are made for each image by itself, which takes as long for each."""
        return any(layer.is_of_image for layer in self.layers)
