"""The command line: numbers, JSON, exit codes, one sentence on bad input."""

import json
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
from safetensors.numpy import load_file

from ncviz import cli, tasks
from ncviz.cli import prune
from ncviz.data.datasets import load_dataset
from ncviz.models.loading import load_checkpoint
from ncviz.models.training.run import Run
from ncviz.pruning.scores import SCORES
from ncviz.store import StoreWarning

NAME = "mlp-digits-relu"


def test_protected_weights_stay_in_the_saved_checkpoint(run, tmp_path):
    file = tmp_path / "held.safetensors"
    code, _, errors = run(
        "prune", "--model", "mlp-digits-relu", "--sparsity", "0.5", "--protect", "3.weight", "--save", file
    )
    assert (code, errors) == (0, "")
    whole, held = tasks.open_network("mlp-digits-relu").arrays, load_file(file)
    assert np.array_equal(held["3.weight"], whole["3.weight"])
    assert sum(int((held[name] == 0).sum()) for name in ("1.weight", "5.weight")) == round(0.5 * 2720)
    for wrong, said in ((("0.9",), "at most 0.8118"), (("0.5", "--protect", "head"), "no weight 'head'")):
        code, _, errors = run(
            "prune", "--model", "mlp-digits-relu", "--protect", "3.weight", "--sparsity", *wrong
        )
        assert code == 2
        assert said in errors


def test_no_layer_loses_more_than_its_budget(run, tmp_path):
    file = tmp_path / "within.safetensors"
    given = ("prune", "--model", NAME, "--criterion", "magnitude", "--budget", "1.weight=0.25")
    code, out, errors = run(*given, "--sparsity", "0.4", "--save", file, "--json")
    assert (code, errors) == (0, "")
    assert json.loads(out)["budgets"] == {"1.weight": 0.25}
    held = load_file(file)
    assert int((held["1.weight"] == 0).sum()) == 512
    assert sum(int((held[f"{at}.weight"] == 0).sum()) for at in (3, 5)) == round(0.4 * 2720) - 512
    for more, said in (
        (("--sparsity", "0.5"), "what --budget holds; remove at most 0.4353"),
        (("--sparsity", "0.1", "--budget", "head=0.1"), "no weight 'head' to give a budget"),
        (("--sparsity", "0.1", "--budget", "3.weight"), "such as 0.weight=0.3, got '3.weight'"),
        (("--sparsity", "0.1", "--budget", "3.weight=7"), "from 0 to 1"),
        (("--threshold", "0.5", "--criterion", "curvature"), "--threshold cuts every layer at one κ"),
    ):
        code, _, errors = run(*given, *more)
        assert code == 2
        assert said in errors


def test_rankings_fit_into_a_narrow_terminal(run):
    code, out, errors = run(
        "rankings", "--model", "mlp-digits-relu", "--samples", "1", "--seeds", "1", "--measured-on", "100"
    )
    assert (code, errors) == (0, "")
    row = next(line.strip() for line in out.splitlines() if line.strip().startswith("curvature-lamp "))
    assert len(row.split()) == 12
    assert all(0 <= int(cell) <= 1000 for cell in row.split()[2:])


def test_curvature_as_json_and_file(run, tmp_path):
    output = tmp_path / "kappa.safetensors"
    code, out, _ = run("curvature", "--model", NAME, "--samples", 2, "--json", "--output", output)
    assert code == 0
    found = json.loads(out)
    assert found["edges"] == sum(layer["edges"] for layer in found["layers"]) == 2720
    assert not found["from_cache"]
    for layer in found["layers"]:
        work = layer["work"]
        assert 0 < work["live"] <= 20 * layer["edges"]
        assert work["live"] == pytest.approx((1 - layer["dead_share"]) * 20 * layer["edges"])
    arrays = load_file(output)
    assert arrays["1.weight"].shape == (32, 64)
    assert arrays["1.weight"].min() == found["layers"][0]["least"]
    assert json.loads(run("curvature", "--model", NAME, "--samples", 2, "--json")[1])["from_cache"]


def test_never_active_weights_are_told_and_placed(run):
    whole = json.loads(run("curvature", "--model", NAME, "--json")[1])
    share = whole["never_active"]
    layers = sum(layer["never_active"] * layer["weights"] for layer in whole["layers"])
    assert 0.1 < share == pytest.approx(layers / 2720)
    told = f"{100 * share:.3g}% of the weights are never active on these 10 images"
    assert told in " ".join(run("curvature", "--model", NAME)[1].split())
    assert told in " ".join(run("inspect", "--model", NAME)[1].split())
    accuracies = {}
    for place, words in (
        ("first", "before all redundant"),
        ("median", "median cost"),
        ("last", "after all others"),
    ):
        options = ["prune", "--model", NAME, "--never-active", place, "--sparsity", "0.7"]
        text = " ".join(run(*options)[1].split())
        assert told in text
        assert words in text
        found = json.loads(run(*options, "--json")[1])
        assert found["never_active"] == {"share": share, "images": 10, "place": place}
        accuracies[place] = found["curves"]["redundant"][0]["accuracy"]
    assert len(set(accuracies.values())) > 1
    usual = json.loads(run("prune", "--model", NAME, "--sparsity", "0.7", "--json")[1])
    assert usual["curves"]["redundant"][0]["accuracy"] == accuracies["first"]


