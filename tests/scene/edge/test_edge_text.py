"""What the Edge page says: numbers that add up as they are printed, and words that fit the numbers."""

import re

import numpy as np
import pytest

from ncviz.explain import look
from ncviz.scene.edge.numbers import arithmetic, formula, neighbours, pairs, shown_sum
from ncviz.scene.edge.text import decimals_for, meaning, significant
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


def test_the_table_adds_up_to_w_and_the_formula_goes_on_from_there():
    count = 0
    for found in edges():
        cells = re.findall(r"<td>(?:<i[^>]*></i>)?([^<]*)</td>", arithmetic(found, "light"))
        rows = [cells[at : at + 4] for at in range(0, 16, 4)]
        work = [number(row[3]) for row in rows]
        assert sum(work[:3]) == pytest.approx(work[3], abs=1e-9)
        assert work[3] == pytest.approx(found.value, rel=1e-5)
        assert sum(number(row[1]) for row in rows[:3]) == pytest.approx(1, abs=1e-9)
        routes = (found.direct_route, found.hub_route, found.detour_route)
        for (_, mass, mean, product), route in zip(rows[:3], routes, strict=True):
            decimals = len(product.partition(".")[2])
            if mean == "–":
                assert number(mass) == 0
            else:
                assert f"{number(mass) * number(mean):.{decimals}f}" == product
                assert number(mean) == pytest.approx(route.work / route.mass, rel=1e-3)
        ratio_line, kappa_line, *rest = formula(found)
        above, below, ratio = re.search(r"= ([\d.]+) / ([\d.]+) = ([\d.]+)", ratio_line).groups()
        assert number(above) == pytest.approx(work[3], abs=1e-9)
        assert f"{number(above) / number(below):.6f}" == ratio
        kappa = number(kappa_line.split("= ")[-1])
        assert shown_number((1 - number(ratio)) / (1 - found.alpha)) == shown_number(kappa)
        assert kappa == pytest.approx(found.curvature, abs=6e-4)
        assert len(rest) == (found.reduced_value is not None)
        for line in rest:
            assert number(line.split("= ")[-1]) == kappa
            way, above, below = re.search(r"1 ([−+]) ([\d.]+) / ([\d.]+)", line).groups()
            assert shown_number(1 + number(f"{way}{above}") / number(below)) == shown_number(kappa)
        count += 1
    assert count > 20


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
    assert heard["mass p"].is_monotonic_decreasing
    assert set(heard["unit"]) == set(left[1:])
    assert list(neighbours(found, right, is_in=False)) == ["unit", "mass q", "from j", "from i"]


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
