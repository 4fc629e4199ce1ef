"""Data sets that are known by name: what they hold, where their files lie, and how they are fetched."""
