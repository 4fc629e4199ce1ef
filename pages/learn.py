"""Ollivier–Ricci curvature from scratch, on small graphs that can be changed, and six lessons."""

from ncviz.ui.frame import shell
from ncviz.ui.learn import page

shell.enter()
page.draw_page()
