"""The hub network simplex on a CUDA GPU, one thread block for a stream of problems; needs numba-cuda."""
