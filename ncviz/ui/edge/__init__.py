"""The Edge page."""
