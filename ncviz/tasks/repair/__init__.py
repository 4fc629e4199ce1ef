"""Pruned networks repaired without training: on which images, by which settings, and what they are then."""
