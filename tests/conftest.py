"""What all tests share: a place of their own, the app, the command line, and the smallest network."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Before anything loads torch, and for every program that a test starts: tests run beside each other, one to a core.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# No test is about time: this machine may be doing anything beside.
settings.register_profile("ncviz", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ncviz")

ROOT = Path(__file__).parents[1]
MAIN = sys.modules["__main__"]
SLOW_SECONDS = 2
MOST_WORKERS = 4  # each of which may hold a server, a browser and two gigabytes
# How long Streamlit's test harness waits for one run of a page, on a busy machine.
SECONDS = 120


def pytest_xdist_auto_num_workers(config):
    """A worker for each core where everything runs; a few chosen files or tests are soonest done in one process."""
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return 0
    return min(len(os.sched_getaffinity(0)), MOST_WORKERS)


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup():
    """Streamlit puts a page in the main module's place, which processes that are started later would then run.

    Before each fixture, not by one: a fixture of a module may open a page, the next start processes.
    """
    sys.modules["__main__"] = MAIN


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call():
    sys.modules["__main__"] = MAIN


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.slow)
            # A machine that does anything beside may starve a browser; the summary names each that needed two tries.
            item.add_marker(pytest.mark.flaky(reruns=1))
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.slow)
    # Begun last, each would leave the other workers with nothing to do.
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_terminal_summary(terminalreporter):
    """Say which tests lack the mark; on a busy machine, some that do not need it."""
    for report in terminalreporter.stats.get("passed", ()):
        if report.duration > SLOW_SECONDS and "slow" not in report.keywords:
            terminalreporter.line(f"SLOW {report.nodeid}: {report.duration:.1f} s and not marked so")


@pytest.fixture(autouse=True)
def own_place(tmp_path, monkeypatch):
    """No test sees what this machine keeps, nor leaves anything there."""
    monkeypatch.setenv("NCVIZ_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NCVIZ_LIBRARY", str(tmp_path / "library"))
    monkeypatch.delenv("NCVIZ_DATA", raising=False)


@pytest.fixture
def store(tmp_path):
    """The store that a command or page of this test would open."""
    from ncviz.store import Store

    return Store(str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def network():
    """The smallest bundled network, which nothing changes."""
    from ncviz import tasks

    return tasks.open_network("mlp-digits-relu")


@pytest.fixture
def run(monkeypatch, capsys):
    """The command line as a function: arguments in; exit code, output and errors out."""
    from ncviz import cli

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["ncviz", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        out = capsys.readouterr()
        return caught.value.code or 0, out.out, out.err

    return call


@pytest.fixture
def from_here(monkeypatch):
    """The pages are asked for by the server's owner; Streamlit's test harness has no cookies."""
    from ncviz.ui.session import visitors

    monkeypatch.setattr(visitors, "is_owner", lambda: True)


@pytest.fixture
def from_elsewhere(from_here, monkeypatch):
    """The pages are asked for by somebody else."""
    from ncviz.ui.session import visitors

    monkeypatch.setattr(visitors, "is_owner", lambda: False)


@pytest.fixture
def open_app(from_here):
    """Opens the whole app in Streamlit's own test harness, each time with a session of its own; not yet run.

    Its link names the smallest network.
    """
    from streamlit.testing.v1 import AppTest

    def opened():
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=SECONDS)
        app.query_params["model"] = "mlp-digits-relu"
        return app

    yield opened
    # A thread that is still in compiled code when the interpreter ends takes the process down with it.
    from ncviz.ui.server import resources

    active = resources.registry().active()
    for job in active:
        job.cancel()
    assert all(job.wait(SECONDS) for job in active)


@pytest.fixture
def app(open_app):
    return open_app()


def missing(what):
    """Skip a test that needs a program which is not there; where everything must run, fail it."""
    if os.environ.get("NCVIZ_REQUIRE_BROWSER"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def node():
    """Runs a module of JavaScript in a folder and returns what it prints."""
    import shutil
    import subprocess

    program = shutil.which("node")
    if program is None:
        missing("needs Node.js")

    def run(code, folder):
        file = folder / "check.mjs"
        file.write_text(code)
        done = subprocess.run([program, str(file)], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
