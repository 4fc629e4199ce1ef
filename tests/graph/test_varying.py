"""Products of activations: which edges they have on an image, and how long these are."""

from dataclasses import replace

import numpy as np

from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.varying import ActivationProduct

# Two rows times three columns, inner size two; one target is left out, and one factor's unit is none.
LEFT = np.array([[[0, 1], [2, 3]]])
RIGHT = np.array([[[0, 3], [1, 4], [2, -1]]])
TARGET = np.array([[[0, 1, 2], [3, -1, 4]]])
VALUES = [np.array([1.0, -2.0, 0.0, 4.0]), np.array([0.5, 3.0, -1.0, 8.0, 0.25]), np.ones(5)]


def product():
    return ActivationProduct("scores", 0, 1, 2, LEFT, RIGHT, TARGET)


def graph(**changes):
    made = NeuralGraph(((4,), (5,), (5,)), ("q", "k", "a"), (), (), ((), (), ()), products=(product(),))
    return replace(made, **changes)


def listed(link):
    own = link.edges
    return {(int(i), int(j)): float(x) for i, j, x in zip(own.source, own.target, own.length, strict=True)}


def test_each_factor_is_the_length_of_the_others_edges():
    left, right = {}, {}
    for m in range(2):
        for n in range(3):
            for k in range(2):
                i, o, j = LEFT[0, m, k], RIGHT[0, n, k], TARGET[0, m, n]
                if j < 0 or o < 0:
                    continue
                if VALUES[1][o] != 0:
                    left[i, j] = 1 / abs(VALUES[1][o])
                if VALUES[0][i] != 0:
                    right[o, j] = 1 / abs(VALUES[0][i])
    links = product().links_on(VALUES)
    assert [(each.source, each.target, each.parameter) for each in links] == [(0, 2, ""), (1, 2, "")]
    assert [listed(each) for each in links] == [left, right]
    assert (len(left), len(right)) == (8, 6)
    assert product().number_of_edges == 20


def test_an_activation_without_a_finite_length_is_no_edge():
    values = [VALUES[0] * 1e-310, *VALUES[1:]]
    assert not product().links_on(values)[1].number_of_edges
    assert product().links_on(values)[0].number_of_edges == 8


def test_a_graph_knows_what_its_products_join():
    own = graph()
    assert own.depends_on_image
    assert not own.is_chain
    assert [own.sources_of(layer) for layer in range(3)] == [(), (), (0, 1)]
    assert [own.targets_of(layer) for layer in range(3)] == [(2,), (2,), ()]
    on = own.on_image(VALUES)
    assert not on.depends_on_image
    assert [(each.source, each.target) for each in on.links] == [(0, 2), (1, 2)]
    assert on.sources_of(2) == (0, 1)
    assert on.into(2) == on.links
    assert graph(products=()).on_image(VALUES).links == ()
