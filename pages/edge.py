"""One edge under the lens: its neighbours, the optimal plan, and κ worked out in numbers that add up."""

from ncviz.ui.edge.page import draw_edge
from ncviz.ui.frame import shell

shell.enter()
draw_edge()
