"""Certified intervals around each weight's least κ: bounds of all weights first, then solutions that sharpen them."""
