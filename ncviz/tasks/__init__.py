"""The straight line from a network to its curvature, its curve and its pruned copy, shared by CLI and pages.

Nothing here imports torch until a network has to run, so that a stored result can be shown at once.
"""

from typing import TYPE_CHECKING

from ncviz.models.network import Network, open_checkpoint, open_network
from ncviz.models.zoo import MODELS
from ncviz.pruning.order import removed_for_threshold
from ncviz.tasks.bundling import bundle
from ncviz.tasks.comparison import (
    calibration,
    compute_curve,
    criterion_scores,
    curve_key,
    order_key,
    removable,
    removal_order,
    shapes_of,
    stored_curve,
)
from ncviz.tasks.curvature import (
    CurvatureRecord,
    Pictures,
    StoredEdges,
    StoredLink,
    StoredWeights,
    compute_curvature,
    from_result,
    stored_curvature,
)
from ncviz.tasks.edge import edge_weight, least_sample, lens_on
from ncviz.tasks.flows import compute_flow, flow_key, stored_flow
from ncviz.tasks.keys import curvature_key, evaluation_fingerprint, sweep_key
from ncviz.tasks.own_data import (
    class_names,
    image_settings,
    logits_of,
    smaller_images,
    takes_other_sizes,
    with_images,
)
from ncviz.tasks.pruning import CRITERIA, pruned_checkpoint, pruned_file, ranks, scores
from ncviz.tasks.results import BUNDLED, Outcome, open_store
from ncviz.tasks.sweeps import (
    SweepRecord,
    compute_sweep,
    evaluator,
    measure_curve,
    stored_sweep,
    sweep_record,
)

if TYPE_CHECKING:
    from ncviz.explain import EdgeExplanation as EdgeExplanation
    from ncviz.explain import EdgeProblem as EdgeProblem
    from ncviz.explain import Lens as Lens

__all__ = [
    "BUNDLED",
    "CRITERIA",
    "MODELS",
    "CurvatureRecord",
    "Network",
    "Outcome",
    "Pictures",
    "StoredEdges",
    "StoredLink",
    "StoredWeights",
    "SweepRecord",
    "bundle",
    "calibration",
    "class_names",
    "compute_curvature",
    "compute_curve",
    "compute_flow",
    "compute_sweep",
    "criterion_scores",
    "curvature_key",
    "curve_key",
    "edge_weight",
    "evaluation_fingerprint",
    "evaluator",
    "flow_key",
    "from_result",
    "image_settings",
    "least_sample",
    "lens_on",
    "logits_of",
    "measure_curve",
    "open_checkpoint",
    "open_network",
    "open_store",
    "order_key",
    "pruned_checkpoint",
    "pruned_file",
    "ranks",
    "removable",
    "removal_order",
    "removed_for_threshold",
    "scores",
    "shapes_of",
    "smaller_images",
    "stored_curvature",
    "stored_curve",
    "stored_flow",
    "stored_sweep",
    "sweep_key",
    "sweep_record",
    "takes_other_sizes",
    "with_images",
]
