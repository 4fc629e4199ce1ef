"""Curvature and accuracy curves as plain arrays, to and from the store; needs no torch."""

from ncviz.records.building import from_result
from ncviz.records.curvature import CurvatureRecord
from ncviz.records.pictures import Pictures, kept_samples
from ncviz.records.places import StoredEdges, StoredLink, StoredWeights
from ncviz.records.sweep import SweepRecord, sweep_record

__all__ = [
    "CurvatureRecord",
    "Pictures",
    "StoredEdges",
    "StoredLink",
    "StoredWeights",
    "SweepRecord",
    "from_result",
    "kept_samples",
    "sweep_record",
]
