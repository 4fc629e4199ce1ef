"""The pictures of one edge, as data."""

import numpy as np
import pytest

from ncviz.plots import palette
from ncviz.plots.curvature_figures import compressed
from ncviz.plots.edge.figures import alpha_curve, cost_matrix, plan_matrix, weight_curve
from ncviz.plots.edge.flow import ROUTE_COLOURS, bands, route_of
from tests.plots.test_palette import DEUTERANOPIA, lab

THEMES = ("light", "dark")


def problem(rows=12, columns=9, seed=0, share=0.5):
    """A plan whose first cell carries ``share`` of the mass, a cost, and names."""
    generator = np.random.default_rng(seed)
    plan = generator.uniform(size=(rows, columns))
    plan[0, 0] = 0
    plan *= (1 - share) / plan.sum()
    plan[0, 0] = share
    cost = generator.uniform(1, 5, size=(rows, columns))
    return plan, cost, [f"u{at}" for at in range(rows)], [f"v{at}" for at in range(columns)]


def test_small_neighbours_are_put_together_and_nothing_is_lost():
    plan, cost, left, right = problem()
    drawn = bands(plan, cost, left, right, most=4)
    assert drawn.left[0] == "u0"
    assert drawn.right[0] == "v0"
    assert drawn.left[-1] == "7 others"
    assert drawn.right[-1] == "4 others"
    assert drawn.mass.shape == drawn.work.shape == (6, 6)
    assert drawn.mass.sum() == pytest.approx(1)
    assert drawn.work.sum() == pytest.approx((plan * cost).sum())
    for name, mass in zip(drawn.left[:-1], drawn.mass.sum(axis=1), strict=False):
        assert mass == pytest.approx(plan[left.index(name)].sum())
    kept = drawn.mass.sum(axis=1)[1:-1]
    assert (np.diff(kept) <= 0).all()
    assert kept.min() >= np.delete(plan.sum(axis=1), [left.index(name) for name in drawn.left[:-1]]).max()


def test_a_single_other_keeps_its_name():
    plan, cost, left, right = problem(rows=6, columns=2)
    drawn = bands(plan, cost, left, right, most=4)
    assert sorted(drawn.left) == sorted(left)
    assert drawn.right == ("v0", "v1")


def test_neighbours_without_mass_to_speak_of_are_no_lines():
    plan, cost, left, right = problem(rows=6, columns=3)
    plan[3:] *= 1e-9
    drawn = bands(plan, cost, left, right)
    assert len(drawn.left) == 4
    assert drawn.left[-1] == "3 others"
    assert drawn.mass.sum() == pytest.approx(plan.sum())


@pytest.mark.parametrize("simulation", [np.eye(3), DEUTERANOPIA], ids=["normal", "deuteranopia"])
@pytest.mark.parametrize("theme", THEMES)
def test_routes_are_told_apart_and_are_not_taken_for_curvature(theme, simulation):
    def rgb(colour):
        return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]

    routes = lab(palette.linear_rgb([rgb(colour) for colour in ROUTE_COLOURS[theme].values()]) @ simulation.T)
    distances = [np.linalg.norm(routes[a] - routes[b]) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert min(distances) > 18
    strong = lab(palette.linear_rgb(palette.colors([-2.0, -1.0, 1.0, 2.0], theme, palette.USUAL)))
    if simulation is not DEUTERANOPIA:
        assert min(np.linalg.norm(route - end) for route in routes[1:] for end in strong) > 30


def test_the_plateau_is_marked_and_the_point_is_on_the_curve():
    alphas = np.array([0, 0.25, 0.5, 0.99])
    figure = alpha_curve(alphas, np.array([0.2, 0.3, 0.4, 0.4]), 0.25, 0.3, "light")
    (shade,) = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert (shade.x0, shade.x1) == (0.5, 1)
    assert any(annotation.text == "plateau" for annotation in figure.layout.annotations)
    assert (figure.data[1].x[0], figure.data[1].y[0]) == (0.25, 0.3)


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_weight_has_its_sign_and_its_mark(sign):
    weights = sign * np.logspace(-2, 1, 7)
    kappa = np.linspace(1.5, -400, 7)
    figure = weight_curve(weights, kappa, weights[2], kappa[2], weights[3], "dark")
    assert figure.layout.xaxis.type == "log"
    assert np.allclose(figure.data[0].x, np.abs(weights))
    assert np.allclose(figure.data[0].y, compressed(kappa))
    assert np.allclose(figure.data[0].customdata, kappa)
    assert all(text.startswith("−") == (sign < 0) for text in figure.layout.xaxis.ticktext)
    (mark,) = [shape for shape in figure.layout.shapes if shape.line.dash == "dash"]
    assert mark.x0 == pytest.approx(abs(weights[3]))
    (words,) = [note for note in figure.layout.annotations if note.text == "as trained"]
    assert words.x == pytest.approx(np.log10(abs(weights[3])))
    assert figure.data[1].customdata[0] == kappa[2]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (3e-5, 3e-2, ["10<sup>−4</sup>", "10<sup>−3</sup>", "10<sup>−2</sup>"]),
        (0.04, 40, ["0.1", "1", "10"]),
        (0.3, 2.2, ["0.5", "1", "2"]),
    ],
)
def test_stops_of_the_weight_are_few_and_short(low, high, expected):
    weights = np.geomspace(low, high, 5)
    axis = weight_curve(weights, np.linspace(1, -3, 5), weights[2], 0.0, weights[2], "light").layout.xaxis
    assert list(axis.ticktext) == expected
    assert axis.tickangle == 0


def test_the_plan_as_a_matrix_has_each_cell_in_its_route():
    plan, _, left, right = problem(rows=4, columns=3)
    plan[2, 1] = 0
    figure = plan_matrix(plan, left, right, "light")
    assert len(figure.data) == 3
    for route, trace in zip(("direct", "hub", "detour"), figure.data, strict=True):
        filled = ~np.isnan(trace.z)
        for row, column in np.argwhere(filled):
            assert route_of(row, column) == route
        assert np.allclose(trace.customdata, plan)
    assert sum((~np.isnan(trace.z)).sum() for trace in figure.data) == (plan > 0).sum()


def test_distances_are_in_lengths_of_the_edge():
    _, cost, left, right = problem(rows=4, columns=3)
    (trace,) = cost_matrix(cost, left, right, "dark").data
    assert trace.z[0, 0] == 1
    assert np.allclose(trace.z * cost[0, 0], cost)
