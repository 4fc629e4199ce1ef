"""The graph editor: a small graph to click, drag and change, its curvature at once."""
