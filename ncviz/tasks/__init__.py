"""Every kind of result, from a network to its curvature, its curves and its pruned copies; CLI and pages ask here.

Nothing here imports torch until a network has to run, so that a stored result can be shown at once.
"""

from typing import TYPE_CHECKING

from ncviz.config import Group
from ncviz.models import library
from ncviz.models.network import Network, open_network
from ncviz.models.zoo import MODELS
from ncviz.pruning.order import removed_for_threshold
from ncviz.pruning.own_mask import OwnMask, removed_alike
from ncviz.tasks.accuracy import SweepRecord, evaluator
from ncviz.tasks.comparison import Curve, Order, calibration, criterion_scores, removable, shapes_of
from ncviz.tasks.curvature.building import from_result
from ncviz.tasks.curvature.classes import ClassCurvature, ClassCurvatureResult
from ncviz.tasks.curvature.flow import Flow
from ncviz.tasks.curvature.pictures import Pictures
from ncviz.tasks.curvature.record import CurvatureRecord
from ncviz.tasks.curvature.task import Curvature
from ncviz.tasks.desk import BUNDLED, Desk, open_context, open_store
from ncviz.tasks.edge import (
    EdgeCurvature,
    EdgeCurve,
    EdgeOnImage,
    ImageActivations,
    edge_weight,
    least_sample,
)
from ncviz.tasks.forward.activity import (
    FlowState,
    ForwardPass,
    mean_state,
    ranges_of,
    scaled_activity,
    state_of,
)
from ncviz.tasks.forward.images import (
    calibration_inputs,
    has_exact_pixels,
    input_of,
    picture_reading,
    read_picture,
    white_level,
)
from ncviz.tasks.forward.program import Forward, ForwardRecord
from ncviz.tasks.groups import GroupBottlenecks
from ncviz.tasks.own_data import (
    class_names,
    image_settings,
    logits_of,
    smaller_images,
    takes_other_sizes,
    with_images,
)
from ncviz.tasks.pruning import (
    CRITERIA,
    edge_weights,
    pruned_checkpoint,
    pruned_file,
    ranked_curvature,
    ranks,
    scores,
    zeros_in,
)
from ncviz.tasks.repair.repairing import repair_words
from ncviz.tasks.series import Series, SeriesLog
from ncviz.tasks.sweeps import Sweep, measure_curve
from ncviz.tasks.task import Context, Outcome, StoredTask, Task

if TYPE_CHECKING:
    from ncviz.explain import EdgeExplanation as EdgeExplanation
    from ncviz.explain import EdgeProblem as EdgeProblem
    from ncviz.explain import NetworkOnImage as NetworkOnImage

__all__ = [
    "BUNDLED", "CRITERIA", "MODELS", "ClassCurvature", "ClassCurvatureResult", "Context", "Curvature",
    "CurvatureRecord", "Curve", "Desk", "EdgeCurvature", "EdgeCurve", "EdgeOnImage", "Flow", "FlowState", "Forward",
    "ForwardPass", "ForwardRecord", "Group", "GroupBottlenecks", "ImageActivations", "Network", "Order", "Outcome",
    "OwnMask", "Pictures", "Series", "SeriesLog", "StoredTask", "Sweep", "SweepRecord", "Task", "calibration",
    "calibration_inputs", "class_names", "criterion_scores", "edge_weight", "edge_weights", "evaluator",
    "from_result", "has_exact_pixels", "image_settings", "input_of", "least_sample", "library", "logits_of",
    "mean_state", "measure_curve", "open_context", "open_network", "open_store", "picture_reading", "pruned_checkpoint",
    "pruned_file", "ranges_of", "ranked_curvature", "ranks", "read_picture", "removable", "removed_alike",
    "removed_for_threshold", "repair_words", "scaled_activity", "scores", "shapes_of", "smaller_images", "state_of",
    "takes_other_sizes", "white_level", "with_images", "zeros_in",
]  # fmt: skip
