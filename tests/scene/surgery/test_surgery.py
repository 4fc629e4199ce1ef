"""Steps by hand: written and read, worked out on networks, and what they leave of a removal order."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from ncviz import tasks
from ncviz.errors import NcvizError
from ncviz.scene.surgery.files import StepsFile, read_file
from ncviz.scene.surgery.resolve import own_mask, weights_of
from ncviz.scene.surgery.steps import MAX_SET, Step, read_steps, with_step, write_steps
from ncviz.scene.surgery.words import step_words
from ncviz.tasks.criteria import class_accuracy, confusion, masks_of, specific_bottlenecks
from ncviz.tasks.curvature.flow import Flow


@pytest.fixture(scope="module")
def lenet():
    """The bundled LeNet, its curvature, the order of redundancy, and what looks up a group's bottlenecks."""
    context = tasks.open_context()
    of = tasks.open_network("lenet-mnist-relu")
    record = context.look_up(tasks.Curvature(of))
    look_up = lambda group: context.look_up(tasks.GroupBottlenecks(of, record, group))  # noqa: E731
    return of, record, tasks.ranks(of, "curvature", record, context), look_up


TEXT = "cut:class-0+3:906,hold:channel-2-4,x0.5:weight-42,free:unit-3-7,cut:layer-2:0.3,cut:set-5.3-2n,cut:image-4:9"


def test_of_steps_on_the_same_target_the_last_counts():
    text = "cut:weight-42,hold:channel-2-4,x0.5:weight-42,cut:layer-2:0.3,cut:layer-2:0"
    assert write_steps(read_steps(text)) == "hold:channel-2-4,x0.5:weight-42"


def test_steps_are_read_as_they_are_written():
    assert write_steps(read_steps(TEXT)) == TEXT
    assert read_steps("") == ()


@pytest.mark.parametrize(
    "text",
    [
        "cut", "cut:", "cut:class-0", "cut:class-0:x", "drop:weight-1", "x11:weight-1", "x-1:weight-1",
        "cut:edge-1-2-3", "hold:layer-2:0.3", "cut:layer-2:1.5", "cut:layer-2", "cut:set-", "cut:set-a.zzzzzz",
        "cut:weight-1:2:3",
        "cut:weight-1,", ",".join(["cut:weight-1"] * 401),
    ],
)  # fmt: skip
def test_what_is_no_step_is_refused(text):
    with pytest.raises(NcvizError):
        read_steps(text)


def test_a_set_of_weights_keeps_its_members():
    # As the browser writes them.
    several, first = read_steps("cut:set-5.3-2n-28k,hold:set-0")
    assert several.weights.tolist() == [5, 6, 7, 100, 3000]
    assert first.weights.tolist() == [0]


