"""Studies made with the product: the paper's experiments, and benchmarks of the engine."""
