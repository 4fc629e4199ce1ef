"""The criteria by which weights are pruned, one family a file; each says how important it holds a weight to be."""
