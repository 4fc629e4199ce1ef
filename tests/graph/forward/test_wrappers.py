"""What is wrapped around a network is looked through; what holds no numbers is refused with what to give instead."""

import io

import pytest
import torch
from torch import nn

from ncviz import accuracy, build_graph, neural_curvature, prune, pruning_scores
from ncviz.errors import ModelError


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(18, 4)).eval()


class Behind(nn.Module):
    """A wrapper inside of a network."""

    def __init__(self, wrap):
        super().__init__()
        net = network()
        self.features, self.head = wrap(net[:3]), net[3]

    def forward(self, x):
        return self.head(self.features(x))


def averaged(net):
    return torch.optim.swa_utils.AveragedModel(net)


WRAPPERS = {
    "DataParallel": (nn.DataParallel, "module."),
    "torch.compile": (torch.compile, "_orig_mod."),
    "AveragedModel": (averaged, "module."),
    "AveragedModel of DataParallel": (lambda net: averaged(nn.DataParallel(net)), "module.module."),
    "compiled DataParallel": (lambda net: torch.compile(nn.DataParallel(net)), "_orig_mod.module."),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRAPPERS)
def test_a_wrapped_network_is_the_network_under_the_wrappers_names(name):
    wrap, prefix = WRAPPERS[name]
    net, x = network(), torch.rand(3, 1, 5, 5)
    wrapped = wrap(network())
    expected, found = neural_curvature(net, x), neural_curvature(wrapped, x)
    assert list(found.weights) == [prefix + each for each in expected.weights]
    for key, value in expected.weights.items():
        assert torch.equal(found.weights[prefix + key], value)
    assert found.graph.notes == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", WRAPPERS)
def test_pruning_works_on_what_was_given(name):
    wrap, prefix = WRAPPERS[name]
    net, x = network(), torch.rand(3, 1, 5, 5)
    wrapped, labels = wrap(network()), torch.tensor([0, 1, 2])
    scores = pruning_scores(wrapped, "curvature", inputs=x)
    pruned = prune(wrapped, scores, sparsity=0.5)
    expected = prune(net, pruning_scores(net, "curvature", inputs=x), sparsity=0.5)
    weights = dict(pruned.named_parameters())
    assert type(pruned) is type(wrapped)
    for key, value in expected.named_parameters():
        assert torch.equal(weights[prefix + key], value)
    assert accuracy(pruned, x, labels) == accuracy(expected, x, labels)


@pytest.mark.slow
@pytest.mark.parametrize("wrap", [nn.DataParallel, torch.compile, averaged])
def test_a_wrapper_within_is_looked_through(wrap):
    x = torch.rand(3, 1, 5, 5)
    expected, found = neural_curvature(network(), x), neural_curvature(Behind(wrap).eval(), x)
    for a, b in zip(expected.weights.values(), found.weights.values(), strict=True):
        assert torch.equal(a, b)


