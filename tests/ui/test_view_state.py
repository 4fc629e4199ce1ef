from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ncviz.models.zoo import MODELS
from ncviz.pipeline import CRITERIA
from ncviz.plots.small_graphs import PRESETS
from ncviz.pruning.order import ORDERS, SCOPES
from ncviz.ui.view_state import DETAILS, EDGE_CAPS, HIDEABLE, VIEWS, History, ViewState, from_query

STATES = st.builds(
    ViewState,
    model=st.sampled_from(list(MODELS)),
    criterion=st.sampled_from(CRITERIA),
    order=st.sampled_from(ORDERS),
    scope=st.sampled_from(SCOPES),
    removed=st.integers(0, 1000).map(lambda thousandths: thousandths / 1000),
    layer=st.integers(-1, 20),
    edges=st.sampled_from(EDGE_CAPS),
    samples=st.integers(1, 50),
    alpha=st.integers(0, 99).map(lambda hundredths: hundredths / 100),
    seed=st.integers(0, 1000),
    show=st.sampled_from(VIEWS),
    detail=st.sampled_from(DETAILS),
    flow=st.sampled_from(["all", "image-0", "image-12", "class-9"]),
    selected=st.sampled_from(["", "unit-1-30", "channel-2-5", "weight-45311", "slice-1-15-5"]),
    edge=st.sampled_from(["", "1-20-7"]),
    compare=st.booleans(),
    other_model=st.sampled_from(["", *MODELS]),
    other_criterion=st.sampled_from(CRITERIA),
    other_order=st.sampled_from(ORDERS),
    other_removed=st.integers(0, 1000).map(lambda thousandths: thousandths / 1000),
    lesson=st.integers(0, 6),
    hide=st.lists(st.sampled_from(HIDEABLE), unique=True).map(",".join),
    graph=st.sampled_from(list(PRESETS)),
    idleness=st.integers(0, 99).map(lambda hundredths: hundredths / 100),
).filter(
    lambda state: (
        (state.criterion != "random" or state.order == "redundant")
        and (state.other_criterion != "random" or state.other_order == "redundant")
    )
)


@given(STATES)
def test_a_link_brings_back_the_state(state):
    found, problems = from_query(state.to_query())
    assert problems == []
    assert found == state


def test_the_default_needs_no_link():
    assert ViewState().to_query() == {}


@pytest.mark.parametrize(
    "query",
    [{"model": "<script>"}, {"order": "up"}, {"removed": "2"}, {"removed": "nan"}, {"samples": "0"}, {"alpha": "1"},
     {"seed": "x"}, {"layer": "-7"}, {"edges": "many"}, {"samples": "9" * 5000}],
)  # fmt: skip
def test_bad_links_fall_back_and_say_so(query):
    found, problems = from_query(query)
    assert found == ViewState()
    assert len(problems) == 1
    assert len(problems[0]) < 300


@given(st.text(max_size=30), st.sampled_from(list(vars(ViewState()))))
def test_no_link_breaks_the_reader(text, name):
    found, _ = from_query({name: text})
    assert isinstance(found, ViewState)
    assert found.config is not None


def test_undo_and_redo_walk_the_same_steps():
    history, now = History(), 0
    for step in (1, 2, 3):
        history.push(now, step)
        now = step
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


def test_states_are_values():
    assert replace(ViewState(), removed=0.5) == ViewState(removed=0.5)
