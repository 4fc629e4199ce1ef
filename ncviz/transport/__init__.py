"""Optimal transport for edges: problems and the solvers that agree on them; knows nothing of networks."""
