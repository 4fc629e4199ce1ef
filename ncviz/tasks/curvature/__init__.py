"""The curvature of a network: computed, kept, read back; the record that the pages draw."""

from ncviz.tasks.curvature.building import from_result
from ncviz.tasks.curvature.pictures import Pictures, kept_samples
from ncviz.tasks.curvature.places import StoredEdges, StoredLink, StoredWeights
from ncviz.tasks.curvature.record import CurvatureRecord
from ncviz.tasks.curvature.task import ClassCurvature, ClassCurvatureResult, Curvature, Flow

__all__ = [
    "ClassCurvature",
    "ClassCurvatureResult",
    "Curvature",
    "CurvatureRecord",
    "Flow",
    "Pictures",
    "StoredEdges",
    "StoredLink",
    "StoredWeights",
    "from_result",
    "kept_samples",
]
