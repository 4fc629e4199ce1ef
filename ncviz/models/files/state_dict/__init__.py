"""PyTorch checkpoints: their archives and pickles are checked before torch opens them."""
