"""Curvature beside the other criteria: what each can remove, where it cuts, what breaks."""

from ncviz.ui import lab_controls, session, shell

shell.enter()
network = session.network()
lab_controls.show(network)
