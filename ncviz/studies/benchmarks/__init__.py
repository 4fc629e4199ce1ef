"""How fast, how large and how right the curvature is, always beside a plain way to compute the same."""
