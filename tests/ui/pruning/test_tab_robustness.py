"""The tab Robustness by Streamlit's own test harness, and what it is made of."""

import io

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from ncviz.plots.pruning.robustness import RobustnessCurve, class_bars, robustness_curves
from ncviz.plots.pruning.styles import Style
from ncviz.scene.pictures import enlarged, pair
from ncviz.scene.pruning_tables import robustness_table
from ncviz.spreadsheet import table_csv
from ncviz.tasks.robustness import RobustnessRecord
from ncviz.ui.pruning.robustness_bottlenecks import Scaled
from ncviz.ui.pruning.robustness_examples import pick_examples
from tests.examples.contexts import here
from tests.ui.pruning.tab_app import SECONDS, button, field, finish, words

STYLE = Style("#123456", "dash", "square", 2)


def page():
    from ncviz.ui.pruning import tab_robustness
    from ncviz.ui.session import session

    session.begin()
    tab_robustness.draw_robustness(session.network())


@pytest.fixture
def app(from_here):
    app = AppTest.from_function(page, default_timeout=SECONDS)
    app.query_params["model"] = "mlp-digits-relu"
    app.query_params["lab_criteria"] = "magnitude,random"
    app.query_params["lab_sparsity"] = "0.5"
    return app


def part(app, name):
    field(app, "What happens to the network").set_value(name).run()


def measure(app, images=60):
    field(app, "Images").set_value(images).run()
    button(app, "Measure").click().run()
    finish()
    app.run()
    assert not app.exception


def records(app, **config):
    from ncviz import tasks
    from ncviz.config import PruningConfig
    from ncviz.tasks.robustness import Robustness, RobustnessConfig

    network = tasks.open_network("mlp-digits-relu")
    return {
        name: here(tasks.open_store()).look_up(
            Robustness(network, RobustnessConfig(PruningConfig(name), **config))
        )
        for name in ("magnitude", "random")
    }


def test_it_offers_to_measure_and_says_how_long_that_takes(app):
    app.run()
    assert not app.exception
    assert "Magnitude, Random: " in words(app)
    assert field(app, "Images").value == 360
    assert [found.value for found in app.number_input[:3]] == [11, 2, 10]


@pytest.mark.slow
def test_pgd_curves_are_stored_and_shown_with_examples(app):
    from ncviz.config import AttackConfig
    from ncviz.ui.server import resources

    app.run()
    measure(app)
    found = records(app, disturbance=AttackConfig(11 / 255, 2 / 255, 10), images=60)
    assert all(record.is_complete and record.images == 60 for record in found.values())
    assert found["magnitude"].under[0] < found["magnitude"].clean[0]
    text = words(app)
    assert "60 images drawn from all 360 Digits 8×8 test images" in text
    assert "computed on the pruned network itself" in text
    clean, under = found["magnitude"].clean[0], found["magnitude"].under[0]
    assert f"Accuracy with nothing removed {clean:.1%}, attacked {under:.1%}." in text
    assert "With 50% removed" in text
    assert text.count(" · says ") == 6
    assert not [found for found in app.button if found.label.startswith("Measure")]
    jobs = len(resources.registry().jobs())
    field(app, "Single images, network pruned by").select("random").run()
    assert not app.exception
    assert len(resources.registry().jobs()) == jobs


@pytest.mark.slow
def test_fgsm_has_one_step(app):
    from ncviz.config import AttackConfig

    app.run()
    field(app, "Attack").set_value("fgsm").run()
    assert [found.label for found in app.number_input] == ["ε, in 255ths", "Images"]
    field(app, "ε, in 255ths").set_value(20).run()
    measure(app, 40)
    assert records(app, disturbance=AttackConfig.fgsm(20 / 255), images=40)["random"].is_complete


