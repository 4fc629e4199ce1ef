"""The network coloured by curvature, the threshold slider and the live accuracy, on one screen."""

from ncviz.ui.explore.page import draw_explore
from ncviz.ui.frame import shell

shell.enter()
draw_explore()
