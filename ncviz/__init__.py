"""See how information flows through a neural network: curvature of its edges, and live pruning by it.

The public names load on first use, so that importing the package does not import torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ncviz.curvature import CurvatureResult, neural_curvature
    from ncviz.data.datasets import Dataset, load_dataset
    from ncviz.errors import CancelledError, NcvizError
    from ncviz.explain import EdgeExplanation, explain_edge
    from ncviz.graph.build import build_graph
    from ncviz.graph.neural_graph import NeuralGraph
    from ncviz.models.files.open_file import load_network
    from ncviz.models.loading import load_checkpoint, load_model, save_checkpoint
    from ncviz.pruning.curve import SweepResult, accuracy
    from ncviz.pruning.masks import prune
    from ncviz.pruning.repair.repaired import compensate, recalibrate
    from ncviz.pruning.scores import SCORES, pruning_scores
    from ncviz.ricci import ollivier_ricci

__version__ = "0.1.0"

_HOMES = {
    "CurvatureResult": "ncviz.curvature",
    "neural_curvature": "ncviz.curvature",
    "Dataset": "ncviz.data.datasets",
    "load_dataset": "ncviz.data.datasets",
    "CancelledError": "ncviz.errors",
    "NcvizError": "ncviz.errors",
    "EdgeExplanation": "ncviz.explain",
    "explain_edge": "ncviz.explain",
    "build_graph": "ncviz.graph.build",
    "NeuralGraph": "ncviz.graph.neural_graph",
    "load_network": "ncviz.models.files.open_file",
    "load_checkpoint": "ncviz.models.loading",
    "load_model": "ncviz.models.loading",
    "save_checkpoint": "ncviz.models.loading",
    "SweepResult": "ncviz.pruning.curve",
    "accuracy": "ncviz.pruning.curve",
    "prune": "ncviz.pruning.masks",
    "compensate": "ncviz.pruning.repair.repaired",
    "recalibrate": "ncviz.pruning.repair.repaired",
    "SCORES": "ncviz.pruning.scores",
    "pruning_scores": "ncviz.pruning.scores",
    "ollivier_ricci": "ncviz.ricci",
}

__all__ = [
    "SCORES", "CancelledError", "CurvatureResult", "Dataset", "EdgeExplanation", "NcvizError", "NeuralGraph",
    "SweepResult", "accuracy", "build_graph", "compensate", "explain_edge", "load_checkpoint", "load_dataset",
    "load_model", "load_network", "neural_curvature", "ollivier_ricci", "prune", "pruning_scores", "recalibrate",
    "save_checkpoint",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ncviz' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