def test_sets_are_bounded_together():
    large = np.base_repr(MAX_SET // 2 + 1, 36).lower()
    assert len(read_steps(f"cut:set-0.{large}")) == 1
    with pytest.raises(NcvizError, match="2,000,000 weights"):
        read_steps(f"cut:set-0.{large},hold:set-1.{large}")


def test_what_is_done_anew_to_a_target_takes_the_place_of_the_old():
    steps = read_steps("cut:weight-1,cut:layer-0:0.5")
    (new,) = read_steps("hold:weight-1")
    assert write_steps(with_step(steps, new)) == "cut:layer-0:0.5,hold:weight-1"
    none = Step("cut", "layer-0", "0")
    assert write_steps(with_step(steps, none)) == "cut:weight-1"


@pytest.mark.slow
def test_a_later_step_overrules_and_every_order_follows(lenet):
    _, record, ranks, look_up = lenet
    steps = read_steps("cut:channel-1-2,hold:slice-0-2-0,x2:weight-3")
    mask, sizes = own_mask(steps, record, ranks, look_up)
    assert sizes == (17 * 36, 36, 1)
    cut, held = np.flatnonzero(mask.state == 1), np.flatnonzero(mask.state == 2)
    # All that ends in the map but its one kernel, which is held, and all that reads it.
    assert held.tolist() == list(range(2 * 36, 3 * 36))
    assert len(cut) == 16 * 36
    least, most = mask.bounds(ranks, 0)
    assert (least, most) == (len(cut), record.total - len(held))
    for by in (ranks, ranks[::-1].copy()):
        mine = mask.reranked(by, 0)
        assert sorted(mine.tolist()) == list(range(record.total))
        assert mine[cut].max() < least
        assert mine[held].min() >= most
        free = np.flatnonzero(mask.state == 0)
        assert (np.argsort(mine[free]) == np.argsort(by[free])).all()
    scaled = masks_of(mask.reranked(ranks, 0), least, record.shapes, mask.factor)
    flat = np.concatenate([values.numpy().reshape(-1) for values in scaled.values()])
    assert flat[3] == 2
    assert (flat[cut] == 0).all()
    assert (flat == 1).sum() == record.total - least - 1


def test_the_share_of_a_layer_is_what_the_criterion_takes_first(lenet):
    _, record, ranks, look_up = lenet
    (step,) = read_steps("cut:layer-2:0.3")
    found = weights_of(step, record, ranks, look_up)
    start, size = 216 + 16 * 6 * 36, record.weights[list(record.weights)[2]].size
    assert len(found) == round(0.3 * size)
    within = np.arange(start, start + size)
    assert ranks[found].max() < np.delete(ranks[within], found - start).min()


@pytest.mark.parametrize(
    "text", ["cut:layer-9:0.5", "cut:channel-9-0", "cut:weight-99999999", "cut:slice-0-99-0"]
)
def test_what_a_network_does_not_have_is_said(lenet, text):
    _, record, ranks, look_up = lenet
    with pytest.raises(NcvizError, match="this network"):
        own_mask(read_steps(text), record, ranks, look_up)


def test_the_bottlenecks_of_a_class_are_those_of_the_pruning_page(lenet):
    of, record, _, look_up = lenet
    classes = tasks.open_context().look_up(tasks.ClassCurvature(of)).classes
    for label in (0, 7):
        mine = look_up(tasks.Group("class", (label,)))
        assert mine.tolist() == specific_bottlenecks(classes, label, record.total).tolist()
    # One image of each class: its images are the class.
    assert look_up(tasks.Group("image", (7,))).tolist() == mine.tolist()
    assert look_up(tasks.Group("class", (0, 7))).tolist() != mine.tolist()
    with pytest.raises(NcvizError, match="leave out"):
        look_up(tasks.Group("class", tuple(range(10))))
    with pytest.raises(NcvizError, match="no class-12"):
        look_up(tasks.Group("class", (12,)))


def test_what_is_known_of_a_group_counts_for_no_time(lenet, monkeypatch):
    of, record, _, look_up = lenet
    said = []
    context = replace(
        tasks.open_context(), progress=lambda fraction, message: said.append((fraction, message))
    )
    task = tasks.GroupBottlenecks(of, record, tasks.Group("class", (3,)))
    expected = look_up(task.group).tolist()
    hidden = {flow.samples for flow in task._flows()[4:6]}
    known = Flow.known
    monkeypatch.setattr(Flow, "known", lambda self, at: None if self.samples in hidden else known(self, at))

    def run(self, task):
        self.say(0.5)
        return SimpleNamespace(result=record.of(task.samples))

    monkeypatch.setattr(tasks.Context, "run", run)
    assert task.run(context).tolist() == expected
    assert said == [(0.0, "part 1 of 2"), (0.25, "part 1 of 2"), (0.5, "part 2 of 2"), (0.75, "part 2 of 2")]


@pytest.mark.slow
def test_a_class_goes_blind_and_the_others_stay(lenet):
    of, record, ranks, look_up = lenet
    mask, _ = own_mask(read_steps("cut:class-0:906"), record, ranks, look_up)
    evaluator = tasks.evaluator(of, tasks.open_context())
    labels = evaluator.labels.numpy()
    before, after = (
        class_accuracy(confusion(labels, evaluator.predictions(masks).numpy(), 10))
        for masks in (None, masks_of(mask.reranked(ranks, 0), 906, record.shapes))
    )
    assert before[0] > 0.98
    assert after[0] < 0.4
    assert (after - before)[1:].mean() > -0.04


def test_a_file_gives_back_what_was_put_in():
    steps = read_steps(TEXT)
    kept = StepsFile("ohne Klasse Ü", "abc", steps, 906, ("curvature", "global", "redundant", "first"))
    assert read_file(kept.to_bytes(), "abc") == kept


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": "other"}, "no file of steps"),
        ({"version": 2}, "no file of steps"),
        ({"network": "def"}, "another network"),
        ({"steps": "cut:weight-1"}, "lacks a part"),
        ({"steps": ["cut:weight-1,cut:weight-2"]}, "lacks a part"),
        ({"steps": ["cut:everything"]}, "must read"),
        ({"removed": True}, "lacks a part"),
        ({"removed": -1}, "lacks a part"),
        ({"order": ["curvature"]}, "lacks a part"),
        ({"name": "x" * 41}, "at most 40"),
        ({"name": None}, "lacks a part"),
    ],
)
def test_a_file_that_is_none_is_refused(change, told):
    order = ("curvature", "global", "redundant", "first")
    content = json.loads(StepsFile("", "abc", (), 0, order).to_bytes()) | change
    with pytest.raises(NcvizError, match=told):
        read_file(json.dumps(content).encode(), "abc")
    for broken in (b"", b"[]", b"\xff", b"[" * 100_000):
        with pytest.raises(NcvizError, match="no file of steps"):
            read_file(broken, "abc")


def test_steps_have_words(lenet):
    _, record, _, _ = lenet
    told = [step_words(step, record, tuple("0123456789"), 9) for step in read_steps(TEXT)]
    assert told[0] == "Cut bottlenecks of classes 0 and 3 alone: 9 weights"
    assert told[1].startswith("Keep conv 2 · channel 4")
    assert told[2].startswith("× 0.5 weight 42 of")
    assert told[4].startswith("Cut 30% of 5")
    assert told[6] == "Cut bottlenecks of image 4 alone: 9 weights"


def test_the_criterion_cuts_where_it_did_when_other_things_are_done_by_hand(lenet):
    _, record, ranks, look_up = lenet
    removed = 10_000
    first, _ = own_mask(read_steps("cut:class-0:906"), record, ranks, look_up)
    then = tasks.removed_alike(ranks, 0, None, removed, first)
    gone = first.reranked(ranks, 0) < then
    assert (gone == ((ranks < removed) | (first.state == 1))).all()
    # What is kept by hand comes back, and nothing goes in its place; undone, all is as it was.
    second, _ = own_mask(read_steps("cut:class-0:906,hold:slice-1-5-3"), record, ranks, look_up)
    later = tasks.removed_alike(ranks, 0, first, then, second)
    assert ((second.reranked(ranks, 0) < later) == (gone & (second.state != 2))).all()
    assert tasks.removed_alike(ranks, 0, second, later, None) == removed
