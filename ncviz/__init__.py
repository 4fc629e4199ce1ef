"""See how information flows through a neural network: curvature of its edges, and live pruning by it."""
