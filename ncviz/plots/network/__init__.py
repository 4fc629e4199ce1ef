"""Pictures of a whole network: lines and nodes as arrays, matrices, distributions, a layout free of layers."""
