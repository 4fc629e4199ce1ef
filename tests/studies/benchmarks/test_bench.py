"""The benchmarks: the baselines say what the curvature says, the ratios come from the raw times."""

import json
from functools import partial

import numpy as np
import pytest
import torch

from ncviz.curvature import neural_curvature
from ncviz.errors import NcvizError
from ncviz.graph.activations import layer_activations, normalise
from ncviz.graph.build import build_graph
from ncviz.graph.paths import distances
from ncviz.studies.benchmarks import edges, suite, timing
from ncviz.studies.benchmarks.baselines import CLOSED_FORM, FULL, METHODS
from ncviz.studies.benchmarks.cases import networks
from ncviz.studies.benchmarks.cases import registry as cases
from ncviz.studies.benchmarks.estimates import expected_at, share_within
from ncviz.studies.benchmarks.gpu import measure_gpu
from ncviz.studies.benchmarks.minplus import chain_ends, dense_distances, dense_lengths
from ncviz.studies.benchmarks.peak import peak_memory
from ncviz.studies.benchmarks.pool import baseline_pool
from ncviz.studies.benchmarks.report import table_of
from tests.examples.networks import NETWORKS, make

SMALL = networks.TwoConv(2, 8)


def network(name):
    """Net, inputs of three samples, graph and normalised activations of a test network."""
    net, first = make(name, 3, zero_share=0.2)
    generator = torch.Generator().manual_seed(5)
    inputs = torch.cat([first, torch.rand(2, *first.shape[1:], generator=generator)])
    graph = build_graph(net, tuple(inputs.shape[1:]))
    return net, inputs, graph, [normalise(layer) for layer in layer_activations(net, graph, inputs)]


def listed(graph, activity):
    """Every live edge as (connection, sample, source, target, parameter, length), from the edge lists."""
    found = set()
    for index, connection in enumerate(graph.connections):
        own = connection.edges
        for sample in range(len(activity[0])):
            live = np.ones(len(own), dtype=bool)
            if index > 0:
                live &= activity[index][sample][own.source] > 0
            if index + 1 < len(graph.connections):
                live &= activity[index + 1][sample][own.target] > 0
            columns = (own.source, own.target, own.parameter, own.length)
            found |= {(index, sample, *row) for row in zip(*(c[live].tolist() for c in columns), strict=True)}
    return found


