"""Path lengths are made once for each network, and nobody waits for those of another one."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from torch import nn

from ncviz import build_graph
from ncviz.engine import prepared
from ncviz.errors import CancelledError, ModelError


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


def test_what_was_given_up_is_not_kept(monkeypatch):
    monkeypatch.setattr(prepared, "_prepared", {})
    real = prepared.distances

    def distances(*args):
        raise CancelledError

    monkeypatch.setattr(prepared, "distances", distances)
    with pytest.raises(CancelledError):
        prepared.paths_of(graph(8), "cpu", None)
    monkeypatch.setattr(prepared, "distances", real)
    prepared.paths_of(graph(9), "cpu", None)
    assert len(prepared._prepared) == 1


def test_as_many_networks_are_kept_as_fit(monkeypatch):
    monkeypatch.setattr(prepared, "_prepared", {})
    nets = [graph(units) for units in range(10, 16)]
    first = [prepared.plans_of(of, "cpu", None) for of in nets]
    assert all(prepared.plans_of(of, "cpu", None) is plans for of, plans in zip(nets, first, strict=True))
    held = {id(array): array.nbytes for each in prepared._prepared.values() for array in each.arrays()}
    monkeypatch.setattr(prepared, "KEPT_BYTES", sum(held.values()) // 2)
    assert prepared.plans_of(nets[-1], "cpu", None) is first[-1]
    assert 1 < len(prepared._prepared) < 6
    assert prepared.plans_of(nets[0], "cpu", None) is not first[0]
    monkeypatch.setattr(prepared, "KEPT_BYTES", 0)
    last = prepared.plans_of(nets[2], "cpu", None)
    assert len(prepared._prepared) == 1
    assert prepared.plans_of(nets[2], "cpu", None) is last


def test_networks_that_are_kept_make_room_for_a_large_one(monkeypatch):
    monkeypatch.setattr(prepared, "_prepared", {})
    monkeypatch.setattr(prepared, "LARGE", 0)
    prepared.plans_of(graph(20), "cpu", None)

    def check(of, chosen):
        if sum(1 for each in prepared._prepared.values() if each.paths is not None):
            raise ModelError("no room")

    monkeypatch.setattr(prepared, "check_paths", check)
    assert prepared.paths_of(graph(21), "cpu", None).tables
    assert len(prepared._prepared) == 1
