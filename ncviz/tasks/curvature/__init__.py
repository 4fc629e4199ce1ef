"""The curvature of a network: computed, kept, read back; the record that the pages draw."""

from ncviz.tasks.curvature.building import from_result
from ncviz.tasks.curvature.pictures import Pictures, kept_samples, take_pictures
from ncviz.tasks.curvature.places import StoredEdges, StoredLink, StoredWeights
from ncviz.tasks.curvature.record import CurvatureRecord
from ncviz.tasks.curvature.task import compute_curvature, stored_curvature

__all__ = [
    "CurvatureRecord",
    "Pictures",
    "StoredEdges",
    "StoredLink",
    "StoredWeights",
    "compute_curvature",
    "from_result",
    "kept_samples",
    "stored_curvature",
    "take_pictures",
]