def rows(drawn):
    columns = (drawn.connection, drawn.sample, drawn.source, drawn.target, drawn.parameter, drawn.length)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_edges_are_the_live_ones(name):
    _, _, graph, activity = network(name)
    live = edges.live_counts(graph, activity)
    expected = listed(graph, activity)
    every = rows(edges.draw(graph, activity, live, None))
    assert len(every) == len(expected) == live.sum()
    assert set(every) == expected
    some = rows(edges.draw(graph, activity, live, total=10, least=2))
    assert len(set(some)) == len(some)
    assert set(some) <= expected
    assert all(np.bincount([row[0] for row in some]) >= np.minimum(2, live.sum(axis=1)))
    for index, connection in enumerate(graph.connections):
        weights = np.arange(0, connection.weight.size, 2)
        chosen = rows(edges.of_weights(graph, activity, index, weights))
        assert sorted(chosen) == sorted(row for row in expected if row[0] == index and row[4] % 2 == 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mlp", "conv_stride_padding", "conv_dilation_groups"])
@pytest.mark.parametrize("is_dense", [True, False])
def test_the_baselines_say_what_the_curvature_says(name, is_dense, monkeypatch):
    if not is_dense:
        monkeypatch.setattr("ncviz.studies.benchmarks.pool.MAX_DENSE_BYTES", 0)
    net, inputs, graph, activity = network(name)
    drawn = edges.draw(graph, activity, edges.live_counts(graph, activity), None)
    result = neural_curvature(net, inputs, keep_edges=True)
    ours = {
        (index, sample, i, j): k
        for index in range(len(graph.connections))
        for sample in range(len(inputs))
        for i, j, k in zip(*(part.tolist() for part in result.edges(index, sample)), strict=True)
    }
    expected = np.array([ours[row[:4]] for row in rows(drawn)])
    with baseline_pool(graph, distances(graph), activity, workers=1) as pool:
        for method in METHODS:
            solved = pool.solve(method, drawn)
            assert np.allclose(solved.curvature, expected, rtol=1e-8, atol=1e-8)
            assert (solved.seconds > 0).all()
            assert solved.wall > 0


def test_dense_min_plus_is_the_path_lengths():
    _, _, graph, _ = network("conv_stride_padding")
    two, three = dense_distances(dense_lengths(graph, "cpu"))
    ours = distances(graph)
    expected = [ours.tables[ends] for ends in chain_ends(graph)]
    for theirs, table in zip([*two, *three], expected, strict=True):
        assert np.array_equal(theirs.numpy(), table.dense())


def test_statistics():
    assert timing.summary([4.0, 1.0, 2.0, 3.0, 5.0]) == {"median": 3.0, "q1": 2.0, "q3": 4.0}
    assert timing.ratios([10.0, 30.0, 20.0], [5.0, 3.0, 4.0])["each"] == [2.0, 10.0, 5.0]
    assert timing.ratios([10.0, 30.0, 20.0], [5.0, 3.0, 4.0])["median"] == 5.0
    assert timing.log_slope([1, 2, 4], [3.0, 12.0, 48.0]) == pytest.approx(2.0)


@pytest.fixture
def run(run):
    return partial(run, "bench")


@pytest.fixture
def no_peak(monkeypatch):
    none = {"peak_bytes": None, "before_bytes": None, "seconds": 0.0}
    monkeypatch.setattr("ncviz.studies.benchmarks.measure.peak_memory", lambda *_: none)


@pytest.fixture
def on_the_cpu(monkeypatch):
    from ncviz.devices import Device

    monkeypatch.setattr("ncviz.studies.benchmarks.suite.available_devices", lambda: [Device("cpu", "")])


QUICK = ("conv-edges", "mlp-weights", "conv-min-plus", "channels", "solve-many", "ricci")


@pytest.mark.long
@pytest.mark.usefixtures("no_peak", "on_the_cpu")
def test_the_report_holds_raw_times_and_what_follows_from_them(run, tmp_path):
    path = tmp_path / "bench.json"
    chosen = [part for name in QUICK for part in ("--case", name)]
    code, out, err = run("--quick", "--repeats", 3, *chosen, "--json", path)
    assert (code, err) == (0, "")
    assert "ours cpu" in out
    found = json.loads(path.read_text("utf-8"))
    assert set(found) == {"format", "machine", "settings", "cases"}
    assert {"cpu_count", "cpu_model", "python", "torch", "numba", "pot", "devices"} <= set(found["machine"])
    assert found["machine"]["pot"]
    assert found["settings"]["repeats"] == 3
    assert [case["case"] for case in found["cases"]] == list(QUICK)
    for case in found["cases"][:2]:
        assert case["drawn_edges"] < case["live_edges"] <= case["edges"] * case["samples"]
        assert all(own["agrees"] and own["compared"] for own in case["agreement"].values())
        assert set(case["agreement"]) == {CLOSED_FORM, "ours cpu"}
        assert case["first_seconds"]["cpu"] > 0
        for method in (FULL, CLOSED_FORM):
            slow, fast = case["seconds"][method], case["seconds"]["ours cpu"]
            ratio = case["ratios"]["cpu"][method]
            assert len(slow) == len(fast) == 3
            assert ratio["each"] == [a / b for a, b in zip(slow, fast, strict=True)]
            assert ratio["median"] == pytest.approx(np.median(ratio["each"]))
            assert case["summary"][method]["median"] == pytest.approx(np.median(slow))
            assert case["per_sample"][method] == pytest.approx(np.median(slow) / case["samples"])
            assert 0 < case["sampling_error"][method] < 1
    minplus, growth, transport, graphs = found["cases"][2:]
    for row in graphs["rows"]:
        assert len(row["seconds"]) == len(row["core_seconds"]) == 3
        assert row["before_bytes"] <= row["peak_bytes"]
        assert row.get("difference", 0.0) < 1e-9
    for row in transport["rows"]:
        assert row["agreement"]["ours"]["agrees"]
        assert row["exact"] == transport["problems"] == 10
        assert all(len(own["each"]) == 3 for own in row["ratios"].values())
        assert 0 < row["error_of_entropic"] < 1
    assert minplus["agreement"]["ours cpu"]["agrees"]
    assert len(minplus["ratios"]["cpu"]["torch"]["each"]) == 3
    for line in growth["series"]:
        points = line["points"]
        assert [len(point["seconds"]) for point in points] == [3, 3]
        medians = [np.median(point["seconds"]) for point in points]
        x = [point["x"] for point in points]
        assert line["slope"] == pytest.approx(np.diff(np.log(medians))[0] / np.diff(np.log(x))[0])


@pytest.mark.slow
@pytest.mark.usefixtures("no_peak", "on_the_cpu")
def test_full_solves_every_live_edge(run, tmp_path):
    path = tmp_path / "bench.json"
    code, _, _ = run("--quick", "--full", "--repeats", 1, "--case", "conv-edges", "--json", path)
    assert code == 0
    (case,) = json.loads(path.read_text("utf-8"))["cases"]
    assert case["drawn_edges"] == case["live_edges"] == case["agreement"]["ours cpu"]["compared"]
    assert case["seconds"][FULL] == case["drawn_wall_seconds"][FULL]
    assert not case["is_scaled"]


@pytest.mark.slow
def test_workers_give_the_same_and_what_is_sent_is_counted():
    found = suite.measure(cases.find_case("workers", True), timing.Settings(repeats=1), lambda *_: None)
    assert table_of(found).row_count == 1
    (row,) = found["rows"]
    assert row["agreement"]["agrees"]
    assert len(row["core_seconds"]) == row["workers"] == 1
    sent = found["sent"]
    assert sent["parcels"] == 8
    assert sent["graph"] < sent["parts"]
    assert sent["different values"] < sent["values"]


def test_a_wrong_curvature_is_told():
    from ncviz.studies.benchmarks.agreement import difference, report_difference

    report = report_difference(difference(np.array([1.0, -10.0]), np.array([1.0, -10.1])))
    assert not report["agrees"]
    assert report["largest_difference"] == pytest.approx(0.1 / 10.1)
    assert report["compared"] == 2


@pytest.mark.slow
def test_peak_memory_is_that_of_a_fresh_process():
    ballast = np.ones(2**26)  # 512 MiB, which a child must not be charged with
    found = peak_memory("conv-edges", is_quick=True)
    assert ballast.nbytes > 0
    if found["peak_bytes"] is not None:
        assert 50 * 2**20 < found["before_bytes"] <= found["peak_bytes"]
    assert found["seconds"] > 0


def test_samples_come_class_by_class():
    _, three = networks.prepare("mlp-digits-relu", 3)
    _, twenty = networks.prepare("mlp-digits-relu", 20)
    assert torch.equal(three, twenty[:3])
    net, inputs = networks.prepare(SMALL, 2)
    assert net(inputs).shape == (2, 10)


@pytest.mark.slow
def test_the_script_for_a_gpu_runs_where_there_is_none():
    """All but the device; without one the command says so in a sentence, see below."""
    early = []
    found = measure_gpu(
        cases.find_case("gpu", True), timing.Settings(repeats=2), lambda *_: None, "cpu", early.append
    )
    (row,) = found["networks"]
    assert early == [{**found, "profile": []}]
    assert all(own["agrees"] for own in row["agreement"].values())
    assert (
        row["agreement"]["every edge"]["compared"] > row["agreement"]["least per weight"]["compared"] > 1000
    )
    assert row["work"]["live"] > row["work"]["solved"] > 0
    assert len(row["seconds"]) == 2
    assert found["profile"][0]["seconds"] >= found["profile"][-1]["seconds"] > 0
    assert table_of({"title": "", **found}).row_count == 1 + len(found["profile"])


def test_every_case_can_be_found_and_shrunk():
    for name in cases.CASES:
        assert cases.find_case(name).title
        assert cases.find_case(name, is_quick=True).title
    with pytest.raises(NcvizError, match="Unknown case"):
        cases.find_case("nothing")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--case", "gpu"), "Error: This machine has no CUDA GPU that torch can use; "),
        (("--case", "nothing"), "Error: Unknown case 'nothing'; choose among lenet-relu-edges, "),
        (("--repeats", "0"), "Error: repeats must be a whole number from 1 to 1000, got 0."),
        (("--json", f"{__file__}/bench.json"), "Error: Nothing can be written in "),
    ],
)
def test_bad_input_is_one_sentence(run, monkeypatch, arguments, sentence):
    monkeypatch.setattr("ncviz.studies.benchmarks.suite.run", lambda *_: pytest.fail("it went on"))
    code, _, err = run(*arguments)
    assert code == 2
    assert err.startswith(sentence)
    assert err.count("\n") == 1


