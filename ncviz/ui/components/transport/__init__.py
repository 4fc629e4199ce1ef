"""The picture of one edge's optimal plan, in which the mass travels."""
