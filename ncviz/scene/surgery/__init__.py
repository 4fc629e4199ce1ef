"""Changes by hand to what a criterion removes: written in a link or a file, and worked out on a network."""
