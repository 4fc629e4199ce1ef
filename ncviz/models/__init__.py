"""Networks: architectures, the bundled zoo, safe loading, training."""
