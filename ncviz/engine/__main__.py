"""Compiles the engine for this machine: ``python -m ncviz.engine``."""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from torch import nn

from ncviz.engine.anytime.until import Until
from ncviz.engine.precompile import FOLLOW, end_with_stdin
from ncviz.engine.results import Settings
from ncviz.engine.run import run
from ncviz.graph.build import build_graph
from ncviz.ricci.curvature import compile_ahead as compile_graphs
from ncviz.transport.dense import compile_ahead as compile_transport

_NICE = 10


def compile_all(ready: Callable[[], None] = lambda: None) -> None:
    """Compute the curvature of a tiny network and of a graph, for which all that any need is compiled or loaded.

    Args:
        ready: Called as soon as a network's curvature needs nothing more; what follows is for idleness below 1/2,
            for single transport problems, and for graphs.
    """
    layers = nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 2)
    graph = build_graph(nn.Sequential(*layers), (3,))
    draw = np.random.default_rng(0)
    activity = [draw.random((2, size)) for size in graph.layer_sizes]
    with ThreadPoolExecutor(1) as pool:
        for keep_edges in (False, True):
            settings = Settings(0.5, "cpu", keep_edges, keep_samples=False)
            run(graph, activity, settings, pool, lambda fraction, message: None, None)
        settings = Settings(0.5, "cpu", keep_edges=False, keep_samples=False)
        run(graph, activity, settings, pool, lambda fraction, message: None, None, Until(time_limit=1e9))
        ready()
        settings = Settings(0.25, "cpu", keep_edges=False, keep_samples=False)
        run(graph, activity, settings, pool, lambda fraction, message: None, None)
    compile_transport()
    compile_graphs()


if __name__ == "__main__":
    if hasattr(os, "nice"):
        # The pages come first.
        os.nice(_NICE)
    if FOLLOW in sys.argv:
        end_with_stdin()
        compile_all(lambda: print(flush=True))
    else:
        compile_all()
