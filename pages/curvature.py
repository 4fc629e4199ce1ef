"""Compute neural curvature, and look at it: distributions, strongest bottlenecks, class by class."""

from ncviz.ui.curvature import page
from ncviz.ui.frame import shell, stored_results

shell.enter()
page.draw_page()
stored_results.draw_stored_results()
