"""Numbers that the definition fixes, each under its one name."""

from __future__ import annotations

# κ of an edge that is dead on an image: an end of it is silent there.
DEAD = 1.0
# What stands for κ of a weight without a live edge on any image: above every value that κ takes.
NEVER_ACTIVE = 2.0
# From this idleness on κ no longer depends on it, and the closed form holds.
CLOSED_FROM = 0.5
