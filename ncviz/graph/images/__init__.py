"""Graphs whose edges have other weights on each image: path lengths between those positions only that are looked at."""
