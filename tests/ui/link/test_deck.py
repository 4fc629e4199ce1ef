"""Prepared steps: what a file holds comes back, and what is no file of steps is refused in a sentence."""

import json

import pytest

from ncviz.errors import NcvizError
from ncviz.ui.link.deck import LONGEST_NOTE, MOST_STEPS, Deck, Step, read_deck, write_deck
from ncviz.ui.link.view_state import ViewState
from ncviz.ui.stage import steps
from ncviz.ui.stage.steps import tour

STEPS = Deck(
    (
        Step("explore", ViewState(removed=0.6, flow="image-5"), "60% are gone – still right."),
        Step("learn", ViewState(graph="tree")),
        Step("edge", ViewState(model="mlp-digits-relu", edge="1-27-14"), "a “quoted” note, κ < 0"),
    )
)


def test_a_file_brings_back_the_steps():
    assert read_deck(write_deck(STEPS)) == STEPS
    assert read_deck(write_deck(Deck()).encode()) == Deck()


def test_steps_are_moved_noted_and_taken_out():
    first, second, third = STEPS.steps
    assert STEPS.moved(0, 1).steps == (second, first, third)
    assert STEPS.moved(0, -1) == STEPS.moved(2, 1) == STEPS
    assert STEPS.without(1).steps == (first, third)
    assert STEPS.with_note(1, "x" * 900).steps[1].note == "x" * LONGEST_NOTE
    assert len(STEPS.with_step(first).steps) == 4
    with pytest.raises(NcvizError, match="most that are kept"):
        Deck((first,) * MOST_STEPS).with_step(first)


def written(**change):
    step = {"page": "explore", "link": "removed=0.6", "note": ""}
    return json.dumps({"kind": "ncviz steps", "version": 1, "steps": [step, step | change]})


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\xff\xfe", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[1]", "its kind must be"),
        ('{"kind": "ncviz steps", "version": 2}', "of version 2"),
        ('{"kind": "ncviz steps", "version": 1, "steps": {}}', "a list of at most"),
        (written(page="../etc"), "Step 2 is on the page “../etc”"),
        (written(note=3), "Step 2 must have"),
        (written(note="x" * 501), "note of step 2"),
        (written(more=1), "Step 2 has what no step has: more"),
        (written(link="removed=2"), "Step 2: The link's removed was left out"),
        (written(link="speed=2"), "link of step 2 names what no link holds: speed"),
        (written(link="nonsense"), "The link of step 2 is none"),
        ("x" * 500_001, "at most 500,000 bytes"),
    ],
)
def test_what_is_no_file_of_steps_is_refused(content, sentence):
    with pytest.raises(NcvizError, match=sentence) as refused:
        read_deck(content)
    assert len(str(refused.value)) < 300


def test_the_tour_leads_from_the_bridge_to_the_collapsing_lenet():
    steps = tour().steps
    assert (steps[0].page, steps[0].view.graph) == ("learn", "bridge")
    assert any(
        (step.view.model, step.view.order, step.view.removed) == ("lenet-mnist-relu", "bottlenecks", 0.01)
        for step in steps
    )
    # Three minutes at the pace of speech, about 15 letters a second, leave time to look.
    assert sum(len(step.note) for step in steps) / 15 < 90
    assert all(step.note for step in steps)


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (ViewState(flow="own"), "An image of your own is in no link"),
        (
            ViewState(hand=",".join(f"cut:set-{at**5 % 36**6 or 1:x}" for at in range(400))),
            "too long for a link",
        ),
        (ViewState(model="mine.onnx"), "A network of your own is in no link"),
    ],
    ids=["image", "steps", "network"],
)
def test_what_no_link_holds_is_no_step(monkeypatch, view, words):
    monkeypatch.setattr(steps.session, "view", lambda: view)
    monkeypatch.setattr(steps.session, "own_networks", lambda: {"mine.onnx": None})
    with pytest.raises(NcvizError, match=words):
        steps.add("explore")
