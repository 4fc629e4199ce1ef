"""What the network is, a network of one's own, training, data, and what is saved."""

from ncviz.ui.frame import shell
from ncviz.ui.model import page
from ncviz.ui.session import session

shell.enter()
page.draw_page(session.network())
