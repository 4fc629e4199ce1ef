import re
from decimal import Decimal

import pytest

from ncviz.plots.small_graphs import PRESETS, preset
from ncviz.scene.small_graph.arithmetic import enough_digits, plan_table, sentences
from ncviz.scene.small_graph.workbench import problem

NUMBER = r"−?\d+(?:\.\d+)?"


def read(text):
    return Decimal(text.replace("−", "-"))


def assert_same(reckoned, shown):
    """A pocket calculator's result, rounded to the digits of what is shown (half-way either way)."""
    half = Decimal(5).scaleb(read(shown).as_tuple().exponent - 1)
    assert abs(reckoned - read(shown)) <= half, (reckoned, shown)


def odd():
    graph = preset("layered")
    for at, edge in enumerate(list(graph.lengths)):
        graph = graph.with_length(*edge, (0.1, 0.35, 1.25, 7.77, 10.0)[at % 5])
    return graph


@pytest.mark.parametrize("alpha", [0.0, 0.05, 0.35, 0.5, 0.95])
@pytest.mark.parametrize("name", [*PRESETS, "odd"])
def test_who_reckons_with_the_shown_numbers_gets_the_shown_results(name, alpha):
    graph = odd() if name == "odd" else preset(name)
    for edge in graph.lengths:
        found = problem(graph, edge, alpha)
        digits = enough_digits(found)
        work, kappa, *plain = sentences(found, digits).split("  \n")
        value = re.search(rf"\*\*({NUMBER})\*\*", work)[1]
        assert float(read(value)) == pytest.approx(found.value, abs=0.00051)
        terms = re.findall(rf"({NUMBER}) × ({NUMBER})", work)
        if "…" not in work:
            assert_same(sum(read(mass) * read(cost) for mass, cost in terms), value)
        taken, distance, rest, result = re.search(
            rf"1 − ({NUMBER}) / ({NUMBER})(?:\) / ({NUMBER}))? = \*\*({NUMBER})", kappa
        ).groups()
        assert taken == value
        assert (rest is None) == (alpha == 0)
        ratio = 1 - read(taken) / read(distance)
        assert_same(ratio / read(rest or "1"), result)
        assert float(read(result)) == pytest.approx(found.curvature / (1 - alpha), abs=0.00051)
        assert len(plain) == (alpha > 0)
        for line in plain:
            assert_same(ratio, re.search(rf": ({NUMBER})", line)[1])
        table = plan_table(found, digits)
        column = [Decimal(f"{part:.{digits.mass}f}") for part in table["mass × distance"]]
        assert_same(sum(column), value)
        for mass, cost, part in zip(table["mass"], table["distance"], column, strict=True):
            assert_same(Decimal(f"{mass:.{digits.mass}f}") * Decimal(f"{cost:.10g}"), str(part))


def test_there_are_no_more_digits_than_it_takes():
    club = preset("karate")
    found = problem(club, (1, 32), 0.0)
    assert sentences(found, enough_digits(found)).startswith(
        "**W** = 0.4792 × 1 + 0.1875 × 2 + 0.3333 × 3 = **1.854**"
    )
    bridge = preset("bridge")
    found = problem(bridge, (4, 5), 0.5)
    assert enough_digits(found).mass == 3
    # Several plans are best, 0.375 × 1 + 0.375 × 3 and 0.250 × 1 + 0.250 × 2 + 0.250 × 3 among them.
    moved, _, rest = sentences(found, enough_digits(found)).partition(" = **")
    terms = re.findall(r"(\d\.\d{3}) × (\d)", moved)
    assert moved == "**W** = " + " + ".join(f"{mass} × {way}" for mass, way in terms)
    assert sum(float(mass) * int(way) for mass, way in terms) == 1.5
    assert rest == (
        "1.500**  \n**κ** = (1 − W/d) / (1 − α) = (1 − 1.500 / 1) / 0.5 = **−1.000**  \n"
        "Ollivier’s κ is not divided by 1 − α: −0.500"
    )
