"""Curvature and accuracy curves as plain arrays, to and from the store; needs no torch."""

from ncviz.records.curvature import CurvatureRecord, StoredEdges, StoredWeights, from_result
from ncviz.records.sweep import SweepRecord, sweep_record

__all__ = [
    "CurvatureRecord",
    "StoredEdges",
    "StoredWeights",
    "SweepRecord",
    "from_result",
    "sweep_record",
]
