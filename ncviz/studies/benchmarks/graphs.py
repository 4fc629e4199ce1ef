"""``ollivier_ricci`` on graphs of known sizes, each in a process of its own, beside a loop of POT."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from ncviz.progress import Progress
from ncviz.ricci import edge_transport, ollivier_ricci
from ncviz.studies.benchmarks.cases.kinds import GraphRow, RicciCase
from ncviz.studies.benchmarks.peak import largest_resident
from ncviz.studies.benchmarks.timing import Settings

if TYPE_CHECKING:
    import networkx as nx

_LENGTH = "length"


def _powerlaw(nodes: int) -> nx.Graph:
    import networkx as nx

    return nx.powerlaw_cluster_graph(nodes, 2, 0.5, seed=0)


def _star(nodes: int) -> nx.Graph:
    import networkx as nx

    return nx.star_graph(nodes - 1)


def _barabasi_albert(nodes: int) -> nx.Graph:
    import networkx as nx

    return nx.barabasi_albert_graph(nodes, 3, seed=0)


GRAPHS: dict[str, Callable[[int], nx.Graph]] = {
    "powerlaw cluster": _powerlaw, "star": _star, "Barabási–Albert": _barabasi_albert,
}  # fmt: skip


def measure_ricci(case: RicciCase, settings: Settings, report: Progress) -> dict[str, Any]:
    """Measure each graph in a fresh process, so that its memory is its own.

    Raises:
        RuntimeError: If a process fails.
    """
    rows = []
    for at, row in enumerate(case.rows):
        report(at / len(case.rows), f"{row.kind} of {row.nodes:,} nodes")
        wanted = json.dumps({**asdict(row), "repeats": settings.repeats})
        done = subprocess.run(
            [sys.executable, "-m", "ncviz.studies.benchmarks.graphs", wanted],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"The process that measures graphs failed:\n{done.stderr}")
        rows.append(json.loads(done.stdout.splitlines()[-1]))
    return {"kind": "ricci", "rows": rows}


def _main(row: GraphRow, repeats: int) -> dict[str, Any]:
    graph = GRAPHS[row.kind](row.nodes)
    draw = np.random.default_rng(0)
    weight = _LENGTH if row.is_weighted else None
    for u, v in graph.edges if row.is_weighted else ():
        graph[u][v][_LENGTH] = float(draw.uniform(0.1, 1.5))
    before = largest_resident()
    seconds, core_seconds = [], []
    # The first run loads what is compiled.
    for _ in range(repeats + 1):
        begun = time.perf_counter(), time.process_time()
        kappa = ollivier_ricci(graph, weight=weight)
        seconds.append(time.perf_counter() - begun[0])
        core_seconds.append(time.process_time() - begun[1])
    found: dict[str, Any] = {
        **asdict(row), "edges": len(kappa), "first_seconds": seconds[0], "first_core_seconds": core_seconds[0],
        "seconds": seconds[1:], "core_seconds": core_seconds[1:], "before_bytes": before,
        "peak_bytes": largest_resident(),
    }  # fmt: skip
    if row.drawn:
        found |= _by_pot(graph, weight, kappa, draw.permutation(len(kappa))[: row.drawn])
    return found


def _by_pot(graph: nx.Graph, weight: str | None, kappa: dict[Any, float], drawn: Any) -> dict[str, Any]:
    """Return what POT takes for all edges, scaled up from some, and the largest difference on these."""
    # Imported here because it brings POT, and torch with it, along: that would count as memory of the graphs'.
    from ncviz.transport.exact import optimal_value

    edges, spent, off = list(kappa), 0.0, 0.0
    for at in drawn:
        problem = edge_transport(graph, edges[at], weight=weight)
        begun = time.process_time()
        value = optimal_value(problem.a, problem.b, problem.cost)
        spent += time.process_time() - begun
        off = max(off, abs(1.0 - value / problem.distance - kappa[edges[at]]))
    return {"pot_core_seconds": spent * len(edges) / len(drawn), "difference": off}


if __name__ == "__main__":
    _asked = json.loads(sys.argv[1])
    _repeats = _asked.pop("repeats")
    print(json.dumps(_main(GraphRow(**_asked), _repeats)))
