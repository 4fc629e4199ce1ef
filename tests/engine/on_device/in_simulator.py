"""A whole network, torch on the CPU and the kernel in CUDA's simulator; run by tests/transport/cuda/test_kernel.py."""

import os

os.environ["NUMBA_ENABLE_CUDASIM"] = "1"  # before numba is imported

import sys

import pytest
import torch
from numba.core.errors import TypingError

from ncviz import neural_curvature
from ncviz.engine.on_device import by_kernel
from ncviz.engine.on_device import certify as on_device
from ncviz.engine.on_device.lowest import Lowest
from ncviz.transport.cuda import proof, solve
from tests.engine.test_run import by_gpu, check, prepared

sys.setswitchinterval(1e-5)


@pytest.fixture(autouse=True)
def torch_on_the_cpu(monkeypatch):
    """Few threads, and no GPU behind the device's name."""
    certify = on_device.certify
    monkeypatch.setattr(
        on_device, "certify", lambda plan, layers, first, last, device, **options: certify(
            plan, layers, first, last, "cpu", **options
        )
    )  # fmt: skip
    own = solve.solve_edges
    monkeypatch.setattr(
        by_kernel, "solve_edges", lambda problems, edges, floor: own(problems, edges, floor, threads=3)
    )


def compare(name, keep_edges=False, keep_samples=False):
    """Compare a network's curvature with the CPU's; return what was done for it."""
    net, x, graph, activity = prepared(name)
    here = neural_curvature(net, x, keep_edges=keep_edges, keep_samples=keep_samples)
    found = by_gpu(graph, activity, keep_edges, keep_samples)
    check(found, here, graph, len(x))
    assert not keep_edges or all(own.grids for own in found)
    return [own.work for own in found]


@pytest.mark.parametrize(("keep_edges", "keep_samples"), [(False, False), (True, False), (False, True)])
def test_the_cpu_has_nothing_left_to_do(keep_edges, keep_samples):
    own = compare("conv", keep_edges, keep_samples)
    assert sum(work.solved for work in own) > 0
    assert sum(work.left for work in own) == 0
    for work in own:
        assert work.on_device == work.closed + work.certified + work.solved
        if keep_edges:
            assert work.on_device == work.live


@pytest.mark.parametrize("keep_edges", [False, True])
def test_what_is_left_goes_to_the_cpu_and_is_counted(keep_edges, monkeypatch):
    monkeypatch.setattr(proof, "PROVED", -1.0)
    own = compare("conv", keep_edges)
    assert sum(work.left for work in own) > 0
    assert sum(work.on_device for work in own) < sum(
        work.closed + work.certified + work.solved for work in own
    )


def test_no_edge_is_given_to_the_kernel_twice(monkeypatch):
    monkeypatch.setattr(proof, "PROVED", -1.0)
    own, given = by_kernel.ByKernel._wanted, []

    def wanted(self, edges, at, *arguments):
        which, floor = own(self, edges, at, *arguments)
        weight, code = at[0], at[1][:, None, None].expand_as(which)
        given.extend((self, *edge) for edge in zip(code[which].tolist(), weight[which].tolist(), strict=True))
        return which, floor

    monkeypatch.setattr(by_kernel.ByKernel, "_wanted", wanted)
    work = compare("conv")
    assert sum(each.left for each in work) == len(given) == len(set(given)) > 0


def test_out_of_memory_halves_the_chunk(monkeypatch):
    own, asked = by_kernel.solve_edges, []

    def sometimes(problems, *arguments):
        asked.append(len(problems.p))
        if len(asked) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return own(problems, *arguments)

    monkeypatch.setattr(by_kernel, "solve_edges", sometimes)
    work = compare("conv", keep_edges=True)
    assert asked[1] <= (asked[0] + 1) // 2
    assert all(each.on_device == each.live for each in work)


@pytest.mark.parametrize(
    ("owner", "name", "keep_edges"),
    [(on_device._Run, "_fill", True), (Lowest, "lower", True), (Lowest, "lower", False)],
)
def test_out_of_memory_after_the_kernel_counts_nothing_twice(owner, name, keep_edges, monkeypatch):
    """What follows the kernel runs out of memory, the first time that it follows on each call of the kernel."""
    expected = compare("conv", keep_edges)
    solved, own, after = by_kernel.solve_edges, getattr(owner, name), [False]
    raised = []

    def solve_edges(*arguments):
        after[0] = len(arguments[1]) > 1 and len(raised) < 3
        return solved(*arguments)

    def sometimes(self, *arguments):
        if after[0]:
            after[0] = False
            raised.append(name)
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return own(self, *arguments)

    monkeypatch.setattr(by_kernel, "solve_edges", solve_edges)
    monkeypatch.setattr(owner, name, sometimes)
    found = compare("conv", keep_edges)
    assert raised
    assert [each.on_device + each.left + each.skipped for each in found] == [
        each.on_device + each.left + each.skipped for each in expected
    ]
    if keep_edges:
        assert found == expected


def test_a_kernel_that_cannot_run_is_tried_once_and_done_without(monkeypatch):
    asked = []

    def fails(*arguments):
        asked.append(arguments)
        raise TypingError("no such type")

    monkeypatch.setattr(solve, "_FAILED", set())
    monkeypatch.setattr(solve, "_solve_edges", fails)
    with pytest.warns(RuntimeWarning, match="cannot run") as warned:
        work = [*compare("conv", keep_samples=True), *compare("conv")]
    assert sum(each.solved for each in work) > 0
    assert len(asked) == 1
    assert sum("cannot run" in str(each.message) for each in warned) == 1
