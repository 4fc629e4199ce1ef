"""What one session holds."""
