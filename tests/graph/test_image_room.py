"""Memory that tables are made in one after the other."""

import numpy as np

from ncviz.graph.images.room import Room

LARGE = (40, 64, 64)


def test_what_is_asked_for_together_lies_apart():
    room = Room()
    for _ in range(3):
        arrays = [room.empty(LARGE) for _ in range(3)] + [room.empty((2, 3))]
        for number, own in enumerate(arrays):
            own[:] = number
        assert [own.shape for own in arrays] == [LARGE, LARGE, LARGE, (2, 3)]
        assert all((own == number).all() for number, own in enumerate(arrays))
        room.clear()


def test_the_same_memory_serves_again_and_grows_when_more_was_asked_for():
    room = Room()
    room.empty(LARGE)
    room.clear()
    one = room.empty(LARGE)
    beyond = room.empty(LARGE)
    assert not np.shares_memory(one, beyond)
    room.clear()
    again, two = room.empty(LARGE), room.empty(LARGE)
    assert not np.shares_memory(again, two)
    assert again.base is two.base
