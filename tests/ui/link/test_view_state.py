from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ncviz.config import ORDERS, SCOPES
from ncviz.models.zoo import MODELS
from ncviz.plots.small_graphs import PRESETS
from ncviz.tasks import CRITERIA
from ncviz.ui.link.by_hand import IN_FILE
from ncviz.ui.link.view_state import (
    DETAILS,
    EDGE_CAPS,
    HIDEABLE,
    LAB_TABS,
    OF_NETWORK,
    OF_SIDE,
    VIEWS,
    ViewState,
    from_query,
    other,
)

STATES = st.builds(
    ViewState,
    model=st.sampled_from(list(MODELS)),
    criterion=st.sampled_from(CRITERIA),
    order=st.sampled_from(ORDERS),
    scope=st.sampled_from(SCOPES),
    removed=st.integers(0, 1000).map(lambda thousandths: thousandths / 1000),
    layer=st.sampled_from(["", "0", "12", "conv-2", "layer1.0.conv1"]),
    zoom=st.sampled_from(["", "3", "input"]),
    edges=st.sampled_from(EDGE_CAPS),
    samples=st.integers(1, 50),
    alpha=st.integers(0, 99).map(lambda hundredths: hundredths / 100),
    seed=st.integers(0, 1000),
    parts=st.sampled_from(["", "0.weight", "features.0.weight,fc.weight"]),
    channels=st.integers(0, 256),
    batchnorm=st.sampled_from(["own", "folded"]),
    weight_scale=st.sampled_from(["own", "fan-in", "channel-fan-in"]),
    show=st.sampled_from(VIEWS),
    detail=st.sampled_from(DETAILS),
    flow=st.sampled_from(["all", "own", "image-0", "image-12", "class-9"]),
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
    drawn=st.sampled_from(["", "u~1-110-100_2-30-580~1-2", "d~1-0-1000_2-30-580~1-2-2.5"]),
    ticked=st.sampled_from(["", "1", "2,5,6"]),
    idleness=st.integers(0, 99).map(lambda hundredths: hundredths / 100),
    lab_tab=st.sampled_from(LAB_TABS),
    lab_tune=st.sampled_from(
        ["", "epochs-5", "rate-0.0001,batch-16,decay-1e-05,seed-7,skip-random,skip-lamp"]
    ),
    lab_robust=st.sampled_from(["", "eps-20", "part-corruption,corruption-blur,severity-5,images-40"]),
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
     {"seed": "x"}, {"layer": "-7"}, {"edges": "many"}, {"samples": "9" * 5000},
     {"lab_protect": "٣"}, {"selected": "weight-٣"}, {"lab_tab": "Compare"}, {"lab_tune": "epochs-0"},
     {"lab_tune": "epochs-٣"}, {"lab_tune": "rate-0.5"}, {"lab_tune": "epochs-3,epochs-4"}, {"lab_tune": "speed-3"},
     {"lab_tune": "skip-<b>"}, {"lab_robust": "part-other"}, {"lab_robust": "eps-256"}, {"lab_robust": "eps--1"},
     {"parts": "a b"}, {"parts": "<b>"}, {"parts": ","}, {"channels": "-1"}, {"channels": "all"},
     {"batchnorm": "fold"}, {"weight_scale": "rms"},
     {"drawn": "u~1-1-1~1-2"}, {"drawn": "<b>"}, {"ticked": "0"}, {"ticked": "1,"}],
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


def test_settings_of_a_run_are_read_in_any_order_and_written_in_one():
    found, problems = from_query({"lab_tune": "skip-random,rate-0.0030,epochs-5"})
    assert problems == ["The link's lab_tune was left out: the learning rate must be one of 0.0001, 0.0003, 0.001, "
                        "0.003, 0.01, got '0.0030'."]  # fmt: skip
    found, problems = from_query({"lab_tune": "skip-random,rate-0.003,epochs-5"})
    assert (found.lab_tune, problems) == ("epochs-5,rate-0.003,skip-random", [])


def test_every_field_has_a_reader_and_says_what_it_is():
    for row in fields(ViewState):
        assert callable(row.metadata["read"])
        assert row.metadata["doc"]


def test_each_picture_has_the_same_fields_of_its_own():
    rows = {row.name: row for row in fields(ViewState)}
    assert set(OF_NETWORK) < set(OF_SIDE)
    assert {other(name) for name in OF_SIDE} == {name for name in rows if name.startswith("other_")}
    for name in set(OF_SIDE) - {"model", "criterion", "order"}:
        assert rows[name].metadata["read"] is rows[other(name)].metadata["read"]


def lines(count):
    """A step that cuts so many weights of LeNet, none beside another one, as the browser writes it."""
    chosen = np.sort(np.random.default_rng(1).choice(22_000, count, replace=False)) * 2
    return "cut:set-" + "-".join(np.base_repr(gap, 36).lower() for gap in np.diff(chosen, prepend=0))


@pytest.mark.parametrize("prefix", ["", "other_"])
def test_a_link_packs_what_is_done_by_hand_or_says_that_it_is_in_a_file(prefix):
    hand, removed, name = (f"{prefix}{field}" for field in ("hand", "removed", "hand_name"))
    state = ViewState(**{hand: lines(900), removed: 0.25, name: "mine"}, edges=500)
    assert len(getattr(state, hand)) > 1500 >= len(state.to_query()[hand])
    assert state.is_whole_in_link
    assert from_query(state.to_query()) == (state, [])
    much = replace(state, **{hand: lines(15_000)})
    assert not much.is_whole_in_link
    # With the steps goes what is removed together with them: without them it is another state.
    assert much.to_query() == {hand: IN_FILE, "edges": "500"}
    found, problems = from_query(much.to_query())
    assert found == ViewState(edges=500)
    assert problems == [
        f"The link's {hand} was left out: its steps by hand are too many for a link, so the network is shown whole; "
        "whoever made it has them in a file, which opens under By hand in the sidebar."
    ]


def test_states_are_values():
    assert replace(ViewState(), removed=0.5) == ViewState(removed=0.5)
