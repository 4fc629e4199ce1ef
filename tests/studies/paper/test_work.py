"""Steps that are done once, kept, and gone on with; a report that is what slow direct code finds."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

import ncviz
from ncviz import tasks
from ncviz.data.datasets import load_dataset
from ncviz.errors import CancelledError, DataError, ModelError, NcvizError
from ncviz.models.zoo import MODELS, Recipe
from ncviz.store import Store
from ncviz.studies.paper import estimate, plan, trained, work
from ncviz.studies.paper.measured import gather, points_csv, select
from ncviz.studies.paper.plan import Experiment, Part, curves
from ncviz.studies.paper.report import write_report
from ncviz.studies.paper.work import CurvatureStep, CurveStep, TrainStep, Work, check_data
from tests.examples.contexts import NOWHERE, here

PLAN = Experiment(
    "tiny",
    "Tiny",
    "digits",
    (
        Part(("mlp-digits-relu",), ("curvature", "magnitude", "wanda", "random"), (1, 2), (0, 1)),
        Part(("mlp-digits-relu",), ("curvature",), (1,), (0, 1), (0.1,), ("global",), is_aside=True),
    ),
    (0.0, 0.01, 0.5, 0.9),
)
OWN = replace(
    MODELS["mlp-digits-relu"],
    name="own-digits",
    title="Own",
    checkpoint="own-digits.safetensors",
    recipe=Recipe(3, 64, 0.01),
)


def make(tmp_path, name="one", experiment=PLAN, **options):
    return Work(experiment, here(Store(str(tmp_path / name / "cache"))), tmp_path / name / "out", **options)


def run(own, progress=lambda step, fraction, message: None):
    return list(own.run(progress))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    own = make(tmp_path_factory.mktemp("finished"))
    return own, run(own)


def slowly(criterion, samples, seed, alpha, scope, order, sparsity):
    """Accuracy of the pruned network, from the definition of everything."""
    net, pool, test = (
        ncviz.load_model("mlp-digits-relu"),
        load_dataset("digits", "train"),
        load_dataset("digits"),
    )
    indices = torch.arange(len(pool))
    if seed:
        indices = torch.randperm(len(pool), generator=torch.Generator().manual_seed(seed))
    chosen = []
    for label in range(10):
        right = [
            i
            for i in indices.tolist()
            if pool.labels[i] == label and net(pool.inputs[i : i + 1]).argmax() == label
        ]
        chosen += right[:samples]
    scores = ncviz.pruning_scores(
        net, criterion, inputs=pool.inputs[chosen], labels=pool.labels[chosen], alpha=alpha, seed=seed
    )
    pruned = ncviz.prune(net, scores, sparsity=sparsity, scope=scope, order=order)
    return ncviz.accuracy(pruned, test.inputs, test.labels)


@pytest.mark.slow
def test_what_is_measured_is_what_slow_direct_code_finds(finished):
    groups = gather(finished[0])
    rows = list(csv.DictReader(io.StringIO(points_csv(groups))))
    assert len(rows) == 4 * len(curves(PLAN))
    assert len({tuple(row.values())[: list(row).index("removed")] for row in rows}) == len(rows)
    for row in np.random.default_rng(0).permutation(rows)[:24]:
        expected = slowly(
            row["criterion"],
            int(row["samples"] or 1),
            int(row["seed"] or 0),
            float(row["alpha"] or 0.9),
            row["scope"],
            row["order"],
            float(row["sparsity"]),
        )
        assert float(row["accuracy"]) == pytest.approx(expected, abs=1e-6), row
        assert int(row["removed"]) == round(float(row["sparsity"]) * 2720)
        assert row["images"] == "360"


@pytest.mark.slow
def test_the_steps_are_curvatures_before_what_needs_them_each_once(finished):
    own, done = finished
    assert tuple(done) == own.steps
    assert len({own.key(step) for step in done}) == len(done)
    # Two numbers of images and two seeds at the usual α; one number and two seeds at the small one.
    assert [type(step) for step in done].count(CurvatureStep) == 4 + 2
    assert [type(step) for step in done].count(CurveStep) == len(curves(PLAN))
    first = [type(step) for step in done[:4]]
    assert first == [CurvatureStep, CurveStep, CurvatureStep, CurveStep]


@pytest.mark.slow
def test_a_second_run_computes_nothing(finished, tmp_path, monkeypatch):
    own, _ = finished
    monkeypatch.setattr(tasks.Curve, "run", None)
    monkeypatch.setattr(tasks.Curvature, "run", None)
    again = Work(PLAN, here(Store(own.context.store.where)), tmp_path / "elsewhere")
    assert again.pending() == []
    assert run(again) == []
    assert estimate.measure(again, lambda fraction, message: None) == {}
    (row,) = estimate.total(again, {}).values()
    assert (row["curves"], row["curvatures"], row["stored"], row["seconds"]) == (0, 0, len(curves(PLAN)), 0.0)


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_to_the_same_files(finished, tmp_path):
    write_report(finished[0])
    own = make(tmp_path)
    steps = own.run(lambda step, fraction, message: None)
    half = [next(steps) for _ in range(9)]
    steps.close()

    def stop(step, fraction, message):
        if fraction > 0.4:
            raise CancelledError

    again = make(tmp_path)
    with pytest.raises(CancelledError):
        run(again, stop)
    rest = run(make(tmp_path))
    assert not set(half) & set(rest)
    assert set(half) | set(rest) == set(own.steps)
    write_report(own)
    files = sorted(path.relative_to(own.out) for path in own.out.rglob("*") if path.is_file())
    assert len(files) > 5
    for file in files:
        assert (own.out / file).read_bytes() == (finished[0].out / file).read_bytes(), file


def test_what_is_left_is_counted(tmp_path):
    own = make(tmp_path)
    steps = own.run(lambda step, fraction, message: None)
    done = [next(steps) for _ in range(5)]
    steps.close()
    costs = estimate.measure(own, lambda fraction, message: None)
    (row,) = estimate.total(own, costs).values()
    left = [step for step in own.steps if step not in done]
    assert row["stored"] == sum(isinstance(step, CurveStep) for step in done)
    assert row["curves"] == sum(isinstance(step, CurveStep) for step in left)
    assert row["curvatures"] == sum(isinstance(step, CurvatureStep) for step in left)
    assert row["images"] == sum(
        10 * step.config.samples_per_class for step in left if isinstance(step, CurvatureStep)
    )
    (cost,) = costs.values()
    assert set(cost.image) == {"1/2 or more", "0.1"}
    by_hand = sum(
        4 * cost.evaluation + step.config.samples_per_class * cost.score.get(step.config.criterion, 0)
        if isinstance(step, CurveStep)
        else cost.setup
        + 10
        * step.config.samples_per_class
        * cost.image["0.1" if step.config.alpha == 0.1 else "1/2 or more"]
        for step in left
    )
    assert row["seconds"] == pytest.approx(by_hand, abs=0.06)


def test_a_curvature_is_not_computed_for_curves_that_are_there(tmp_path):
    own = make(tmp_path, experiment=replace(PLAN, parts=PLAN.parts[:1]))
    run(own)
    first = own.steps[0]
    assert isinstance(first, CurvatureStep)
    own.context.store.remove(own.key(first))
    assert own.pending() == []


def test_orders_of_large_networks_are_not_kept(tmp_path, monkeypatch):
    experiment = Experiment(
        "tiny", "Tiny", "digits", (Part(("mlp-digits-relu",), ("magnitude",)),), (0.0, 0.5)
    )
    kept, dropped = (make(tmp_path, name, experiment) for name in ("kept", "dropped"))
    run(kept)
    monkeypatch.setattr(work, "LARGE_ORDER", 2000)
    run(dropped)
    kinds = [sorted(entry.kind for entry in own.context.store.entries()) for own in (kept, dropped)]
    assert kinds == [["order"] * 4 + ["sweep"] * 4, ["sweep"] * 4]
    assert points_csv(gather(kept)) == points_csv(gather(dropped))


def test_a_result_that_cannot_be_kept_stops_with_a_sentence(tmp_path):
    own = Work(PLAN, here(Store(str(tmp_path), max_bytes=10)), tmp_path / "out")
    with pytest.raises(NcvizError, match="may hold only"):
        run(own)


def test_a_network_that_is_not_there_is_trained_first_and_gone_on_with(tmp_path, monkeypatch):
    monkeypatch.setitem(plan.TRAINED_HERE, OWN.name, OWN)
    experiment = Experiment("own", "Own", "digits", (Part((OWN.name,), ("magnitude",)),), (0.0, 0.5))

    def stop(step, fraction, message):
        if isinstance(step, TrainStep) and fraction > 0.5:
            raise CancelledError

    own = make(tmp_path, experiment=experiment)
    assert own.key(own.steps[1]) is None
    row = estimate.total(own, estimate.measure(own, lambda fraction, message: None))[OWN.name]
    assert row["train"]
    assert row["seconds"] > 0
    with pytest.raises(CancelledError):
        run(own, stop)
    assert [file.name for file in own.models.iterdir()] == ["own-digits.training"]
    done = run(make(tmp_path, experiment=experiment))
    assert [type(step) for step in done] == [TrainStep, CurveStep, CurveStep, CurveStep, CurveStep]
    whole = make(tmp_path, "whole", experiment)
    run(whole)
    arrays = [make(tmp_path, name, experiment).network(OWN.name).arrays for name in ("one", "whole")]
    assert all(np.array_equal(arrays[0][name], arrays[1][name]) for name in arrays[1])
    (group,) = select(gather(own), order="redundant", scope="global")
    card = json.loads((own.models / "own-digits.json").read_text())
    assert group.whole == pytest.approx(card["test_accuracy"], abs=1e-6)
    assert card["command"] == (
        "python -m ncviz reproduce own --data-dir FOLDER --networks own-digits --out OUT"
    )
    assert len(card["interrupted"]) == 2
    write_report(own)
    assert "trained here" in (own.out / "report.md").read_text()


def test_networks_that_ship_are_trained_anew_where_asked(tmp_path, monkeypatch):
    monkeypatch.setitem(
        MODELS, "mlp-digits-relu", replace(MODELS["mlp-digits-relu"], recipe=Recipe(1, 64, 0.01))
    )
    experiment = Experiment("own", "Own", "digits", (Part(("mlp-digits-relu",), ("magnitude",)),), (0.0, 0.5))
    own = make(tmp_path, experiment=experiment, is_trained_anew=True)
    assert isinstance(own.pending()[0], TrainStep)
    run(own)
    assert own.pending() == []
    taken = make(tmp_path, experiment=experiment)
    assert taken.network("mlp-digits-relu").fingerprint != own.network("mlp-digits-relu").fingerprint
    assert all(isinstance(step, CurveStep) for step in taken.pending())


def test_a_network_trained_on_other_images_is_not_taken_for_one_of_these(tmp_path, monkeypatch):
    monkeypatch.setitem(plan.TRAINED_HERE, OWN.name, OWN)
    experiment = Experiment("own", "Own", "digits", (Part((OWN.name,), ("magnitude",)),), (0.0, 0.5))
    run(make(tmp_path, experiment=experiment))
    few = load_dataset("digits", "train")
    monkeypatch.setattr(
        trained,
        "load_dataset",
        lambda name, split, folder: replace(few, inputs=few.inputs[:100], labels=few.labels[:100]),
    )
    with pytest.raises(ModelError, match="was trained on 1437 images, but 100 are given now: delete it"):
        make(tmp_path, experiment=experiment).pending()


def test_data_must_be_whole_unless_the_sample_is_asked_for(monkeypatch):
    monkeypatch.delenv("NCVIZ_DATA", raising=False)
    check_data("digits", NOWHERE, False)
    check_data("mnist", NOWHERE, True)
    with pytest.raises(
        DataError, match="needs all of MNIST, but there are .* 2,000 of the 10,000 MNIST test images"
    ):
        check_data("mnist", NOWHERE, False)
    with pytest.raises(DataError, match="No sample of CIFAR-100 ships with ncviz"):
        check_data("cifar100", NOWHERE, True)
    with pytest.raises(DataError, match="CIFAR-100 does not ship with ncviz: name a folder"):
        check_data("cifar100", NOWHERE, False)


@pytest.mark.slow
def test_the_versions_of_the_curves_are_the_pages_own(finished):
    """A reproduction and the pages find each other's curves."""
    own, _ = finished
    network = own.network("mlp-digits-relu")
    curve = curves(PLAN)[0]
    assert own.context.look_up(tasks.Curve(network, curve.config, PLAN.sparsities)) is not None
