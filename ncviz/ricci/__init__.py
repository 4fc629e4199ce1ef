"""Ollivier–Ricci curvature of the edges of any networkx graph: the idea behind the neural curvature, on its own.

Source: Ollivier, *Ricci curvature of Markov chains on metric spaces*, J. Funct. Anal. 256 (2009); with idleness as in
Lin, Lu, Yau, *Ricci curvature of graphs*, Tohoku Math. J. 63 (2011); on directed graphs as in arXiv 2601.16366.
"""

from ncviz.ricci.curvature import ollivier_ricci
from ncviz.ricci.edge import EdgeTransport, edge_transport

__all__ = ["EdgeTransport", "edge_transport", "ollivier_ricci"]
