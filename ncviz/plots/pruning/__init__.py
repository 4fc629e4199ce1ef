"""Pictures of what pruning does: accuracy over sparsity, classes, layers, criteria side by side."""
