"""Networks in files: one door in, one way back out in the same format."""
