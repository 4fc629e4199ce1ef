"""How work tells what it is doing."""

from __future__ import annotations

from collections.abc import Callable

# Called with the fraction done and a short message.
Progress = Callable[[float, str], None]
