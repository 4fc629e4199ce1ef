from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ncviz.config import ORDERS, SCOPES, PruningConfig
from ncviz.pruning.compare import GRID
from ncviz.scene.comparison import budget_words, measured_sparsities
from ncviz.ui.link.view_state import AXES, MAX_SEEDS, ViewState, from_query
from ncviz.ui.pruning.comparison import budgets_text, read

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
    lab_budgets=st.dictionaries(st.integers(0, 4), st.integers(0, 100), max_size=3).map(
        lambda shares: ",".join(f"{number}-{share}" for number, share in shares.items())
    ),
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
     {"lab_scope": "all"}, {"lab_order": "up"}, {"lab_protect": "0.weight"}, {"lab_budgets": "0-101"},
     {"lab_sparsity": "1.1"},
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
        "wanda", state.lab_samples, 1, state.alpha, state.lab_scope, state.lab_order, compared.protected,
        budgets=compared.budgets,
    )  # fmt: skip
    total, sizes = 216 + 40 + 20, {"0.weight": 216, "2.weight": 40, "4.weight": 20}
    left = total - sum(sizes[name] for name in compared.protected)
    left -= sum(sizes[name] - int(share * sizes[name] + 1e-6) for name, share in compared.budgets)
    assert round(compared.sparsity * total) <= left
    assert compared.sparsity in GRID
    if not compared.holds:
        assert compared.sparsity == state.lab_sparsity


def test_criteria_that_there_are_not_and_layers_beyond_the_network_are_left_out():
    state = replace(ViewState(), lab_criteria="magnitude,nonsense", lab_protect="1,7", lab_sparsity=0.83)
    compared = read(state, KNOWN, SIZES)
    assert compared.criteria == ("magnitude",)
    assert compared.protected == ("2.weight",)
    assert compared.sparsity == 0.85


def test_budgets_go_into_a_link_and_come_back():
    text = budgets_text(SIZES, {"4.weight": 0.9, "0.weight": 0.125})
    assert text == "0-12.5,2-90"
    compared = read(replace(ViewState(), lab_budgets=text, lab_protect="2"), KNOWN, SIZES)
    assert compared.budgets == (("0.weight", 0.125),)
    assert budget_words(SIZES, compared.budgets) == "12.5%\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}0"
    assert measured_sparsities(SIZES, (), budgets=[("0.weight", 0.5)])[-1] == max(
        value for value in GRID if round(276 * value) <= 168
    )


def test_protected_weights_bound_the_sparsities():
    assert measured_sparsities(SIZES) == GRID
    assert measured_sparsities(SIZES, ["0.weight"]) == tuple(value for value in GRID if value <= 0.2)
    assert measured_sparsities(SIZES, list(SIZES)) == tuple(
        value for value in GRID if round(276 * value) == 0
    )
