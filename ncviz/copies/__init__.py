"""Copies of a network that give what it gives: computed weights made plain, hooks looked at, outputs compared."""