def test_ddp_is_looked_through_though_it_cannot_be_copied(tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        wrapped = nn.parallel.DistributedDataParallel(network())
        graph = build_graph(wrapped, (1, 5, 5))
    finally:
        torch.distributed.destroy_process_group()
    assert list(graph.parameters) == ["module.0.weight", "module.3.weight"]


@pytest.mark.parametrize("images", [1, 2, 7])
def test_an_exported_module_takes_any_number_of_images(images):
    net, x = network(), torch.rand(3, 1, 5, 5)
    file = io.BytesIO()
    torch.export.save(torch.export.export(net, (torch.rand(images, 1, 5, 5),)), file)
    file.seek(0)
    found = neural_curvature(torch.export.load(file).module(), x)
    expected = neural_curvature(net, x)
    assert list(found.weights) == list(expected.weights)
    for key, value in expected.weights.items():
        assert torch.allclose(found.weights[key], value, atol=1e-12)


class Viewed(nn.Module):
    """Whose export for one image has the number of images in a shape."""

    def __init__(self):
        super().__init__()
        self.net = network()

    def forward(self, x):
        x = self.net[1](self.net[0](x))
        return self.net[3](x.view(x.size(0), -1))


def test_a_program_for_one_image_alone_says_so():
    program = torch.export.export(Viewed().eval(), (torch.rand(1, 1, 5, 5),)).module()
    with pytest.raises(ModelError, match="exported for batches of 1 and nothing else; give the network"):
        build_graph(program, (1, 5, 5))


def test_a_network_says_itself_why_an_image_does_not_fit():
    class Fixed(Viewed):
        def forward(self, x):
            height = x.shape[-2]
            torch._assert(height == 5, f"expected 5 rows, got {height}")
            return super().forward(x)

    with pytest.raises(ModelError, match=r"does not fit the network .*: expected 5 rows, got 8\."):
        build_graph(Fixed().eval(), (1, 8, 5))


@pytest.mark.filterwarnings("ignore")
def test_the_accuracy_of_torchscript_is_refused():
    scripted = torch.jit.trace(network(), torch.rand(1, 1, 5, 5))
    with pytest.raises(ModelError, match="is TorchScript.*give the nn.Module that torch.jit was called with"):
        accuracy(scripted, torch.rand(2, 1, 5, 5), torch.tensor([0, 1]))


def test_an_ema_copy_with_no_forward_names_what_to_give():
    class Ema(nn.Module):
        def __init__(self, net):
            super().__init__()
            self.module = net

    with pytest.raises(
        ModelError, match=r"^The network \(Ema\) has no forward of its own; give net\.module\.$"
    ):
        build_graph(Ema(network()), (1, 5, 5))


def on_meta():
    with torch.device("meta"):
        return network()


def quantised():
    return torch.ao.quantization.quantize_dynamic(network(), {nn.Linear})


def unwired():
    net = nn.Sequential(nn.Flatten(), nn.LazyLinear(4))
    return net.eval()


def complex_():
    return nn.Sequential(nn.Flatten(), nn.Linear(25, 4, dtype=torch.complex64))


class FullyShardedDataParallel(nn.Module):
    """Stands for torch's own, which needs several processes."""

    def forward(self, x):
        return x


FullyShardedDataParallel.__module__ = "torch.distributed.fsdp.fully_sharded_data_parallel"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: torch.jit.trace(network(), torch.rand(1, 1, 5, 5)), "TorchScript.*give the nn.Module that"),
        (lambda: torch.jit.script(network()), "TorchScript.*give the nn.Module that"),
        (on_meta, r"'0\.weight' lies on the meta device.*load its trained weights"),
        (quantised, r"Layer '3' \(Linear\) is quantised; give the network as it was before"),
        (unwired, "lazy and has no weights yet; run the network once"),
        (complex_, r"'1\.weight' is complex .*expected real numbers"),
        (FullyShardedDataParallel, "holds a part of each weight; build the network without FSDP"),
        (lambda: nn.Linear, "itself; give a network of that kind: Linear"),
        (lambda: network().state_dict(), "build the network and give it these weights"),
        (lambda: torch.export.export(network(), (torch.rand(1, 1, 5, 5),)), r"give net\.module\(\)"),
        (lambda: lambda x: x, "net must be an nn.Module, got function"),
    ],
)
def test_what_holds_no_numbers_says_what_to_give_instead(make, words):
    with pytest.raises(ModelError, match=words):
        build_graph(make(), (1, 5, 5))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_number_types_do_not_matter(dtype):
    net = network().to(dtype)
    x = torch.rand(3, 1, 5, 5).to(dtype)
    found, expected = neural_curvature(net, x), neural_curvature(network().to(dtype).double(), x.double())
    for key, value in expected.weights.items():
        assert torch.equal(found.weights[key], value)


def test_memory_format_does_not_matter():
    x = torch.rand(3, 1, 5, 5)
    net = network().to(memory_format=torch.channels_last)
    found, expected = (
        neural_curvature(net, x.to(memory_format=torch.channels_last)),
        neural_curvature(network(), x),
    )
    for key, value in expected.weights.items():
        assert torch.allclose(found.weights[key], value, atol=1e-12)
