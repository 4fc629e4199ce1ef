"""One edge under the lens: its neighbours, the optimal plan, and κ worked out in numbers that add up."""

from ncviz.ui.edge import page
from ncviz.ui.frame import shell

shell.enter()
page.draw_page()
