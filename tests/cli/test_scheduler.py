"""--scheduler: a cluster's executor reaches the pipeline; whatever is wrong with the cluster is one sentence."""

import concurrent.futures
import operator
import socket
import sys

import pytest
from distributed import LocalCluster

from ncviz import tasks
from ncviz.cli import scheduler

ARGUMENTS = ["--model", "mlp-digits-relu"]


@pytest.fixture(scope="module")
def address():
    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address=None,
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def silent():
    """The address of a server that takes calls and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("command", [["curvature"], ["prune", "--sparsity", "0.5"]])
def test_the_executor_reaches_the_pipeline(run, monkeypatch, address, command):
    seen = []
    compute = tasks.Context.run

    def spy(self, task):
        seen.append(self.executor)
        assert self.executor.submit(operator.add, 20, 22).result(timeout=30) == 42
        return compute(self, task)

    monkeypatch.setattr(tasks.Context, "run", spy)
    code, _, err = run(*command, *ARGUMENTS, "--scheduler", address)
    assert (code, err) == (0, "")
    assert isinstance(seen[0], concurrent.futures.Executor)


def test_without_an_address_nothing_is_passed_on(run, monkeypatch):
    seen = []
    compute = tasks.Context.run

    def spy(self, task):
        seen.append(self)
        return compute(self, task)

    monkeypatch.setattr(tasks.Context, "run", spy)
    assert run("curvature", *ARGUMENTS)[0] == 0
    assert seen[0].executor is None


def test_the_client_is_closed_at_the_end(address):
    with scheduler.executor(address) as executor:
        assert executor.submit(operator.neg, 1).result(timeout=30) == -1
    with pytest.raises(Exception, match=r"closed|not running"):
        executor.submit(operator.neg, 2).result(timeout=30)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "8786",
        "localhost:8786",
        "tcp://localhost",
        "tcp://:8786",
        "tcp://localhost:0",
        "tcp://localhost:65536",
        "tcp://localhost:eight",
        "tcp://localhost:8786/status",
        "tcp://::1:8786",
        "http://localhost:8787",
    ],
)
def test_what_is_no_address_is_said(run, address):
    code, _, err = run("curvature", *ARGUMENTS, "--scheduler", address)
    assert code == 2
    assert err == f"Error: --scheduler expects tcp://HOST:PORT, got '{address}'.\n"


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:8786", "tcp://[::1]:8786", "tcp://my-host.example:1"])
def test_what_is_an_address_is_tried(run, monkeypatch, address):
    monkeypatch.setitem(sys.modules, "distributed", None)
    code, _, err = run("prune", *ARGUMENTS, "--scheduler", address)
    assert code == 2
    assert err == "Error: --scheduler needs dask.distributed; install it: pip install distributed.\n"


def test_a_scheduler_that_is_not_there_is_said(run, monkeypatch):
    monkeypatch.setattr(scheduler, "ANSWER_SECONDS", 0.5)
    code, _, err = run("curvature", *ARGUMENTS, "--scheduler", "tcp://127.0.0.1:9")
    assert code == 2
    assert err.startswith("Error: No dask scheduler answers at tcp://127.0.0.1:9; ")
    assert err.count("\n") == 1


def test_another_kind_of_server_does_not_hold_the_command_up(run, monkeypatch, silent):
    monkeypatch.setattr(scheduler, "ANSWER_SECONDS", 0.5)
    code, _, err = run("curvature", *ARGUMENTS, "--scheduler", silent)
    assert code == 2
    assert err.startswith(f"Error: No dask scheduler answers at {silent}; ")
    assert err.count("\n") == 1


def test_a_cluster_that_is_lost_midway_is_said(run, monkeypatch, address):
    def lost(*_, **__):
        raise concurrent.futures.CancelledError

    monkeypatch.setattr(tasks.Context, "run", lost)
    code, _, err = run("curvature", *ARGUMENTS, "--scheduler", address)
    assert code == 2
    assert (
        err
        == f"Error: The dask cluster at {address} was lost while computing; see that it runs, then try again.\n"
    )