@pytest.mark.slow
def test_corruptions(app):
    from ncviz.pruning.corruptions import CorruptionConfig

    app.run()
    part(app, "corruption")
    field(app, "Corruption").select("blur").run()
    field(app, "Severity").set_value(5).run()
    assert "Gaussian blur: standard deviation, in pixels, 1." in words(app)
    measure(app, 40)
    assert records(app, disturbance=CorruptionConfig("blur", 5), images=40)["magnitude"].is_complete
    assert "The same corrupted images at every sparsity" in words(app)


@pytest.mark.slow
def test_what_was_finished_before_a_cancel_is_shown_and_the_rest_offered(app, monkeypatch):
    from ncviz.pruning.robustness import Disturber
    from ncviz.ui.server import resources

    original, calls = Disturber.measure, []

    def slowly(self, *args):
        calls.append(1)
        if len(calls) == 4:
            resources.registry().jobs()[-1].cancel()
        return original(self, *args)

    app.run()
    field(app, "Images").set_value(40).run()
    monkeypatch.setattr(Disturber, "measure", slowly)
    button(app, "Measure").click().run()
    finish()
    app.run()
    assert not app.exception
    assert resources.registry().jobs()[-1].state == "cancelled"
    assert button(app, "Measure the rest")
    assert "Random: " in words(app)


@pytest.mark.slow
def test_a_class_alone_is_hit_when_its_own_bottlenecks_go(app):
    app.run()
    part(app, "repair")
    assert not app.exception
    text = words(app)
    assert "54 of 2,720 weights taken out: class **0**" in text
    assert "1 calibration image of each class. Accuracy on 360 test images" in text
    listed = app.dataframe[0].value
    assert (listed["κ for this class"] < 0).all()
    # Chosen where the others lose less: never active, which is worth 2, counts among them.
    others, never = listed["mean κ for the others"], listed["of them never active for"]
    worth = (others.fillna(0) * (9 - never) + 2 * never) / 9
    assert (worth > listed["κ for this class"]).all()
    assert others.notna().any()
    assert (never > 0).any()
    field(app, "Multiplied by").set_value(1.0).run()
    assert "(+0.0 points); the others change by +0.0 points" in words(app)
    field(app, "Class").select(3).run()
    assert "class **3**" in words(app)
    assert not app.exception


@pytest.mark.slow
def test_the_curvature_of_each_class_is_computed_on_request(app):
    app.query_params["lab_samples"] = "2"
    app.run()
    part(app, "repair")
    assert "not known yet, with 2 images per class, seed 0" in words(app)
    button(app, "Compute it").click().run()
    finish()
    app.run()
    assert not app.exception
    assert "2 calibration images of each class" in words(app)


@pytest.mark.slow
def test_classes_that_cannot_be_written_are_shown_all_the_same(app, monkeypatch):
    from ncviz.errors import StoreError
    from ncviz.store import Store

    app.query_params["lab_samples"] = "3"
    app.run()
    part(app, "repair")
    # The curvature itself is kept; each image's own minima, which the classes are made of, are too many to keep.
    monkeypatch.setattr("ncviz.tasks.curvature.task.MAX_SAMPLE_VALUES", 0)
    kept, written = Store.put, []

    def put(store, key, arrays, meta):
        if written:
            raise StoreError("The disk is full.")
        written.append(key)
        kept(store, key, arrays, meta)

    monkeypatch.setattr(Store, "put", put)
    button(app, "Compute it").click().run()
    finish()
    app.run()
    assert not app.exception
    assert "3 calibration images of each class" in words(app)


def test_a_missing_folder_is_a_sentence(app, monkeypatch):
    monkeypatch.setenv("NCVIZ_DATA", "/no/such/folder")
    app.query_params["model"] = "lenet-mnist-relu"
    app.run()
    assert not app.exception
    assert len(app.error) == 1


def curve(title="one", under=(0.9, 0.5, np.nan)):
    return RobustnessCurve(
        title, STYLE, np.array([0.0, 0.1, 0.9]), np.array([1.0, 0.8, 0.3]), np.array(under)
    )


