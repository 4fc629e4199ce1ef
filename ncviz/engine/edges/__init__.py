"""What is done with the edges of one block, compiled: bounds first, and the simplex for those that they leave."""
