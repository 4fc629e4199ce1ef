"""The process that reads what visitors bring; ``ncviz.reading.doors`` starts it."""

from __future__ import annotations

from ncviz.reading.child import serve

TASKS = {
    "preparation": ("ncviz.reading.preparation", "prepare_all"),
    "network": ("ncviz.reading.networks", "read"),
    "written": ("ncviz.reading.networks", "write"),
    "uploads": ("ncviz.reading.images", "read"),
    "sizes": ("ncviz.reading.images", "sizes"),
    "picture": ("ncviz.reading.images", "picture"),
}

if __name__ == "__main__":
    serve(TASKS)
