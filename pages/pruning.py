"""Curvature beside the other criteria: what each can remove, where it cuts, what breaks, and what can be taken away."""

from ncviz.ui import lab_view, session, shell

shell.enter()
lab_view.show(session.network())
