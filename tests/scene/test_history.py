from ncviz.scene.history import History


def walked(history, now, steps):
    for step in steps:
        history.push(now, step)
        now = step
    return now


def test_undo_and_redo_walk_the_same_steps():
    history = History()
    now = walked(history, 0, (1, 2, 3))
    history.push(now, now)
    seen = []
    for _ in range(4):
        now = history.undo(now)
        seen.append(now)
    assert seen == [2, 1, 0, 0]
    now = history.redo(now)
    assert now == 1
    history.push(now, 9)
    assert history.redo(9) == 9


def test_steps_that_look_the_same_count_as_one():
    history = History()
    now = walked(history, (0, 0), ((1, 0), (1, 1), (1, 2)))

    def first(step):
        return step[0]

    assert history.can_undo(now, first)
    now = history.undo(now, first)
    assert now == (0, 0)
    assert not history.can_undo(now, first)
    assert history.undo(now, first) == now
    now = history.redo(now, first)
    assert first(now) == 1
    assert not history.can_redo(now, first)
    assert history.can_redo(now), "the steps that cannot be seen are still there"
