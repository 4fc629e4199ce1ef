"""The kernel without a GPU: its behaviour in CUDA's simulator, its types by compiling it."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[3]
IN_SIMULATOR = ("tests/transport/cuda/in_simulator.py", "tests/engine/on_device/in_simulator.py")


@pytest.mark.slow
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
