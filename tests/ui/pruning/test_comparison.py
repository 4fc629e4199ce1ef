from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ncviz.config import ORDERS, SCOPES, PruningConfig
from ncviz.pruning.compare import GRID
from ncviz.scene.comparison import measured_sparsities
from ncviz.ui.link.view_state import AXES, MAX_SEEDS, ViewState, from_query
from ncviz.ui.pruning.comparison import read

SIZES = {"0.weight": (6, 1, 6, 6), "2.weight": (10, 4), "4.weight": (2, 10)}
KNOWN = ("curvature", "magnitude", "wanda", "random")
NAMES = st.lists(st.sampled_from(KNOWN), min_size=1, unique=True)
STATES = st.builds(
    ViewState,
    lab_criteria=NAMES.map(",".join),
    lab_seeds=st.integers(1, MAX_SEEDS),
    lab_samples=st.integers(1, 50),
    lab_scope=st.sampled_from(SCOPES),
    lab_order=st.sampled_from(ORDERS),
    lab_protect=st.lists(st.integers(0, 20), unique=True).map(lambda numbers: ",".join(map(str, numbers))),
    lab_sparsity=st.sampled_from(GRID),
    lab_lost=st.integers(0, 1000).map(lambda tenths: tenths / 10),
    lab_axis=st.sampled_from(AXES),
    lab_look=st.sampled_from(["", *KNOWN]),
    lab_beside=st.sampled_from(["", *KNOWN]),
)


@given(STATES)
def test_a_link_brings_back_what_is_compared(state):
    found, problems = from_query(state.to_query())
    assert problems == []
    assert found == state


@pytest.mark.parametrize(
    "query",
    [{"lab_criteria": "<b>"}, {"lab_criteria": ""}, {"lab_seeds": "0"}, {"lab_seeds": "11"}, {"lab_samples": "0"},
     {"lab_scope": "all"}, {"lab_order": "up"}, {"lab_protect": "0.weight"}, {"lab_sparsity": "1.1"},
     {"lab_lost": "-1"}, {"lab_lost": "nan"}, {"lab_axis": "log"}, {"lab_look": "a b"}],
)  # fmt: skip
def test_bad_links_fall_back_and_say_so(query):
    found, problems = from_query(query)
    assert found == ViewState()
    assert len(problems) == 1
    assert problems[0].startswith(f"The link's {next(iter(query))} was left out")


@given(STATES)
def test_what_is_compared_fits_the_network(state):
    compared = read(state, KNOWN, SIZES)
    assert compared.criteria == tuple(name for name in KNOWN if name in state.lab_criteria.split(","))
    assert compared.seeds == tuple(range(state.lab_seeds))
    assert set(compared.protected) <= set(SIZES)
    config = compared.config("wanda", 1)
    assert config == PruningConfig(
        "wanda", state.lab_samples, 1, state.alpha, state.lab_scope, state.lab_order, compared.protected
    )
    total = 216 + 40 + 20
    left = total - sum({"0.weight": 216, "2.weight": 40, "4.weight": 20}[name] for name in compared.protected)
    assert round(compared.sparsity * total) <= left
    assert compared.sparsity in GRID
    if not compared.protected:
        assert compared.sparsity == state.lab_sparsity


def test_criteria_that_there_are_not_and_layers_beyond_the_network_are_left_out():
    state = replace(ViewState(), lab_criteria="magnitude,nonsense", lab_protect="1,7", lab_sparsity=0.83)
    compared = read(state, KNOWN, SIZES)
    assert compared.criteria == ("magnitude",)
    assert compared.protected == ("2.weight",)
    assert compared.sparsity == 0.85


def test_protected_weights_bound_the_sparsities():
    assert measured_sparsities(SIZES) == GRID
    assert measured_sparsities(SIZES, ["0.weight"]) == tuple(value for value in GRID if value <= 0.2)
    assert measured_sparsities(SIZES, list(SIZES)) == tuple(
        value for value in GRID if round(276 * value) == 0
    )
