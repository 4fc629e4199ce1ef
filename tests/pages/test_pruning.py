"""The Pruning page by Streamlit's own test harness."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

import ncviz
from ncviz.config import COMPARED, COMPARED_DRAWS, PruningConfig
from ncviz.pruning.compare import GRID
from ncviz.tasks import Curve, SeriesLog
from ncviz.text import plain
from tests.examples.contexts import NOWHERE, here

SECONDS = 90
FEW = {"lab_criteria": "curvature,magnitude,random", "lab_seeds": "2"}


@pytest.fixture
def make(open_app, tmp_path, monkeypatch):
    def open_page(*, is_bare=True, **query):
        if is_bare:
            # What ships with ncviz would leave nothing to measure.
            monkeypatch.setattr("ncviz.tasks.desk.BUNDLED", tmp_path / "nothing")
        app = open_app()
        for name, value in (FEW | query).items():
            app.query_params[name] = value
        app.run()
        app.switch_page("pages/pruning.py").run()
        return app

    return open_page


def press(app, label):
    next(button for button in app.main.button if button.label.startswith(label)).click().run()
    assert not app.exception
    return app


def open_tab(app, name):
    app.session_state["lab-tabs"] = name
    app.run()
    assert not app.exception
    return app


def runs(job, kind):
    """Whether a job does tasks of a kind."""
    return isinstance(job.log, SeriesLog) and isinstance(job.log.tasks[0], kind)


def measure(app):
    press(app, "Measure")
    from ncviz.ui.server import resources

    job = next(job for job in reversed(resources.registry().jobs()) if runs(job, Curve))
    assert job.wait(SECONDS)
    app.run()
    assert not app.exception
    return job


def labels(app):
    return [button.label for button in app.main.button]


def link(app):
    """What a reload or a copied link brings back."""
    return view(app).to_query()


def view(app):
    return app.session_state["latest"].view


def test_the_first_network_is_compared_at_once(make):
    app = make(is_bare=False, lab_criteria=",".join(COMPARED), lab_seeds=str(COMPARED_DRAWS))
    assert not app.exception
    assert not any(label.startswith("Measure") for label in labels(app))
    (table,) = [frame.value for frame in app.dataframe if "criterion" in frame.value]
    assert set(table["criterion"]) == {"Curvature", "Curvature-LAMP", "Magnitude", "Wanda", "Random"}
    # It begins with what the table shows, in the table's own numbers.
    assert app.title[0].value == "Pruning"
    shown = table.set_index("criterion")["accuracy at 80%"]
    assert f"{shown['Curvature']:.1%} against {shown['Magnitude']:.1%}" in app.main.markdown[0].value


def test_an_empty_page_names_the_next_click_and_its_time(make):
    app = make()
    assert any("Nothing is measured yet" in info.value for info in app.info)
    assert "10 training images (1 of each class, 2 draws)" in "".join(info.value for info in app.info)
    (button,) = [label for label in labels(app) if label.startswith("Measure")]
    # Curvature and random differ from draw to draw; magnitude looks at nothing that does.
    # While a part of the work is timed, the curvature is no part of what is told.
    assert re.fullmatch(r"Measure 5 curves · (under|about) [\d.]+ (s|min)(, beside the curvature)?", button)


@pytest.mark.slow
def test_what_is_measured_is_shown_kept_and_right(make):
    app = make()
    measure(app)
    assert not [label for label in labels(app) if label.startswith("Measure")]
    table = app.dataframe[0].value
    assert set(table["criterion"]) == {"Curvature", "Magnitude", "Random"}
    assert dict(zip(table["criterion"], table["draws"], strict=True)) == {
        "Curvature": 2,
        "Magnitude": 1,
        "Random": 2,
    }
    assert dict(zip(table["criterion"], table["calibration images"], strict=True))["Magnitude"] == 0
    magnitude = table.set_index("criterion").loc["Magnitude"]
    net, images = ncviz.load_model("mlp-digits-relu"), ncviz.load_dataset("digits", split="test")
    scores = ncviz.pruning_scores(net, "magnitude")
    slow = [
        ncviz.accuracy(ncviz.prune(net, scores, sparsity=sparsity), images.inputs, images.labels)
        for sparsity in GRID
    ]
    assert magnitude["accuracy at 80%"] == pytest.approx(slow[GRID.index(0.8)])
    own = [round(sparsity * 2720) / 2720 for sparsity in GRID]
    assert magnitude["mean accuracy"] == pytest.approx(
        sum((own[i + 1] - own[i]) * (slow[i] + slow[i + 1]) / 2 for i in range(len(own) - 1))
    )
    again = make()
    assert again.dataframe[0].value.equals(table)


@pytest.mark.slow
def test_a_further_criterion_measures_that_one_alone(make):
    app = make()
    measure(app)
    box = next(box for box in app.main.multiselect if box.label == "Criteria")
    box.set_value([*box.value, "lamp"]).run()
    assert [label for label in labels(app) if label.startswith("Measure 1 curve ·")]
    assert len(app.dataframe[0].value) == 3
    measure(app)
    assert len(app.dataframe[0].value) == 4


@pytest.mark.slow
def test_what_was_finished_before_a_cancel_is_kept(make, monkeypatch):
    from ncviz import tasks

    app = make(lab_criteria="magnitude,lamp", lab_seeds="1")
    whole = tasks.Curve.run

    def stopped(self, context):
        if self.config.criterion == "lamp":
            context.cancel.set()
        return whole(self, context)

    monkeypatch.setattr(tasks.Curve, "run", stopped)
    job = measure(app)
    assert job.state == "cancelled"
    assert list(app.dataframe[0].value["criterion"]) == ["Magnitude"]
    assert [label for label in labels(app) if label.startswith("Measure 1 curve ·")]


@pytest.mark.filterwarnings("ignore::ncviz.store.StoreWarning")
def test_a_curve_in_the_place_of_a_damaged_one_is_shown(make):
    from ncviz import tasks
    from ncviz.ui.server import resources

    app = make(lab_criteria="magnitude,lamp")
    measure(app)
    key = tasks.Curve(tasks.open_network("mlp-digits-relu"), PruningConfig("lamp"), GRID).key(NOWHERE)
    file = next(Path(resources.desk().store.where).glob(f"{key}*"))
    file.write_bytes(file.read_bytes()[:-1])
    resources.desk()._known.clear()
    app.run()
    assert any(label.startswith("Measure 1 curve ") for label in labels(app))
    measure(app)
    assert not any(label.startswith("Measure") for label in labels(app))


def test_a_criterion_that_fails_is_a_sentence_and_the_others_go_on(make):
    app = make(lab_criteria="magnitude,wanda", lab_seeds="1", lab_samples="900")
    measure(app)
    assert list(app.dataframe[0].value["criterion"]) == ["Magnitude"]
    assert any("900 are asked for" in warning.value for warning in app.warning)


def test_one_reason_is_said_once_and_what_failed_is_not_offered_again(make):
    app = make(lab_criteria="curvature,wanda", lab_seeds="1", lab_samples="900")
    measure(app)
    assert len(app.warning) == 1
    assert not any(label.startswith("Measure") for label in labels(app))
    box = next(box for box in app.main.multiselect if box.label == "Criteria")
    box.set_value([*box.value, "magnitude"]).run()
    assert [label for label in labels(app) if label.startswith("Measure 1 curve ·")]
    measure(app)
    assert list(app.dataframe[0].value["criterion"]) == ["Magnitude"]
    assert len(app.warning) == 1
    assert not any(label.startswith("Measure") for label in labels(app))


@pytest.mark.parametrize(
    "tab", ["Compare", "Where it cuts", "What breaks", "Fine-tune", "Robustness", "Plans and files"]
)
def test_with_every_layer_protected_nothing_is_offered(make, tab):
    app = open_tab(make(lab_protect="0,1,2"), tab)
    if tab != "Plans and files":
        assert [info.value for info in app.info] == [
            "Every layer is protected, so nothing can be removed: take one out above."
        ]
    assert not any(label.startswith(("Measure", "Fine-tune", "Save")) for label in labels(app))


def test_criteria_that_there_are_not_are_named(make):
    app = make(lab_criteria="magnitude,other-one")
    assert view(app).lab_criteria == "magnitude"
    assert any("'other" in toast.value and "no such criterion" in toast.value for toast in app.toast)
    assert view(make(lab_criteria="nothing")).lab_criteria == ",".join(COMPARED)


def test_most_important_first_puts_the_fastest_collapse_first(make):
    app = make(lab_order="bottlenecks", lab_sparsity="0.05")
    measure(app)
    shares = app.dataframe[0].value["accuracy at 5%"].tolist()
    assert shares == sorted(shares)


@pytest.mark.slow
@pytest.mark.parametrize("tab", ["Fine-tune", "Robustness"])
def test_a_run_that_is_under_way_is_found_again_by_the_link(make, monkeypatch, tab):
    import threading

    from ncviz.tasks.finetuning import FineTune
    from ncviz.tasks.robustness import Robustness
    from ncviz.ui.server import resources

    go = threading.Event()
    kind = FineTune if tab == "Fine-tune" else Robustness
    whole = kind.run

    def held(self, context):
        assert go.wait(SECONDS)
        return whole(self, context)

    monkeypatch.setattr(kind, "run", held)
    app = open_tab(make(lab_criteria="magnitude,random"), tab)
    label, value = ("Epochs", 3) if tab == "Fine-tune" else ("Images", 40)
    next(box for box in app.main.number_input if box.label == label).set_value(value).run()
    group = next(group for group in app.main.button_group if group.label in {"Fine-tune", "Measure"})
    group.set_value(["magnitude"]).run()
    press(app, "Fine-tune" if tab == "Fine-tune" else "Measure")
    job = next(job for job in reversed(resources.registry().jobs()) if runs(job, kind))
    try:
        assert job.is_active
        again = make(**link(app))
        assert not again.exception
        assert next(box for box in again.main.number_input if box.label == label).value == value
        assert "Cancel" in labels(again)
        assert any(plain(job.label) in part.value for part in again.main.markdown)
        next(button for button in again.main.button if button.label == "Cancel").click().run()
    finally:
        go.set()
    assert job.wait(SECONDS)
    assert job.state == "cancelled"


def test_the_open_tab_stays_over_a_change_of_pages(make):
    app = open_tab(make(), "Plans and files")
    assert link(app)["lab_tab"] == "plans"
    app.switch_page("pages/model.py").run()
    app.switch_page("pages/pruning.py").run()
    assert not app.exception
    assert any("need a criterion's curve" in info.value for info in app.info)
    assert "lab_tab" not in link(open_tab(app, "Compare"))


def test_changes_are_taken_back_and_made_again(make):
    app = make()
    before = view(app)
    protect = next(box for box in app.main.multiselect if box.label == "Protect layers")
    protect.set_value([0]).run()
    assert view(app).lab_protect == "0"
    next(box for box in app.main.multiselect if box.label == "Criteria").set_value(["lamp"]).run()
    press(app, "Undo")
    assert (view(app).lab_protect, view(app).lab_criteria) == ("0", before.lab_criteria)
    press(app, "Undo")
    assert view(app) == before
    press(app, "Redo")
    assert view(app).lab_protect == "0"


def test_protected_layers_bound_what_is_looked_at_and_lose_nothing(make):
    app = make(lab_protect="0", lab_criteria="magnitude", lab_seeds="1")
    assert any("leave at most 20%" in caption.value for caption in app.caption)
    measure(app)
    assert "accuracy at 20%" in app.dataframe[0].value
    open_tab(app, "Where it cuts")
    assert any("of the 544 weights removed" in caption.value for caption in app.caption) or any(
        "128 weights kept" in caption.value for caption in app.caption
    )


@pytest.mark.slow
def test_a_plan_holds_its_budgets_and_brings_them_back(make):
    app = make(lab_criteria="magnitude", lab_seeds="1", lab_sparsity="0.8", lab_budgets="0-40")
    assert any("budgets of layers leave at most 50%" in caption.value for caption in app.caption)
    measure(app)
    open_tab(app, "Plans and files")
    press(app, "Save this plan")
    assert app.dataframe[0].value["budgets"][0] == "40%\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}1"
    # Of the 1,360 that are gone, no more than two fifths of the first layer's 2,048.
    assert app.dataframe[0].value["1 · linear 64→32"][0] == pytest.approx(819 / 2048)
    press(app, "Drop budgets")
    assert view(app).lab_budgets == ""
    press(app, "Open")
    assert view(app).lab_budgets == "0-40"


def test_a_layer_that_is_emptied_is_named(make):
    app = make(lab_criteria="magnitude", lab_seeds="1", lab_sparsity="1.0")
    measure(app)
    open_tab(app, "Where it cuts")
    assert "Magnitude empties every layer" in app.warning[0].value


def test_what_breaks_says_how_many_images_and_which_flip(make):
    app = make(lab_look="curvature", lab_beside="random")
    measure(app)
    open_tab(app, "What breaks")
    text = " ".join(part.value for part in app.markdown)
    assert "On 360 evaluation images" in text
    lost = [int(found) for found in re.findall(r"Right before, wrong now: (\d+) images", text)]
    gained = [int(found) for found in re.findall(r"Wrong before, right now: (\d+) images", text)]
    (told,) = [part.value for part in app.markdown if "evaluation images" in part.value]
    whole, *pruned = [float(found) for found in re.findall(r"(\d+\.\d+)%(?:[;.]| \(first of 2)", told)]
    assert len(pruned) == len(lost) == 2
    for accuracy, fewer, more in zip(pruned, lost, gained, strict=True):
        assert (whole - accuracy) * 360 / 100 == pytest.approx(fewer - more, abs=0.05)


def test_a_plan_is_saved_listed_renamed_deleted_and_brought_back(make, tmp_path):
    app = make()
    measure(app)
    open_tab(app, "Plans and files")
    app.main.text_input[0].set_value("My *plan*")
    press(app, "Save this plan")
    table = app.dataframe[0].value
    assert list(table["plan"]) == ["My *plan*"]
    assert table["removed"][0] == pytest.approx(0.8)
    stored = json.loads(next((tmp_path / "cache").glob("plan-*.json")).read_text())
    assert stored["pruning"] == PruningConfig().as_dict()
    fresh = make(lab_criteria="magnitude", lab_seeds="1", lab_sparsity="0.5", alpha="0.3")
    open_tab(fresh, "Plans and files")
    press(fresh, "Open")
    assert view(fresh).alpha == PruningConfig().alpha
    assert view(fresh).lab_sparsity == pytest.approx(0.8)
    assert "curvature" in view(fresh).lab_criteria
    name = next(box for box in fresh.main.text_input if box.label == "Name")
    name.set_value("Better").run()
    press(fresh, "Rename")
    assert list(fresh.dataframe[0].value["plan"]) == ["Better"]
    press(fresh, "Delete")
    assert any("No plan for this network yet" in info.value for info in fresh.info)
    fresh.main.button(key="lab-undelete").click().run()
    assert list(fresh.dataframe[0].value["plan"]) == ["Better"]


def test_a_plan_of_an_earlier_version_shows_no_numbers(make, tmp_path):
    app = make(batchnorm="folded")
    measure(app)
    open_tab(app, "Plans and files")
    press(app, "Save this plan")
    assert app.dataframe[0].value["accuracy"].notna().all()
    path = next((tmp_path / "cache").glob("plan-*.json"))
    stored = json.loads(path.read_text())
    path.write_text(json.dumps(stored | {"algorithm": stored["algorithm"] - 1}))
    fresh = make()
    open_tab(fresh, "Plans and files")
    table = fresh.dataframe[0].value
    assert list(table["removed"]) == [pytest.approx(0.8)]
    assert table["accuracy"].isna().all()
    assert any("saved by an earlier version" in caption.value for caption in fresh.caption)
    press(fresh, "Open")
    assert view(fresh).batchnorm == "folded"
    path.write_text(
        json.dumps(stored | {"algorithm": 1, "pruning": stored["pruning"] | {"criterion": "magnitude"}})
    )
    fresh = make()
    open_tab(fresh, "Plans and files")
    assert fresh.dataframe[0].value["accuracy"].notna().all()


@pytest.mark.slow
@pytest.mark.parametrize("form", ["pruned", "reparametrised", "masks"])
def test_the_lines_on_the_page_load_the_file_and_give_the_accuracy_on_the_page(
    make, tmp_path, monkeypatch, form
):
    app = make(lab_criteria="curvature", lab_seeds="1")
    measure(app)
    open_tab(app, "Plans and files")
    control = next(group for group in app.main.button_group if group.label == "Form")
    control.set_value(form).run()
    shown = next(
        re.search(r"accuracy (\d+\.\d+)%", part.value)
        for part in app.markdown
        if "weights kept, accuracy" in part.value
    )
    code = app.main.code[0].value
    from ncviz import tasks
    from ncviz.ui.pruning import files

    network = tasks.open_network("mlp-digits-relu")
    ranks = here(tasks.open_store()).run(tasks.Order(network, PruningConfig())).result
    name = files.file_name(network, form)
    (tmp_path / name).write_bytes(files.content(network, ranks, round(0.8 * len(ranks)), form, {}))
    monkeypatch.chdir(tmp_path)
    space = {"net": ncviz.load_model("mlp-digits-relu")}
    exec(compile(code, "page", "exec"), space)
    images = ncviz.load_dataset("digits", split="test")
    assert f"{100 * space['accuracy'](images.inputs, images.labels):.2f}" == shown[1]


def test_the_table_of_the_curves_holds_every_point(make):
    app = make(lab_criteria="curvature,magnitude,random", lab_seeds="2", lab_samples="2")
    measure(app)
    import io

    from ncviz import tasks
    from ncviz.scene.comparison import curves_csv

    network, store = tasks.open_network("mlp-digits-relu"), tasks.open_store()
    configs = [PruningConfig(name, 2, seed) for name in ("curvature", "random") for seed in (0, 1)]
    configs.append(PruningConfig("magnitude", 2))
    known = [(config, here(store).look_up(tasks.Curve(network, config, GRID))) for config in configs]
    table = pd.read_csv(io.BytesIO(curves_csv(network.name, known)))
    assert len(table) == 5 * len(GRID)
    assert (
        table[table["criterion"] == "magnitude"][["samples_per_class", "alpha", "seed"]].isna().all(axis=None)
    )
    for criterion in ("curvature", "random"):
        config = PruningConfig(criterion, samples_per_class=2, seed=1)
        record = here(store).look_up(tasks.Curve(network, config, GRID))
        own = table[(table["criterion"] == criterion) & (table["seed"] == 1)]
        assert own["accuracy"].tolist() == pytest.approx(record.accuracy[criterion, "redundant"].tolist())
        assert own["removed"].tolist() == record.removed.tolist()
