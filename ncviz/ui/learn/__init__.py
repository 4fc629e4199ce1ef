"""The Learn page and its lessons."""
