"""What the Edge page says: numbers that add up as they are printed, and words that fit the numbers."""

import re

import numpy as np
import pytest

from ncviz.explain import look
from ncviz.scene.edge.numbers import arithmetic, formula, neighbours, pairs, shown_sum, ways
from ncviz.scene.edge.text import account_words, decimals_for, meaning, significant
from ncviz.text import number as shown_number
from tests.examples import networks, wired

LAYERS = 5


def number(text):
    return float(text.replace("−", "-"))


def edges(alphas=(0.0, 0.3, 0.5, 0.9)):
    for seed in range(3):
        net, x = networks.make("mlp_tanh", seed)
        lens = look(net, x)
        for connection, (i, j) in enumerate([(0, 1), (1, 3), (4, 2), (3, 1)]):
            for alpha in alphas:
                found = lens.edge(connection, i, j).at(alpha)
                if not found.is_dead:
                    yield found


def test_printed_numbers_add_up():
    generator = np.random.default_rng(0)
    for decimals in (0, 3, 6):
        for _ in range(200):
            parts = (generator.uniform(-1, 5, size=3) * 10.0 ** generator.integers(-3, 4)).tolist()
            shown, total = shown_sum(parts, decimals)
            assert round(sum(map(number, shown)), decimals) == pytest.approx(
                number(total), abs=10.0 ** -(decimals + 2)
            )
            assert number(total) == pytest.approx(sum(parts), abs=0.51 * 10.0**-decimals)
            for text, part in zip(shown, parts, strict=True):
                assert number(text) == pytest.approx(part, abs=2.1 * 10.0**-decimals)


def test_decimals_follow_the_size():
    assert decimals_for(12.34, 6) == 4
    assert decimals_for(0.05, 6) == 7
    assert decimals_for(123456789.0, 6) == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-0.00093590, "−0.0009359"),
        (4.99966, "5.000"),
        (1068.46, "1068"),
        (-2.925e-5, "−2.925·10⁻⁵"),
        (0.0, "0.0000"),
        (1.5e8, "1.500·10⁸"),
    ],
)
def test_a_number_has_as_many_digits_if_it_is_small(value, text):
    assert significant(value) == text


def test_there_is_one_account_of_the_mass_and_kappa_follows_from_the_numbers_that_are_shown():
    count = 0
    for found in edges():
        table = arithmetic(found, "light")
        cells = re.findall(r"<td(?: title=\"([^\"]*)\")?>(?:<i[^>]*></i>)?([^<]*)</td>", table)
        rows = [cells[at : at + 4] for at in range(0, 20, 4)]
        own = ways(found)
        assert sum(way.mass for way in own) == pytest.approx(1, abs=1e-9)
        assert sum(way.work for way in own) == pytest.approx(found.value)
        shares = [number(mass.rstrip("%")) for _, (_, mass), *_ in rows[:4] if mass != "–"]
        assert sum(shares) == pytest.approx(100, abs=1e-9)
        works = [number(work) for *_, (_, work) in rows[:4] if work != "–"]
        assert sum(works) == pytest.approx(number(rows[4][3][1].removeprefix("W = ")), abs=1e-9)
        for way, ((_, title), (exact, share), (mean, shown_mean), (work, _)) in zip(own, rows, strict=False):
            assert title == way.title
            assert (share == "–") == (way.mass == 0)
            if way.mass:
                assert number(exact) == pytest.approx(100 * way.mass)
                assert number(mean) == pytest.approx(way.work / way.mass)
                assert number(shown_mean) == pytest.approx(number(mean), rel=6e-4)
                assert number(work) == pytest.approx(way.work)
        first, kappa_line, *rest = formula(found)
        direct, value, saved = (number(text) for text in re.findall(r"= (−?[\d.]+)", first))
        assert direct - value == pytest.approx(saved, rel=2e-3, abs=2e-3 * value)
        above, below, kappa = re.search(r"= (−?[\d.]+) / ([\d.]+) = (−?[\d.]+)", kappa_line).groups()
        assert shown_number(number(above) / number(below)) == kappa
        assert number(kappa) == pytest.approx(found.curvature, abs=6e-4)
        assert len(rest) == (found.reduced_value is not None)
        for line in rest:
            assert line.endswith(f"= {kappa}")
            way, above, below = re.search(r"1 ([−+]) ([\d.]+) / ([\d.]+)", line).groups()
            assert shown_number(1 + number(f"{way}{above}") / number(below)) == kappa
        count += 1
    assert count > 20


def test_the_words_say_where_the_mass_lies_and_where_it_goes():
    for found in edges(alphas=(0.9,)):
        words = account_words(found)
        assert ("all of it lies on i" in words) == (not len(found.in_units))
        assert ("90% lies on i and 10%" in words) == bool(len(found.in_units))
        assert ("all of it has to go to j" in words) == (not len(found.out_units))


def test_words_fit_the_sign():
    seen = set()
    for found in edges(alphas=(0.9,)):
        words = meaning(found, LAYERS)
        kind = (
            "bottleneck" if found.curvature < -0.05 else "Redundant" if found.curvature > 0.05 else "Neither"
        )
        assert kind in words
        assert (found.connection == 0) == ("is an input" in words)
        assert (found.layers[1] == LAYERS - 1) == ("is a class" in words)
        seen.add(kind)
    assert {"bottleneck", "Redundant"} <= seen


def test_a_silent_edge_has_words_and_no_formula():
    net, x = networks.make("mlp", 1)
    net[0].bias.data[2] = -100.0
    found = look(net, x).edge(0, 1, 2).at()
    assert "Silent" in meaning(found, 3)
    assert formula(found) == []
    table = pairs(found, ["i"], ["j", *map(str, found.out_units)])
    assert (table["mass moved"] == 0).all()


def test_tables_hold_the_whole_problem():
    found = next(each for each in edges() if len(each.in_units) and len(each.out_units))
    left, right = (["i", *map(str, found.in_units)], ["j", *map(str, found.out_units)])
    table = pairs(found, left, right)
    assert len(table) == found.cost.size
    assert (table["distance"] * table["mass moved"]).sum() == pytest.approx(found.value)
    assert table.groupby("from")["mass moved"].sum().to_dict() == pytest.approx(
        dict(zip(left, found.source_measure, strict=True))
    )
    heard = neighbours(found, left, is_in=True)
    assert heard["% of the mass"].is_monotonic_decreasing
    # What stands in the table is what the picture is drawn from.
    assert heard["% of the mass"].sum() == pytest.approx(100 * found.plan[1:].sum())
    assert set(heard["unit"]) == set(left[1:])
    assert list(neighbours(found, right, is_in=False)) == ["unit", "% of the mass", "from j", "from i"]


def test_zero_has_no_sign():
    assert shown_number(-0.0001) == "0.000"
    assert shown_number(-1.5) == "−1.500"


def test_a_way_past_the_edge_is_said_in_the_arithmetic():
    net, x = wired.make("Beside", 3)
    lens = look(net, x)
    (index,) = [at for at, each in enumerate(lens.graph.connections) if each.name == "mix"]
    edges = lens.graph.connections[index].edges
    shorter = 0
    for i, j in zip(edges.source.tolist(), edges.target.tolist(), strict=True):
        found = lens.edge(index, i, j).at()
        if found.is_dead:
            continue
        says = formula(found)[0].startswith("d(i, j) = 1.0")
        assert says == (found.direct < found.length)
        shorter += says
    assert shorter
