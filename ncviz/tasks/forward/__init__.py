"""One image through a network as it is pruned: by a program that a browser can run, or by torch."""
