"""The scale of colours that belongs to a network's curvature."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from ncviz.plots.palette import Scale, scale_of
from ncviz.tasks import CurvatureRecord

# Quantiles of a million values take a moment, and every picture of a page asks.
_KNOWN: WeakKeyDictionary[CurvatureRecord, Scale] = WeakKeyDictionary()


def curvature_scale(record: CurvatureRecord) -> Scale:
    """Return the scale of a record's κ over all its images, which stands for those over some of them too."""
    scale = _KNOWN.get(record)
    if scale is None:
        scale = _KNOWN[record] = scale_of(record.weights.values())
    return scale
