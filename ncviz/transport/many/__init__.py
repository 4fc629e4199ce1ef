"""Many small transport problems at once: starting trees, the simplex on each, and a certificate of every value."""
