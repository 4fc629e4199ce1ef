"""Curvature beside the other criteria: what each can remove, where it cuts, what breaks, and what can be taken away."""

from ncviz.ui.frame import shell
from ncviz.ui.pruning import page
from ncviz.ui.session import session

shell.enter()
page.draw_page(session.network())
