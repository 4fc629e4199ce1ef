"""The Pruning page."""
