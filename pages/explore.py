"""The network coloured by curvature, the threshold slider and the live accuracy, on one screen."""

from ncviz.ui.explore import page
from ncviz.ui.frame import shell

shell.enter()
page.draw_page()
