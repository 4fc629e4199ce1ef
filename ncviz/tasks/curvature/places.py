"""Where the weights of a result have their least κ; plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ncviz.graph.connection import Connection


@dataclass(frozen=True, eq=False)
class StoredEdges:
    """One edge for each weight of a connection that has any there: the one on which its κ is least.

    Attributes:
        source: Unit index within the source layer, int32 [E].
        target: Unit index within the target layer, int32 [E].
        parameter: Flat index into the connection's weight, int32 [E], growing.
        curvature: κ of the weight in this connection, float32 [E]; 2 if it is never active.
        position: Output position of the edge, int32 [E].
        sample: Calibration image on which κ is least, int32 [E]; -1 if the weight is never active.
    """

    source: np.ndarray
    target: np.ndarray
    parameter: np.ndarray
    curvature: np.ndarray
    position: np.ndarray
    sample: np.ndarray


@dataclass(frozen=True, eq=False)
class StoredWeights:
    """Where the weights of one connection have their least κ; the largest number of a type stands for "none".

    Weights are numbered by kernel row and slot, G·C rows of K slots; that is the order of the flat parameter, but for
    transposed convolutions.

    Attributes:
        fields: Source unit of each kernel slot at each output position, unsigned [G, P, K]; none is padding, or another
            layer where the weights read several.
        position: Output position of the edge with the least κ, unsigned [W]; none where a weight has no edge.
        sample: Calibration image with the least κ, unsigned [W]; none where a weight is never active.
        scale: What multiplies each output channel's weights, such as a constant of the forward or a batch normalisation
            that was asked to be folded, float32 [G·C]; [W] where it differs within a channel; None where nothing does.
        order: Where each weight lies in the flat parameter, unsigned [W]; None where that is the same.
        curvature: κ of each weight in this connection alone, float32 [W]; None where it is the parameter's.
        divisor: What the graph alone divides each output channel's weights by, float32 [G·C]; None for nothing.
    """

    fields: np.ndarray
    position: np.ndarray
    sample: np.ndarray
    scale: np.ndarray | None = None
    order: np.ndarray | None = None
    curvature: np.ndarray | None = None
    divisor: np.ndarray | None = None

    @property
    def sources(self) -> np.ndarray:
        """Source unit of each kernel slot at each output position, int32 [G, P, K]; -1 is padding."""
        return unpacked(self.fields)

    @cached_property
    def slot_units(self) -> np.ndarray:
        """A unit that each kernel slot reads, int64 [G, K], that of the greatest index; -1 where it reads none."""
        most = self.fields.dtype.type(np.iinfo(self.fields.dtype).max)
        units = np.where(self.fields == most, 0, self.fields + self.fields.dtype.type(1)).max(axis=1)
        return units.astype(np.int64) - 1

    @property
    def rows(self) -> int:
        """Number of kernel rows, G·C: the output channels."""
        return len(self.position) // self.fields.shape[2]

    def parameter(self, weights: np.ndarray) -> np.ndarray:
        """Return where weights lie in the flat parameter, int64."""
        return np.asarray(weights if self.order is None else self.order[weights]).astype(np.int64)

    def weight(self, parameters: np.ndarray) -> np.ndarray:
        """Return which weights lie at these places of the flat parameter, int64."""
        return np.asarray(parameters if self.order is None else np.argsort(self.order)[parameters]).astype(
            np.int64
        )

    def by_weight(self, values: np.ndarray) -> np.ndarray:
        """Return a parameter's values in the order of the weights, [W]."""
        flat = np.asarray(values).reshape(-1)
        return flat if self.order is None else flat[self.order]

    def by_parameter(self, values: np.ndarray) -> np.ndarray:
        """Return values of the weights in the order of the flat parameter, [W]."""
        if self.order is None:
            return values
        found = np.empty_like(values)
        found[self.order] = values
        return found

    def folded(self, raw: np.ndarray) -> np.ndarray:
        """Return a parameter with what multiplies it folded in, in its own order, float32 [W]."""
        if self.scale is None:
            return np.asarray(raw, dtype=np.float32).reshape(-1)
        own = self.by_weight(np.asarray(raw, dtype=np.float32)).reshape(len(self.scale), -1)
        return self.by_parameter((own * self.scale[:, None]).reshape(-1))

    @property
    def divisors(self) -> np.ndarray | None:
        """What the graph divides each value of the parameter by, float32 [W]; None for nothing."""
        if self.divisor is None:
            return None
        return self.by_parameter(np.repeat(self.divisor, len(self.position) // len(self.divisor)))

    def on(self, sample: np.ndarray, positions: np.ndarray) -> StoredWeights:
        """Return where these weights have their least κ if only one sample counts for each.

        Args:
            sample: Which one, int [W] in the order of the flat parameter; -1 where the weight is active on none.
            positions: Output position for each sample, packed, [n, W]; empty where there is but one.
        """
        mine = self.by_weight(sample)
        if not positions.size:
            return replace(self, sample=packed(mine), curvature=None)
        own = unpacked(np.take_along_axis(positions, np.maximum(mine, 0)[None], axis=0)[0])
        anywhere = unpacked(self.position)
        is_own = (mine >= 0) & (own >= 0)
        return replace(
            self, position=packed(np.where(is_own, own, anywhere)), sample=packed(mine), curvature=None
        )

    def renumbered(self, number: np.ndarray) -> StoredWeights:
        """Return the same with sample k called ``number[k]``, int [n]."""
        sample = unpacked(self.sample)
        return replace(self, sample=packed(np.where(sample >= 0, number[np.maximum(sample, 0)], -1)))

    def edges(self, curvature: np.ndarray) -> StoredEdges:
        """Return the edges that these weights stand on, with κ of the parameter; what was not measured has none."""
        groups, positions, slots = self.fields.shape
        position = unpacked(self.position)
        kappa = self.by_weight(curvature) if self.curvature is None else self.curvature
        own = np.flatnonzero((position >= 0) & ~np.isnan(kappa))
        parameter = self.parameter(own)
        if self.order is not None:
            by = np.argsort(parameter)
            own, parameter = own[by], parameter[by]
        at, row = position[own], own // slots
        group = row // (self.rows // groups)
        return StoredEdges(
            source=unpacked(self.fields[group, at, own % slots]),
            target=(row * positions + at).astype(np.int32),
            parameter=parameter.astype(np.int32),
            curvature=kappa[own].astype(np.float32),
            position=at,
            sample=unpacked(self.sample[own]),
        )

    def to_arrays(self, index: int) -> dict[str, np.ndarray]:
        """Return it as named arrays."""
        parts = {
            "fields": self.fields,
            "positions": self.position,
            "sample": self.sample,
            "scale": self.scale,
            "order": self.order,
            "curvature": self.curvature,
            "divisor": self.divisor,
        }
        return {f"{name}/{index}": values for name, values in parts.items() if values is not None}

    @staticmethod
    def from_arrays(arrays: Mapping[str, np.ndarray], index: int) -> StoredWeights:
        """Read it back.

        Raises:
            KeyError: If a part is missing.
        """
        return StoredWeights(
            *(arrays[f"{name}/{index}"] for name in ("fields", "positions", "sample")),
            *(arrays.get(f"{name}/{index}") for name in ("scale", "order", "curvature", "divisor")),
        )


def folded_scale(connection: Connection, raw: np.ndarray) -> np.ndarray | None:
    """Return what was folded into a connection's weights, float32 [G·C], or [W]; None if nothing was.

    Args:
        connection: Its ``weight`` [G, C, K], and what that was divided by, which is not folded in.
        raw: The parameter as it is stored.
    """
    folded = connection.weight.reshape(-1, connection.weight.shape[-1])
    if connection.divisor is not None:
        folded = folded * connection.divisor[:, None]
    flat = np.asarray(raw, dtype=np.float64).reshape(-1)
    own = (flat if connection.order is None else flat[connection.order]).reshape(folded.shape)
    largest = np.abs(own).argmax(axis=1)[:, None]
    before, after = (np.take_along_axis(part, largest, axis=1)[:, 0] for part in (own, folded))
    scale = np.divide(after, before, out=np.ones_like(after), where=before != 0)
    if not np.allclose(own * scale[:, None], folded, rtol=1e-5, atol=0):
        scale = np.divide(folded, own, out=np.ones_like(folded), where=own != 0).reshape(-1)
    # In single precision, or what is divided and multiplied again would not be what it was.
    scale = scale.astype(np.float32)
    return None if (scale == 1).all() else scale


def packed(values: np.ndarray) -> np.ndarray:
    """Return whole numbers in the narrowest unsigned type, with its largest value in place of negative ones."""
    kind = np.min_scalar_type(int(values.max(initial=0)) + 1)
    return np.where(values < 0, np.iinfo(kind).max, values).astype(kind)


def unpacked(values: np.ndarray) -> np.ndarray:
    """Return int32, -1 where there is none."""
    return np.where(values == np.iinfo(values.dtype).max, -1, values.astype(np.int64)).astype(np.int32)
