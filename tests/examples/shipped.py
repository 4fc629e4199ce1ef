"""The bundled networks and the results that ship with them: nothing changes them, so each is read once."""

from functools import cache

from ncviz import tasks
from ncviz.config import CurvatureConfig
from tests.examples.contexts import here


@cache
def network(name):
    return tasks.open_network(name)


def _look_up(task):
    # A store that holds nothing of its own.
    return here(tasks.open_store("memory://shipped")).look_up(task)


@cache
def curvature(name):
    """Return the record of the curvature by the usual settings."""
    return _look_up(tasks.Curvature(network(name), CurvatureConfig()))


@cache
def sweep(name):
    """Return the accuracy curves of the usual settings, removing from the whole network at once."""
    return _look_up(tasks.Sweep(network(name), CurvatureConfig(), "global"))
