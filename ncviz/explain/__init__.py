"""One edge taken apart: its neighbours, its transport problem, the optimal plan, and κ worked out of it."""

from ncviz.explain.arithmetic import Route, Step
from ncviz.explain.explain_edge import NetworkOnImage, explain_edge, look
from ncviz.explain.problem import EdgeExplanation, EdgeProblem

__all__ = ["EdgeExplanation", "EdgeProblem", "NetworkOnImage", "Route", "Step", "explain_edge", "look"]