def test_the_figure_has_both_curves_of_every_criterion_and_leaves_out_what_is_not_measured():
    figure = robustness_curves([curve(), curve("<i>two")], "attacked", marked=0.8)
    clean, under = figure.data[:2]
    assert (clean.line.dash, under.line.dash) == ("dot", "solid")
    assert list(clean.y) == [1.0, 0.8]
    assert list(under.y) == [0.9, 0.5]
    assert figure.data[2].name == "&lt;i&gt;two"
    assert [trace.name for trace in figure.data if trace.showlegend is not False] == [
        "one",
        "&lt;i&gt;two",
        "attacked",
        "as they are",
    ]
    assert figure.layout.shapes[0].x0 == 0.8


def test_a_logarithmic_axis_has_no_place_for_nothing_removed():
    figure = robustness_curves([curve()], "corrupted", "dark", marked=0.0, is_log=True)
    assert figure.layout.xaxis.type == "log"
    assert list(figure.data[0].x) == [0.1]
    assert not figure.layout.shapes


def test_the_chosen_class_has_a_colour_of_its_own():
    before, after = np.array([0.9, 0.8, np.nan]), np.array([0.1, 0.8, np.nan])
    figure = class_bars(before, after, ["a", "<b>", "c"], 1)
    first, own, others = figure.data
    assert list(first.x) == ["a", "&lt;b&gt;", "c"]
    assert np.array_equal(own.y, [np.nan, 0.8, np.nan], equal_nan=True)
    assert np.array_equal(others.y, [0.1, np.nan, np.nan], equal_nan=True)
    assert own.offsetgroup == others.offsetgroup != first.offsetgroup


def test_the_table_holds_what_is_measured():
    clean, under = np.array([1, 0.5, np.nan]), np.array([0.9, 0.4, np.nan])
    record = RobustnessRecord(np.array([0, 10, 20]), clean, under, {"total": 20, "images": 7})
    found = pd.read_csv(io.BytesIO(table_csv(robustness_table({"lamp": record, "random": record}))))
    assert found["criterion"].tolist() == ["lamp"] * 2 + ["random"] * 2
    assert found["sparsity"].tolist() == [0, 0.5] * 2
    assert found["accuracy_disturbed"].tolist() == [0.9, 0.4] * 2
    assert set(found["images"]) == {7}


def test_misled_images_come_first_then_those_that_withstood():
    labels = np.arange(8) % 3
    clean, under = labels.copy(), labels.copy()
    clean[0] = under[0] = 9
    under[[5, 6]] = 9
    images = np.arange(8.0).reshape(8, 1, 1, 1).repeat(4, 2).repeat(4, 3) / 8
    found = pick_examples(images, images, labels, clean, under)
    assert found.before[:, 0, 0].tolist() == np.rint(255 * np.array([5, 6, 1, 2, 3, 4]) / 8).tolist()
    assert (found.misled, found.right) == (2, 7)
    assert found.under[:2].tolist() == [9, 9]


def test_pixels_are_whole_squares():
    grey = enlarged(np.array([[[[0.0, 1.0], [0.5, 0.2]]]]))
    assert grey.shape == (1, 144, 144)
    assert (grey[0, :72, :72] == 0).all()
    assert (grey[0, :72, 72:] == 255).all()
    assert enlarged(np.zeros((2, 3, 32, 32))).shape == (2, 128, 128, 3)
    two = pair(grey[0], grey[0])
    assert two.shape[0] == 144
    assert np.array_equal(two[:, :144], two[:, -144:])


def test_what_scaling_does_tells_the_class_from_the_others():
    found = Scaled(np.array([0.9, 0.8, np.nan, 1.0]), np.array([0.5, 0.9, np.nan, 0.9]), 0)
    assert found.own == pytest.approx(-40)
    assert found.others == pytest.approx(0, abs=1e-9)


def test_images_without_labels_have_an_agreement():
    assert robustness_curves([curve()], "attacked", word="agreement").layout.yaxis.title.text == "agreement"
    figure = class_bars(np.ones(2), np.ones(2), ["a", "b"], 0, word="agreement")
    assert figure.layout.yaxis.title.text == "agreement"
