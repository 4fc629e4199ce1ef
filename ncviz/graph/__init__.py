"""From a network to its layered graph of neurons: structure, activations and path lengths."""
