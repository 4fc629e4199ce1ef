"""Which connections to remove, and what the network can still do without them."""
