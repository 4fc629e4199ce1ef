"""The architectures that are known by name, and how one is recognised."""
