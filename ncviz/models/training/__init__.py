"""Training: reproducible from its seed, and resumable bit for bit."""
