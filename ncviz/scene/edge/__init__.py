"""What is said of one edge, in words and in numbers that add up."""
