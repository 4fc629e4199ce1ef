"""The Curvature page."""