def test_a_threshold_leaves_never_active_weights_where_they_stand(run):
    removed = {}
    for place in ("first", "last"):
        found = json.loads(
            run("prune", "--model", NAME, "--threshold", 0.5, "--never-active", place, "--json")[1]
        )
        removed[place] = found["curves"]["redundant"][0]["removed"]
    never = round(found["never_active"]["share"] * 2720)
    assert removed["first"] == removed["last"] + never


def test_curvature_as_table(run):
    code, out, _ = run("curvature", "--model", NAME)
    assert code == 0
    assert "2,048" in out
    assert "2,720 edges carry 2,720 weights" in out


@pytest.mark.slow
def test_how_batchnorm_is_read_is_told_where_there_is_one(run):
    # Eight channels of each layer, which takes a second.
    options = ("--model", "vgg9-cifar10-relu", "--channels", "8")
    for batchnorm, told in (
        ("own", "joins nothing and weighs nothing"),
        ("folded", "multiplied into the weights"),
    ):
        code, out, _ = run("curvature", *options, "--batchnorm", batchnorm)
        assert code == 0
        assert f"BatchNorm: {batchnorm} ({told}" in out
        facts = json.loads(run("curvature", *options, "--batchnorm", batchnorm, "--json")[1])
        assert facts["batchnorm"] == facts["config"]["batchnorm"] == batchnorm
    code, out, _ = run("curvature", "--model", NAME, "--batchnorm", "folded")
    assert code == 0
    assert "BatchNorm" not in out


def test_the_largest_network_fits_into_80_columns(run):
    code, out, _ = run("curvature", "--model", "vgg9-cifar10-relu")
    assert code == 0
    assert "14,450,688" in out
    assert "…" not in out


def test_prune_gives_both_orders_and_saves(run, tmp_path):
    path = tmp_path / "pruned.safetensors"
    code, out, _ = run("prune", "--model", NAME, "--sparsity", 0.5, "--save", path, "--json")
    assert code == 0
    found = json.loads(out)
    kept, broken = found["curves"]["redundant"][0], found["curves"]["bottlenecks"][0]
    assert kept["removed"] == 1360
    assert kept["accuracy"] > broken["accuracy"] + 0.3
    assert found["images"] == 360
    arrays = load_file(path)
    assert sum(int((arrays[name] == 0).sum()) for name in arrays if name.endswith("weight")) == 1360
    code, out, _ = run("curvature", "--checkpoint", path, "--architecture", NAME, "--json")
    assert code == 0
    assert json.loads(out)["edges"] == 1360


def test_prune_in_one_order_and_repaired(run, tmp_path):
    path = tmp_path / "pruned.safetensors"
    options = ("prune", "--model", NAME, "--criterion", "magnitude", "--sparsity", 0.9, "--json")
    plain = json.loads(run(*options)[1])["curves"]
    assert "repaired" not in plain["redundant"][0]
    code, out, _ = run(*options, "--repair", "layerwise", "--save", path, "--order", "redundant")
    assert code == 0
    found = json.loads(out)
    assert list(found["curves"]) == ["redundant"]
    (point,) = found["curves"]["redundant"]
    assert point["accuracy"] == plain["redundant"][0]["accuracy"]
    assert point["repaired"] > point["accuracy"] + 0.1
    assert found["repair"] == "layerwise"
    assert "train images" in found["repaired_on"]
    # What was saved is what was measured: repaired, and what was removed is zero.
    arrays = load_file(path)
    assert sum(int((arrays[name] == 0).sum()) for name in arrays if name.endswith("weight")) == 2448
    test = load_dataset("digits", "test")
    right = load_checkpoint(path, NAME)(test.inputs).argmax(dim=1) == test.labels
    assert right.double().mean() == pytest.approx(point["repaired"], abs=1e-9)
    said = " ".join(run(*options[:-1], "--repair", "recalibrate", "--order", "bottlenecks")[1].split())
    assert "bottlenecks first" in said
    assert "redundant first" not in said
    assert "after recalibrate" in said
    assert "without training" in said


