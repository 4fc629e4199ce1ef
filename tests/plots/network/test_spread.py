from dataclasses import replace

import pytest

from ncviz.plots.network.spread import spreads
from ncviz.scene.layered_network import network_view
from tests.examples import shipped


@pytest.mark.parametrize("detail", ["channels", "units", "positions"])
def test_a_unit_has_as_many_inputs_as_weights_in_every_detail(detail):
    network, record = shipped.network("lenet-mnist-relu"), shipped.curvature("lenet-mnist-relu")
    view = network_view(record, network.arrays, network.dataset_spec.classes, detail)
    assert [each["inputs"] for each in spreads(view)] == [6 * 6, 6 * 6 * 6, 256, 120, 84]
    # Of a part of the weights nobody can count a unit's inputs.
    assert {each["inputs"] for each in spreads(replace(view, unmeasured=1))} == {0}
