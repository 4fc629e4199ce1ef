"""The kernel: in CUDA's simulator, compiled without a GPU, where it cannot run, and on a GPU."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ncviz.transport.cuda import solve
from tests.transport.cuda.blocks import TOLERANCE, edges_of, errors, problems
from tests.transport.test_simplex import MASSES, Block

ROOT = Path(__file__).parents[3]
IN_SIMULATOR = ("tests/transport/cuda/in_simulator.py", "tests/engine/on_device/in_simulator.py")


@pytest.mark.long
def test_in_the_simulator():
    """One process for all: numba looks for the simulator only when it is imported."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *IN_SIMULATOR],
        cwd=ROOT, env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}, capture_output=True, text=True, timeout=600,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


@pytest.mark.slow
def test_it_compiles_for_a_gpu(monkeypatch):
    """The simulator sees no types; NVIDIA's compiler does, and needs no GPU."""
    from numba import cuda, types
    from numba.cuda import dispatcher

    from ncviz.transport.cuda import kernel

    gpu = (7, 5)
    monkeypatch.setattr(
        dispatcher, "get_current_device", lambda: SimpleNamespace(compute_capability=gpu), raising=True
    )

    def arrays(*parts):
        return types.Tuple([types.Array(kind, axes, "C") for kind, axes in parts])

    double, word, number, large = types.float64, types.uint32, types.int32, types.uint64
    signature = (
        arrays(*((double, axes) for axes in (2, 2, 3, 3, 3, 3, 1)), (number, 2)),
        arrays((number, 2), (number, 2), (double, 1)),
        arrays((double, 2), (word, 2), (large, 3), (large, 2)),
        arrays((double, 1), (number, 1), (number, 1)),
        types.int64,
    )
    code, _ = cuda.compile_ptx(kernel.solve_streams.py_func, signature, cc=gpu)
    assert ".target sm_75" in code
    assert "bar.sync" in code
    # All it needs is in it: a function of the host would be called as an external one.
    assert ".extern .func" not in code


def _failing(monkeypatch, error):
    """Let the compiler or the driver raise an error."""

    def fails(*arguments):
        raise error

    monkeypatch.setattr(solve, "_FAILED", set())
    monkeypatch.setattr(solve, "is_simulated", lambda: True)
    monkeypatch.setattr(solve, "_solve_edges", fails)


def _cuda_errors():
    from cuda.core._utils.cuda_utils import CUDAError
    from numba.core.errors import TypingError
    from numba.cuda.cudadrv.driver import CudaAPIError, LinkerError
    from numba.cuda.cudadrv.error import CudaSupportError, NvvmError

    return [
        CUDAError("CUDA_ERROR_UNSUPPORTED_PTX_VERSION"), TypingError("no such type"), LinkerError("no linker"),
        CudaAPIError(803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"), CudaSupportError("no driver"), NvvmError("no NVVM"),
        OSError("libnvrtc.so: cannot open shared object file"), ImportError("No module named 'cuda'"),
    ]  # fmt: skip


def test_a_kernel_that_cannot_run_is_not_tried_again(monkeypatch):
    block = Block(0, 2, 2, 1, 1)
    for error in _cuda_errors():
        with monkeypatch.context() as patch:
            _failing(patch, error)
            assert solve.can_solve("cpu")
            with pytest.raises(solve.KernelError, match=type(error).__name__):
                solve.solve_edges(problems([block]), edges_of([block]))
            assert not solve.can_solve("cpu")
            assert solve.can_solve("cuda:1")


def test_a_full_memory_is_told_from_a_kernel_that_cannot_run(monkeypatch):
    from numba.cuda.cudadrv.driver import CudaAPIError

    block = Block(0, 2, 2, 1, 1)
    _failing(monkeypatch, CudaAPIError(2, "Call to cuLaunchKernel results in CUDA_ERROR_OUT_OF_MEMORY"))
    with pytest.raises(torch.OutOfMemoryError, match="cuLaunchKernel"):
        solve.solve_edges(problems([block]), edges_of([block]))
    assert solve.can_solve("cpu")


def test_a_fault_in_the_program_is_not_taken_for_a_kernel_that_cannot_run(monkeypatch):
    block = Block(0, 2, 2, 1, 1)
    for error in (TypeError("wrong"), IndexError("wrong"), torch.OutOfMemoryError("full")):
        with monkeypatch.context() as patch:
            _failing(patch, error)
            with pytest.raises(type(error), match=str(error)):
                solve.solve_edges(problems([block]), edges_of([block]))
            assert solve.can_solve("cpu")


@pytest.mark.gpu
@pytest.mark.skipif(
    not solve.can_solve("cuda:0") or not torch.cuda.is_available(), reason="needs a CUDA device"
)
@pytest.mark.parametrize("lengths", ["spread out", "equal", "with ties", "from 1e-8 to 1e8"])
def test_a_gpu_gives_the_cpus_values(lengths):
    rng = np.random.default_rng(0)
    blocks = [
        Block(seed, *rng.integers(1, 40, 2), 3, 4, lengths, masses, seed % 2 == 0)
        for seed, masses in enumerate(list(MASSES) * 4)
    ]
    edges = edges_of(blocks).to("cuda:0")
    found = solve.solve_edges(solve.Problems(*(part.to("cuda:0") for part in problems(blocks))), edges)
    value, is_solved, is_skipped = (part.cpu().numpy() for part in found[:3])
    assert not is_skipped.any()
    assert np.array_equal(np.isnan(value), ~is_solved)
    assert is_solved.mean() >= (0.8 if lengths == "from 1e-8 to 1e8" else 1.0)
    ends = np.cumsum([block.d.size for block in blocks])[:-1]
    for block, own, known in zip(blocks, np.split(value, ends), np.split(is_solved, ends), strict=True):
        assert errors(block, own)[0][known].max(initial=0) <= TOLERANCE
