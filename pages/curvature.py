"""Compute neural curvature, and look at it: distributions, strongest bottlenecks, class by class."""

from ncviz.ui.curvature.page import draw_curvature
from ncviz.ui.frame import shell, stored_results

shell.enter()
draw_curvature()
stored_results.draw_stored_results()