def test_prune_by_threshold(run):
    code, out, _ = run("prune", "--model", NAME, "--threshold", 1.0, "--json")
    assert code == 0
    (point,) = json.loads(out)["curves"]["redundant"]
    assert 0 < point["sparsity"] < 1
    (other,) = json.loads(out)["curves"]["bottlenecks"]
    assert other["removed"] != point["removed"]
    assert point["removed"] + other["removed"] <= 2720


def test_bad_options_are_refused_before_the_curvature(run, monkeypatch):
    monkeypatch.setattr(prune, "curvature_of", None)
    for extra in (["--scope", "row"], ["--save", "x.safetensors"], ["--threshold", "3"]):
        assert run("prune", "--model", NAME, *extra)[0] == 2


def test_a_store_warning_is_one_line(run, monkeypatch):
    monkeypatch.setattr(cli, "cli", lambda **_: warnings.warn("it is damaged.", StoreWarning, stacklevel=1))
    assert run("devices")[2] == "Note: it is damaged.\n"


def test_no_progress_lines_without_a_terminal(run):
    assert run("prune", "--model", NAME, "--sparsity", 0.5)[2] == ""


def test_a_file_that_cannot_be_replaced_stays(run, tmp_path, monkeypatch):
    path = tmp_path / "kappa.safetensors"
    path.write_bytes(b"before")

    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", full)
    code, _, err = run("curvature", "--model", NAME, "--output", path)
    assert (code, path.read_bytes()) == (2, b"before")
    assert "No space left" in err


def test_prune_whole_curve_as_table(run):
    code, out, _ = run("prune", "--model", NAME, "--criterion", "magnitude", "--scope", "layer")
    assert code == 0
    assert "100%" in out


def test_train_writes_checkpoint_and_card(run, tmp_path):
    code, out, _ = run("train", NAME, "--epochs", 1, "--seed", 3, "--out-dir", tmp_path, "--json")
    assert code == 0
    assert 0 < json.loads(out)["test_accuracy"] <= 1
    assert load_file(tmp_path / f"{NAME}.safetensors")
    assert json.loads((tmp_path / f"{NAME}.json").read_text())["seed"] == 3


def test_an_interrupted_train_goes_on_from_its_last_finished_epoch(run, tmp_path, monkeypatch):
    def interrupt(self, epoch, _whole=Run.epoch):
        if epoch == 2:
            raise KeyboardInterrupt
        return _whole(self, epoch)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "epoch", interrupt)
        assert run("train", NAME, "--epochs", 2, "--out-dir", tmp_path)[0] != 0
    assert [path.name for path in tmp_path.iterdir()] == [f"{NAME}.training"]
    assert run("train", NAME, "--epochs", 2, "--out-dir", tmp_path)[0] == 0
    card = json.loads((tmp_path / f"{NAME}.json").read_text())
    assert [part.partition(" on")[0] for part in card["interrupted"]] == ["epoch 1", "epoch 2"]
    assert not list(tmp_path.glob("*.training"))


@pytest.mark.parametrize("model", ["form/mlp/1x8x8/12/relu-bn-drop0.1@10", "mlp-digits-tanh@10"])
def test_train_takes_any_architecture_with_its_data(run, tmp_path, model):
    code, out, _ = run("train", model, "--dataset", "digits", "--epochs", 2, "--out-dir", tmp_path, "--json")
    assert code == 0
    (path,) = tmp_path.glob("*.safetensors")
    assert load_checkpoint(path, model)
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["test_accuracy"] == pytest.approx(json.loads(out)["test_accuracy"], abs=1e-6)
    assert card["dataset"] == "digits"
    what = f"{model} --dataset digits" if model.startswith("form") else "mlp-digits-tanh"
    assert card["command"] == f"python -m ncviz train {what} --epochs 2 --seed 0 --out-dir OUT"


def test_devices(run):
    code, out, _ = run("devices", "--json")
    assert code == 0
    assert json.loads(out)[0]["name"] == "cpu"
    assert "cpu" in run("devices")[1]