def test_what_was_expected_is_read_at_the_marks():
    said = [(0.5, None), (2.0, 8.0), (4.0, 12.0), (7.0, 10.5)]
    assert expected_at(said, 10.0) == {"10%": None, "25%": 8.0, "50%": 12.0, "75%": 10.5}
    assert share_within([(None, 10.0), (14.9, 10.0), (15.1, 10.0), (6.7, 10.0), (6.6, 10.0)]) == (2, 4)
    assert share_within([(None, 1.0)]) == (0, 0)


@pytest.mark.slow
def test_estimates_stand_beside_what_was_taken():
    found = suite.measure(cases.find_case("estimates", True), timing.Settings(repeats=1), lambda *_: None)
    (row,) = found["rows"]
    assert row["seconds"] > 0 < row["before"]
    assert set(row["expected"]) == {"10%", "25%", "50%", "75%"}
    assert table_of(found).row_count == 2


@pytest.mark.slow
@pytest.mark.usefixtures("no_peak", "on_the_cpu")
def test_an_interrupt_ends_the_workers(run, monkeypatch):
    import multiprocessing

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("ncviz.studies.benchmarks.pool.BaselinePool.solve", stop)
    code, _, err = run("--quick", "--case", "conv-edges")
    assert code == 130
    assert err.strip() == "Interrupted; nothing was changed."
    assert not multiprocessing.active_children()
