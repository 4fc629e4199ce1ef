"""What a result keeps of the links between layers: every edge of a product is one of its channels and places."""

import numpy as np

from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.varying import ActivationProduct
from ncviz.tasks.curvature.links import stored_links
from ncviz.tasks.curvature.places import unpacked

HEADS, WIDTH, TOKENS = 2, 3, 4


def attention():
    """Queries, keys, scores, values and what comes out, of two heads."""
    tokens, wide = np.arange(TOKENS), np.arange(HEADS * WIDTH).reshape(HEADS, 1, WIDTH)
    of_token = wide * TOKENS + tokens[:, None]  # [heads, tokens, width]
    scores = np.arange(HEADS * TOKENS * TOKENS).reshape(HEADS, TOKENS, TOKENS)
    asked = ActivationProduct("qk", 0, 1, 2, of_token, of_token, scores)
    mixed = ActivationProduct("av", 2, 3, 4, scores, of_token.transpose(0, 2, 1), of_token)
    row = (HEADS * WIDTH, TOKENS)
    shapes = (row, row, (HEADS, TOKENS, TOKENS), row, row)
    return NeuralGraph(shapes, tuple("qkavz"), (), (), ((),) * 5, products=(asked, mixed))


def test_both_factors_of_a_product_are_kept():
    graph = attention()
    found = stored_links(graph)
    assert [(link.name, link.kind, link.source, link.target) for link in found] == [
        ("qk", "product", 0, 2), ("qk", "product", 1, 2), ("av", "product", 2, 4), ("av", "product", 3, 4),
    ]  # fmt: skip
    ones = [np.ones(size) for size in graph.layer_sizes]
    for link, own in zip(found, graph.on_image(ones).links, strict=True):
        edges = own.edges
        before, after = (int(np.prod(graph.layer_shapes[layer][1:])) for layer in (link.source, link.target))
        channels = {(s // before, t // after) for s, t in zip(edges.source, edges.target, strict=True)}
        assert channels == set(map(tuple, link.channels.tolist()))
        places = {(t % after, s % before) for s, t in zip(edges.source, edges.target, strict=True)}
        read = unpacked(link.places)
        assert places == {(at, int(place)) for at, row in enumerate(read) for place in row if place >= 0}
        assert link.edges == len(edges)


def test_a_score_reads_one_query_and_one_key():
    query, key, *_ = (unpacked(link.places) for link in stored_links(attention()))
    assert query.tolist() == [[at // TOKENS] for at in range(TOKENS**2)]
    assert key.tolist() == [[at % TOKENS] for at in range(TOKENS**2)]
