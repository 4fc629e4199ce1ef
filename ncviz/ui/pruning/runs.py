"""Tasks of several criteria in one background run: what is known, what is under way, and starting them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from ncviz import tasks
from ncviz.fingerprint import digest
from ncviz.jobs import Job
from ncviz.tasks.criteria import criterion_title
from ncviz.ui.server import resources
from ncviz.ui.session import jobs, session

R = TypeVar("R")


def known(asked: Mapping[str, tasks.Task[R]]) -> dict[str, R]:
    """Return what is known, by criterion, perhaps not to its end."""
    context = session.context()
    found = {name: context.look_up(task) for name, task in asked.items()}
    return {name: result for name, result in found.items() if result is not None}


def start(asked: Mapping[str, tasks.Task[Any]], todo: Mapping[str, tasks.Task[Any]], label: str) -> Job:
    """Do one criterion after the other in the background; each is kept when it is done.

    Args:
        asked: What the page asks for, by criterion.
        todo: What of it is to be done.
        label: What the job is called.
    """
    prefixes = [f"{criterion_title(name)}: " for name in todo]
    return jobs.start(tasks.Series(list(todo.values()), _key(asked), prefixes=prefixes), label)


def job(asked: Mapping[str, tasks.Task[Any]]) -> Job | None:
    """Return the latest run of what the page asks for."""
    return resources.registry().get(_key(asked))


def _key(asked: Mapping[str, tasks.Task[Any]]) -> str:
    context = session.context()
    return digest("criteria", [task.key(context) for task in asked.values()])
