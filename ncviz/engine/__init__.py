"""The fast engine: every edge's curvature, or every weight's least one, block by block in compiled code."""
