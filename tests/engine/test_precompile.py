"""What is compiled before anyone asks for it is all that a network needs, and nobody compiles it twice."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ncviz import compiled
from ncviz.engine import precompile
from ncviz.errors import CancelledError

ROOT = Path(__file__).parents[2]
# Signatures, not files: the code may well have been compiled on this machine before.
EVERYTHING = """
import sys
import numba, torch
from ncviz.engine.__main__ import compile_all
from ncviz.engine import precompile

def signatures():
    found = {}
    for name, module in list(sys.modules.items()):
        if name.startswith("ncviz."):
            for value in vars(module).values():
                # Those that only compiled code calls have none here when they come from the cache.
                if isinstance(value, numba.core.dispatcher.Dispatcher) and value.signatures:
                    found[f"{value.__module__}.{value.__name__}"] = set(value.signatures)
    return found

compile_all()
precompile.begin()
assert precompile._process is None, "what has just been compiled is compiled again"
before = signatures()
needed = {
    "ncviz.engine.kernels.search", "ncviz.engine.edges.promising.search_promising",
    "ncviz.engine.kernels.scan", "ncviz.ricci.solving.solve_edges",
    "ncviz.transport.many.batch.solve_range", "ncviz.transport.many.full.solve_full_group",
}
assert needed <= before.keys(), before.keys()
from ncviz import neural_curvature, ollivier_ricci
from ncviz.transport import solve_many
from tests.examples.wired import WIRED, make
for number, name in enumerate(WIRED):
    for share, zero_share in enumerate((0.0, 0.4)):
        net, x = make(name, 1, zero_share)
        last = [name for name, values in net.named_parameters() if values.ndim > 1 and values.any()][-1]
        every = {}, {"keep_edges": True}, {"keep_samples": True}, {"channels": 1}, {"layers": [last]}
        # Each network with all of them, and with both shares; each of them with both shares, of every other network.
        for options in every[(number + share) % 2 :: 2]:
            neural_curvature(net, torch.cat([x, 1 - x]), **options)
neural_curvature(net, x, alpha=0.3)
neural_curvature(net, x, alpha=0.3, time_limit=60)
import networkx
for options in ({}, {"weight": "weight"}):
    ollivier_ricci(networkx.karate_club_graph(), **options)
    ollivier_ricci(networkx.karate_club_graph().to_directed(), 0.2, **options)
solve_many([[1.0, 2.0], [3.0, 1.0]], [0.5, 0.5], [0.5, 0.5], threads=2)
after = signatures()
assert after == before, {name: after[name] - before.get(name, set()) for name in after}
"""


@pytest.mark.long
def test_what_is_compiled_ahead_is_all_that_is_needed():
    command = [sys.executable, "-c", EVERYTHING]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def command(monkeypatch):
    """Another program in place of the compiler; returns what was started."""
    started = []

    def begin_with(code, is_cached=False):
        real = subprocess.Popen

        def popen(arguments, **options):
            started.append((arguments, options))
            return real([sys.executable, "-c", code], stdout=options["stdout"])

        monkeypatch.setattr(precompile, "_process", None)
        monkeypatch.setattr(precompile, "_is_ready", threading.Event())
        monkeypatch.setattr(compiled, "is_cached", lambda function: is_cached)
        monkeypatch.setattr(precompile.subprocess, "Popen", popen)
        precompile.begin()
        return started

    yield begin_with
    if precompile._process is not None:
        precompile._process.kill()
        precompile._process.wait()


def test_the_first_computation_waits_for_it_and_says_so(command):
    started = command("import time; time.sleep(0.5); print(flush=True); time.sleep(600)")
    precompile.begin()
    [(arguments, options)] = started
    assert arguments[1:] == ["-m", "ncviz.engine", precompile.FOLLOW]
    assert options["env"]["NUMBA_CACHE_DIR"] == compiled.cache_folder()
    assert (options["cwd"] / "ncviz").is_dir()
    said = []
    precompile.wait(lambda fraction, message: said.append(message))
    assert said == [precompile.PREPARING]
    assert precompile._process.poll() is None  # what only others need is still to come
    precompile.wait(lambda fraction, message: said.append(message))
    assert len(said) == 1


def test_who_waits_can_cancel_and_it_goes_on_for_the_others(command):
    command("import time; time.sleep(60)")
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(CancelledError):
        precompile.wait(lambda fraction, message: None, cancel)
    assert precompile._process.poll() is None


def test_a_compiler_that_fails_keeps_nobody_waiting(command):
    command("raise SystemExit(1)")
    precompile.wait(lambda fraction, message: None)
    precompile._process.wait()


def test_it_ends_with_a_server_that_is_killed():
    child = "from ncviz.engine.precompile import end_with_stdin as end; end(); print(0, flush=True); "
    server = (
        "import subprocess, sys, time;"
        f"child = subprocess.Popen([sys.executable, '-c', {child + 'import time; time.sleep(600)'!r}],"
        "stdin=subprocess.PIPE); print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", server], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        lines = {parent.stdout.readline().strip() for _ in range(2)}
        parent.kill()
        # The pipe that both write to is closed once neither lives.
        assert parent.communicate(timeout=60)[0] == ""
    assert "0" in lines


def test_it_ends_by_itself_without_a_fatal_error():
    code = "from ncviz.engine.precompile import end_with_stdin as end; end(); print(0)"
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE) as child:
        assert child.wait(60) == 0


def test_nothing_is_started_where_it_was_compiled_before(command):
    assert command("", is_cached=True) == []
    precompile.wait(lambda fraction, message: pytest.fail("waited for nothing"))