def test_cache_is_listed_and_cleared(run):
    assert json.loads(run("cache", "list", "--json")[1]) == []
    run("curvature", "--model", NAME, "--seed", 9)
    (entry,) = json.loads(run("cache", "list", "--json")[1])
    assert entry["kind"] == "curvature"
    assert entry["key"][:12] in run("cache", "list")[1]
    assert run("cache", "clear", "--key", "zz")[0] == 2
    assert run("cache", "clear", "--key", entry["key"][:12])[0] == 0
    assert json.loads(run("cache", "list", "--json")[1]) == []
    assert "0 results" in run("cache", "clear")[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["curvature"], "Say which network"),
        (["curvature", "--model", "resnet"], "choose one of"),
        (["curvature", "--model", NAME, "--alpha", "1.5"], "[0, 1)"),
        (["curvature", "--model", NAME, "--samples", "0"], "samples per class"),
        (["curvature", "--model", NAME, "--samples", "many"], "many"),
        (["curvature", "--model", NAME, "--samples", "500"], "correctly classified"),
        (["curvature", "--model", NAME, "--device", "cuda:99"], "not on this machine"),
        (["curvature", "--checkpoint", "nothing.pt"], "There is no file nothing.pt"),
        (["curvature", "--checkpoint", "nothing.pt", "--architecture", NAME], "nothing.pt"),
        (["curvature", "--model", "lenet-mnist-relu", "--data-dir", "nowhere"], "nowhere"),
        (["curvature", "--model", NAME, "--batchnorm", "fold"], "choose one of: own, folded"),
        (["inspect", "--model", NAME, "--batchnorm", "fold"], "choose one of: own, folded"),
        (["inspect", "--model", NAME, "--scale", "rms"], "choose one of: own, fan-in, channel-fan-in"),
        (["prune", "--model", NAME, "--criterion", "beauty"], "no criterion"),
        (["prune", "--model", NAME, "--sparsity", "1.5"], "from 0 to 1"),
        (["prune", "--model", NAME, "--scope", "row"], "no scope"),
        (["prune", "--model", NAME, "--order", "best"], "no order"),
        (["prune", "--model", NAME, "--repair", "glue"], "no repair"),
        (
            [
                "prune",
                "--model",
                NAME,
                "--sparsity",
                "0.5",
                "--order",
                "bottlenecks",
                "--save",
                "x.safetensors",
            ],
            "leave --order out",
        ),
        (["prune", "--model", NAME, "--threshold", "3"], "at most 2"),
        (["prune", "--model", NAME, "--threshold", "nan"], "finite"),
        (["prune", "--model", NAME, "--never-active", "middle"], "choose one of: first, median, last"),
        (["prune", "--model", NAME, "--save", "x.safetensors"], "how much to remove"),
        (["prune", "--model", NAME, "--sparsity", "0.1", "--save", "x.pt"], ".safetensors"),
        (["train", NAME, "--out-dir", "/dev/null/x"], "can be written"),
        (["train", "resnet", "--out-dir", "x"], "choose one of"),
        (["train", "form/mlp/1x8x8/12/relu@10", "--out-dir", "x"], "--dataset mnist"),
        (["train", "form/mlp/1x8x8/12/relu@10", "--dataset", "cats", "--out-dir", "x"], "Unknown data"),
        (
            ["train", "form/mlp/1x8x8/12/relu@10", "--dataset", "mnist", "--out-dir", "x"],
            "expects images of shape",
        ),
        (["train", "form/rnn", "--dataset", "mnist", "--out-dir", "x"], "form"),
        (["train", NAME, "--dataset", "mnist", "--out-dir", "x"], "expects images of shape"),
        (["train", NAME, "--epochs", "0", "--out-dir", "x"], "epochs"),
        (["fly"], "fly"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_two(run, arguments, words):
    code, out, err = run(*arguments)
    assert code == 2
    assert words in err
    assert "Traceback" not in err + out


def test_as_a_process_without_a_terminal():
    found = subprocess.run(
        [sys.executable, "-m", "ncviz", "curvature", "--model", "x"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 2
    assert found.stderr.startswith("Error: ")
    assert found.stderr.count("\n") == 1


def test_help_waits_for_nothing_heavy():
    code = "import sys, ncviz.cli; print({'torch', 'distributed', 'streamlit'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"


def test_the_help_names_every_criterion(run):
    told = run("prune", "--help")[1]
    assert all(re.search(rf"\b{name}\b", told) for name in SCORES)


@pytest.mark.parametrize("criterion", ["lamp", "wanda", "snip", "woodfisher", "grasp", "synflow", "forman"])
def test_prune_by_every_criterion(run, criterion):
    code, out, _ = run("prune", "--model", NAME, "--criterion", criterion, "--sparsity", 0.5, "--json")
    assert code == 0
    (point,) = json.loads(out)["curves"]["redundant"]
    assert point["removed"] == 1360


def test_pruning_by_intervals_says_so_and_does_not_stand_for_exact_values(run):
    options = ("prune", "--model", NAME, "--seed", 5, "--sparsity", "0.5")
    rough = json.loads(run(*options, "--time-limit", 0, "--json")[1])
    assert rough["exact_share"] < 1
    assert rough["median_half_width"] > 0
    told = " ".join(run(*options, "--time-limit", 0)[1].split())
    assert "certified intervals; pictures and pruning go by the middle of each" in told
    exact = json.loads(run(*options, "--json")[1])
    assert exact["exact_share"] == 1
    assert "certified intervals" not in " ".join(run(*options)[1].split())
