"""What links call layers, and which of them a link means."""

import pytest

from ncviz.scene.names import connection_links, place_of, unit_layer_links
from tests.examples import shipped


def test_links_call_layers_by_their_modules():
    lenet, vgg = (shipped.curvature(name) for name in ("lenet-mnist-relu", "vgg9-cifar10-relu"))
    assert connection_links(lenet) == ("conv-0", "conv-2", "linear-5", "linear-7", "linear-9")
    assert unit_layer_links(lenet)[0] == "input"
    assert unit_layer_links(lenet)[1:3] == ("conv-0", "conv-2")
    for record in (lenet, vgg):
        for names in (connection_links(record), unit_layer_links(record)):
            assert len(set(names)) == len(names)
            # By its name and, as links had it before, by its place.
            assert [place_of(name, names) for name in names] == list(range(len(names)))
            assert [place_of(str(at), names) for at in range(len(names))] == list(range(len(names)))


@pytest.mark.parametrize("link", ["", "conv-9", "3", "-1"])
def test_a_link_to_no_layer_means_none(link):
    assert place_of(link, ("conv-0", "conv-2", "linear-5")) is None
