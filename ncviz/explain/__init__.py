"""One edge under the lens: its neighbours, its transport problem, the optimal plan, and κ worked out of it."""

from ncviz.explain.explain_edge import Lens, explain_edge, look
from ncviz.explain.explanation import EdgeExplanation, Route, Step
from ncviz.explain.problem import EdgeProblem

__all__ = ["EdgeExplanation", "EdgeProblem", "Lens", "Route", "Step", "explain_edge", "look"]
