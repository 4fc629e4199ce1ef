"""Networks of timm, where it is installed: weights that a forward computes, and what else torchvision does not have."""

import warnings

import pytest
import torch

from ncviz.graph.build import look_at
from ncviz.graph.values import sentence

timm = pytest.importorskip("timm")

NAMES = (
    "resnet18", "dla34", "dpn48b", "repvgg_a0", "mobileone_s0", "nf_resnet26", "regnetx_002", "resnetv2_50x1_bit",
    "seresnet18", "convnext_atto", "poolformerv2_s12",
)  # fmt: skip


STANDARDISED = ("nf_resnet26", "resnetv2_50x1_bit")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_gives_a_graph_or_one_sentence(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = timm.create_model(name, pretrained=False).eval()
    found = look_at(net, (3, 64, 64))
    if found.graph is None:
        told = sentence(found.problems)
        assert told.startswith("Layer")
        assert "\n" not in told
        return
    weights = dict(net.named_parameters())
    assert all(shape == tuple(weights[key].shape) for key, shape in found.graph.parameters.items())
    # What standardises its weights says so.
    assert ("compute their weights" in " ".join(found.graph.notes)) == (name in STANDARDISED)
    with torch.no_grad():
        assert net(torch.rand(1, 3, 64, 64)).shape == (1, found.graph.layer_sizes[-1])
