"""Path lengths are made once for each network, and nobody waits for those of another one."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from torch import nn

from ncviz import build_graph
from ncviz.engine import prepared
from ncviz.errors import CancelledError


def graph(seed_units):
    return build_graph(nn.Sequential(nn.Linear(4, seed_units), nn.ReLU(), nn.Linear(seed_units, 2)), (4,))


def test_another_network_waits_for_none_and_the_same_one_for_the_first(monkeypatch):
    slow, quick, begun, go, made = graph(5), graph(6), threading.Event(), threading.Event(), []
    real = prepared.distances

    def distances(of, *args):
        made.append(of)
        if of is slow:
            begun.set()
            assert go.wait(30)
        return real(of, *args)

    monkeypatch.setattr(prepared, "distances", distances)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(prepared.paths_of, slow, "cpu", None)
        assert begun.wait(30)
        assert prepared.paths_of(quick, "cpu", None).tables
        second = pool.submit(prepared.paths_of, slow, "cpu", None)
        stop = threading.Event()
        third = pool.submit(prepared.paths_of, slow, "cpu", None, stop)
        stop.set()
        with pytest.raises(CancelledError):
            third.result(30)
        assert not first.done()
        go.set()
        assert second.result(30) is first.result(30)
    assert [of is slow for of in made] == [True, False]


def test_what_was_cancelled_is_made_by_the_next(monkeypatch):
    of, real = graph(7), prepared.distances

    def distances(*args):
        raise CancelledError

    monkeypatch.setattr(prepared, "distances", distances)
    with pytest.raises(CancelledError):
        prepared.paths_of(of, "cpu", None)
    monkeypatch.setattr(prepared, "distances", real)
    assert prepared.paths_of(of, "cpu", None).tables
