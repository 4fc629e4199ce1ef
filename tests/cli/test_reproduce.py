"""``ncviz reproduce``: options, what it says, what it writes, stopping and going on, bad input."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from ncviz import tasks
from ncviz.cli import reproduce
from ncviz.studies.paper import plan
from ncviz.studies.paper.plan import Experiment, Part, curves

TINY = Experiment(
    "tiny",
    "Tiny",
    "digits",
    (Part(("mlp-digits-relu", "mlp-digits-tanh"), ("curvature", "magnitude", "random"), (1, 2), (0, 1)),),
    (0.0, 0.01, 0.5, 0.8),
)
PART = ("--networks", "mlp-digits-relu", "--samples", "1,2", "--scope", "global")


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(plan.EXPERIMENTS, "tiny", TINY)


@pytest.mark.slow
def test_a_run_writes_every_file_and_a_second_one_changes_none(run, tmp_path):
    code, out, _ = run("reproduce", "tiny", "--out", tmp_path / "out", "--json")
    assert code == 0
    found = json.loads(out)
    total = len(curves(TINY))
    assert found["curves"] == found["measured"] == total
    # Two networks, two numbers of images, two seeds; one image of seed 0 ships with each network.
    assert found["steps"] == total + 6
    files = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    names = {str(path.relative_to(tmp_path / "out")) for path in files}
    assert {"points.csv", "summary.csv", "report.md", "figures/plotly.min.js"} < names
    assert "figures/mlp-digits-tanh-bottlenecks-layer.html" in names
    for mode in ((), ("--report",)):
        code, out, _ = run("reproduce", "tiny", "--out", tmp_path / "out", "--json", *mode)
        assert code == 0
        assert json.loads(out).get("steps", 0) == 0
        assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == files


@pytest.mark.parametrize(
    ("part", "heading"),
    [
        (("--order", "bottlenecks", "--criteria", "curvature"), "1% of the bottlenecks first"),
        (("--order", "redundant", "--criteria", "curvature"), "% of the redundant first"),
        (("--scope", "layer", "--criteria", "curvature"), "each layer alike"),
    ],
)
def test_a_part_alone_is_reported(run, tmp_path, part, heading):
    options = (*part, "--networks", "mlp-digits-relu", "--samples", "1", "--seeds", "0")
    assert run("reproduce", "tiny", "--out", tmp_path, *options)[0] == 0
    assert heading in (tmp_path / "report.md").read_text()


def test_without_curvature_nothing_is_said_of_the_paper(run, tmp_path):
    options = ("--criteria", "magnitude", "--networks", "mlp-digits-relu")
    assert run("reproduce", "tiny", "--out", tmp_path, *options)[0] == 0
    report = (tmp_path / "report.md").read_text()
    assert "says of the paper" not in report
    assert "| Magnitude |" in report


def test_the_report_sets_folded_batchnorm_beside_the_usual(run, tmp_path):
    options = (
        "--criteria",
        "curvature",
        "--samples",
        "1",
        "--seeds",
        "0",
        "--alpha",
        "0.9",
        "--scope",
        "global",
    )
    given = (
        "--out",
        tmp_path,
        "--order",
        "redundant",
        "--batchnorm",
        "own,folded",
        "--scale",
        "own,channel-fan-in",
        "--sparsity",
        "0.5",
        *options,
    )
    assert run("reproduce", "tiny", *given)[0] == 0
    section = (tmp_path / "report.md").read_text().split("BatchNorm folded into the weights")[1]
    assert section.index("Curvature, 1 a class") < section.index("Curvature, BatchNorm folded, 1 a")
    section = section.split("Weights divided by their fan-in, redundant first")[1]
    assert section.index("Curvature, 1 a class") < section.index("Curvature, channel-fan-in, 1 a")


def test_the_report_says_what_was_measured(run, tmp_path):
    assert run("reproduce", "tiny", "--out", tmp_path, *PART)[0] == 0
    report = (tmp_path / "report.md").read_text()
    points = [line.split(",") for line in (tmp_path / "points.csv").read_text().splitlines()]
    values = {
        (row[1], row[2], row[8], row[9], row[11]): float(row[12]) for row in points[1:]
    }  # criterion, samples, order, seed, removed
    few = [values["curvature", "2", "bottlenecks", seed, str(round(0.01 * 2720))] for seed in "01"]
    mean, spread = sum(few) / 2, abs(few[0] - few[1]) / 2**0.5
    assert f"1% of the bottlenecks first: accuracy {mean:.3f} ± {spread:.3f} (whole " in report
    most = values["magnitude", "", "redundant", "", str(round(0.8 * 2720))]
    half = values["magnitude", "", "redundant", "", str(round(0.5 * 2720))]
    assert f"| Magnitude | {half:.3f} | {most:.3f} | – |" in report
    assert (
        "### The collapse: bottlenecks first, all layers together, 2 a class (all 360 Digits 8×8 test images)"
        in report
    )
    at = {
        name: sum(found) / len(found)
        for name, samples in (("curvature", "2"), ("magnitude", ""), ("random", ""))
        for found in [
            [v for key, v in values.items() if key[:3] == (name, samples, "redundant") and key[4] == "2176"]
        ]
    }
    place = sorted(at.values(), reverse=True).index(at["curvature"]) + 1
    assert f"at 80% removed curvature ({at['curvature']:.3f}) is number {place} of 3 criteria" in report
    for page in (tmp_path / "figures").glob("*.html"):
        text = page.read_text()
        assert 'src="plotly.min.js"' in text
        assert "https://" not in text.replace("https://plot.ly", "")


def test_estimate_only_says(run, tmp_path):
    out_dir = tmp_path / "out"
    code, out, _ = run("reproduce", "tiny", "--out", out_dir, "--estimate", "--json", *PART)
    assert code == 0
    found = json.loads(out)
    (row,) = found["networks"].values()
    # Curvature: two orders, two numbers of images, two seeds (one of the four ships with the network); magnitude: two
    # orders; random: two seeds.
    assert (row["curves"], row["stored"], row["curvatures"], row["images"]) == (8 + 2 + 2, 0, 3, 50)
    assert found["seconds"] == row["seconds"] > 0
    assert not out_dir.exists()
    assert run("reproduce", "tiny", "--out", out_dir, *PART)[0] == 0
    code, out, _ = run("reproduce", "tiny", "--out", out_dir, "--estimate", *PART)
    assert code == 0
    assert "Everything is stored already." in out


def test_ctrl_c_keeps_what_is_finished(run, tmp_path, monkeypatch):
    compute, calls = tasks.Curve.run, []

    def interrupted(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return compute(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(tasks.Curve, "run", interrupted)
        code, _, err = run("reproduce", "tiny", "--out", tmp_path, *PART)
    assert code == 130
    assert (
        "Stopped. 5 steps were finished and are kept, 10 are left; the same command goes on."
        in err.replace("\n", " ")
    )
    assert (tmp_path / "points.csv").read_text().count("\n") == 1 + 4 * 4
    code, out, _ = run("reproduce", "tiny", "--out", tmp_path, "--json", *PART)
    assert code == 0
    assert '"steps": 10' in out


@pytest.mark.slow
def test_a_signal_in_the_middle_of_the_work_stops_it_soon(tmp_path):
    command = [
        sys.executable,
        "-m",
        "ncviz",
        "reproduce",
        "mnist",
        "--sample",
        "--out",
        str(tmp_path / "out"),
    ]
    environment = {**os.environ, "NCVIZ_CACHE": str(tmp_path / "cache")}
    process = subprocess.Popen(
        [
            *command,
            "--networks",
            "lenet-mnist-relu",
            "--criteria",
            "magnitude,wanda,snip,fisher,lamp,random,grasp",
        ],
        cwd=Path(__file__).parents[2],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # What runs the tests in the background may have had it ignored.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    with process:
        try:
            deadline = time.monotonic() + 120
            while time.monotonic() < deadline and len(list((tmp_path / "cache").glob("*.ncviz"))) < 3:
                time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "the same command goes on" in err
    assert "Traceback" not in err
    assert "2,000 of the 10,000 MNIST test images" in (tmp_path / "out" / "report.md").read_text()


def test_the_sample_looks_past_the_folder_of_the_full_data(run, tmp_path, monkeypatch):
    monkeypatch.setenv("NCVIZ_DATA", str(tmp_path / "nowhere"))
    options = (
        "--networks",
        "lenet-mnist-relu",
        "--criteria",
        "magnitude",
        "--sparsity",
        "0.5",
        "--out",
        tmp_path,
    )
    code, _, err = run("reproduce", "mnist", *options)
    assert code == 2
    assert "is not a folder" in err
    assert run("reproduce", "mnist", "--sample", *options)[0] == 0
    assert os.environ["NCVIZ_DATA"] == str(tmp_path / "nowhere")
    headings = [line for line in (tmp_path / "report.md").read_text().splitlines() if line.startswith("### ")]
    assert headings
    assert all("(2,000 of the 10,000 MNIST test images)" in heading for heading in headings)


def test_lists_are_repeated_or_separated_by_commas(run, tmp_path):
    wanted = ("--estimate", "--json", "--networks", "mlp-digits-relu", "--criteria", "curvature")
    one = run("reproduce", "tiny", *wanted, "--samples", "1,2", "--seeds", "0, 3")
    other = run("reproduce", "tiny", *wanted, "--samples", "1", "--samples", "2", "--seeds", "0,3,0")
    rows = [json.loads(out)["networks"]["mlp-digits-relu"] for _, out, _ in (one, other)]
    assert [(row["curves"], row["images"]) for row in rows] == [(16, 50)] * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("imagenet",), "There is no experiment 'imagenet'; choose one of: mnist, cifar10, cifar100"),
        (("tiny", "--samples", "few"), "--samples takes whole numbers separated by commas, got 'few'"),
        (("tiny", "--sparsity", "0.5,x"), "--sparsity takes fractions separated by commas, got '0.5,x'"),
        (("tiny", "--sparsity", "80"), "must be a number from 0 to 1, got 80.0"),
        (("tiny", "--criteria", "luck"), "There is no criterion 'luck'"),
        (("tiny", "--networks", "vgg"), "'tiny' has no network 'vgg'; choose among: mlp-digits-relu"),
        (("tiny", "--scope", "row"), "There is no scope 'row'"),
        (("tiny", "--alpha", "1"), "alpha (idleness) must lie in [0, 1)"),
        (("tiny", "--device", "cuda:99"), "cuda:99"),
        (("tiny", "--estimate", "--report"), "either --estimate or --report"),
        (("tiny", "--report"), "Nothing of this is measured yet"),
        (("mnist",), "needs all of MNIST"),
        (("mnist", "--sample", "--data-dir", "x"), "either --sample or --data-dir"),
        (("mnist", "--data-dir", "/nowhere"), "/nowhere is not a folder"),
        (("mnist", "--sample", "--images", "9"), "--images goes with 'robustness' alone"),
        (("robustness", "--sample", "--scope", "layer"), "--scope means nothing to 'robustness'"),
        (("robustness", "--sample", "--train"), "--train means nothing to 'robustness'"),
        (("robustness", "--sample", "--images", "2"), "the number of images must be a whole number from 3"),
        (("cifar100",), "CIFAR-100 does not ship with ncviz"),
        (("cifar100", "--sample"), "No sample of CIFAR-100 ships with ncviz"),
        (("tiny", "--out", "/etc/passwd/out"), "Nothing can be written in /etc/passwd/out"),
    ],
)
def test_bad_input_is_one_sentence(run, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run("reproduce", *arguments)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert out == ""
    assert not list(tmp_path.glob("reproduce-*"))


@pytest.mark.slow
def test_robustness_is_written_and_said(run, tmp_path):
    options = (
        "reproduce",
        "robustness",
        "--sample",
        "--networks",
        "mlp-digits-relu",
        "--images",
        20,
        "--out",
        tmp_path,
    )
    code, out, _ = run(*options)
    assert code == 0
    assert "Spearman’s ρ = " in out
    assert "20 images" in " ".join(out.split())
    assert "arXiv 2410.19607" in (tmp_path / "report.md").read_text()
    rows = (tmp_path / "points.csv").read_text().splitlines()
    assert len(rows) == 21
    assert (tmp_path / "figures" / "mlp-digits-relu-0-0.9.html").is_file()
    found = json.loads(run(*options, "--json")[1])["networks"][0]
    assert found["images"] == found["share"]["count"] == 20
    assert -1 <= found["share"]["low"] <= found["share"]["value"] <= found["share"]["high"] <= 1
    # The same images and radii, other curvatures.
    two = [*options, "--batchnorm", "folded", "--scale", "own,fan-in", "--json"]
    usual, divided = json.loads(run(*two)[1])["networks"]
    assert usual["share"] == found["share"]
    assert divided["share"]["value"] != found["share"]["value"]
    assert [each["settings"].get("scale") for each in (usual, divided)] == [None, "fan-in"]
    assert (tmp_path / "figures" / "mlp-digits-relu-0-0.9-fan-in.html").is_file()
    assert "## " in (tmp_path / "report.md").read_text()
    header, *rows = [row.split(",") for row in (tmp_path / "points.csv").read_text().splitlines()]
    assert {row[header.index("scale")] for row in rows} == {"own", "fan-in"}


def test_starting_brings_no_torch():
    code = "import sys, ncviz.cli.reproduce; sys.exit('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=Path(reproduce.__file__).parents[2]).returncode == 0
    )
