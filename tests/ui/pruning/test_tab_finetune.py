"""The tab Fine-tune by Streamlit's own test harness, and what it is made of."""

from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ncviz.plots.pruning.finetuning import TunedCurve, accuracy_curves, binned, loss_curves
from ncviz.plots.pruning.styles import Style
from tests.examples.contexts import here
from tests.ui.pruning.tab_app import SECONDS, button, field, finish, words

STYLE = Style("#123456", "solid", "circle", 2)


def page():
    from ncviz.ui.pruning import tab_finetune
    from ncviz.ui.session import session

    session.begin()
    tab_finetune.draw_finetuning(session.network())


@pytest.fixture
def app(from_here):
    app = AppTest.from_function(page, default_timeout=SECONDS)
    app.query_params["model"] = "mlp-digits-relu"
    app.query_params["lab_criteria"] = "magnitude,random"
    app.query_params["lab_sparsity"] = "0.9"
    return app


def run(app, epochs=1):
    app.run()
    field(app, "Epochs").set_value(epochs).run()
    button(app, "Fine-tune").click().run()
    finish()
    app.run()
    assert not app.exception
    return app.dataframe[0].value


def test_it_says_what_it_learns_from_and_how_long_it_takes(app):
    app.run()
    assert not app.exception
    text = words(app)
    assert "removes **90%** of the weights" in text
    assert "Learns from all 1,437 Digits 8×8 train images; accuracy on all 360 Digits 8×8 test images" in text
    assert "Magnitude, Random: " in text
    assert "To learn from more" not in text
    assert not app.dataframe


def test_a_sample_of_the_data_is_called_one(app):
    app.query_params["model"] = "lenet-mnist-relu"
    app.run()
    assert "500 of the 60,000 MNIST train images" in words(app)
    assert "To learn from more, name a folder" in words(app)


@pytest.mark.slow
def test_what_comes_back_is_in_the_table_and_is_there_at_once_the_next_time(app):
    from ncviz import accuracy, tasks
    from ncviz.config import PruningConfig
    from ncviz.data.datasets import load_dataset
    from ncviz.pruning.masks import apply_masks, masks_at
    from ncviz.ui.server import resources

    table = run(app, 2).set_index("criterion")
    network, test = tasks.open_network("mlp-digits-relu"), load_dataset("digits", "test")
    store = tasks.open_store()
    for title, name in (("Magnitude", "magnitude"), ("Random", "random")):
        ranks = here(store).run(tasks.Order(network, PruningConfig(name))).result
        shapes = tasks.shapes_of(network)
        pruned = apply_masks(network.module(), masks_at(ranks, round(0.9 * len(ranks)), shapes))
        assert table["pruned"][title] == pytest.approx(100 * accuracy(pruned, test.inputs, test.labels))
    assert (table["fine-tuned"] > table["pruned"]).all()
    assert table["gained"].to_numpy() == pytest.approx((table["fine-tuned"] - table["pruned"]).to_numpy())
    assert table["fine-tuned"].is_monotonic_decreasing
    jobs = len(resources.registry().jobs())
    again = AppTest.from_function(page, default_timeout=SECONDS)
    again.query_params["model"] = "mlp-digits-relu"
    again.query_params["lab_criteria"], again.query_params["lab_sparsity"] = "magnitude,random", "0.9"
    again.run()
    field(again, "Epochs").set_value(2).run()
    assert again.dataframe[0].value["fine-tuned"].tolist() == table["fine-tuned"].tolist()
    assert not [found for found in again.button if found.label == "Fine-tune"]
    assert len(resources.registry().jobs()) == jobs


@pytest.mark.slow
def test_other_settings_offer_what_is_missing(app):
    run(app)
    field(app, "Learning rate").select(0.003).run()
    assert not app.dataframe
    assert button(app, "Fine-tune")
    field(app, "Learning rate").select(0.001).run()
    assert len(app.dataframe[0].value) == 2


@pytest.mark.slow
def test_a_criterion_can_be_left_out(app):
    app.run()
    pills = next(found for found in app.button_group if found.label == "Fine-tune")
    pills.set_value(["magnitude"]).run()
    assert "Magnitude: " in words(app)
    table = run(app)
    assert table["criterion"].tolist() == ["Magnitude"]


@pytest.mark.slow
def test_the_network_can_be_used_at_once(app):
    table = run(app)
    button(app, "Use this network").click().run()
    assert not app.exception
    (name,) = app.session_state["networks"]
    network = app.session_state["networks"][name]
    assert app.session_state["latest"].view.model == name
    zeros = sum(int((values == 0).sum()) for values in network.arrays.values() if values.ndim > 1)
    assert zeros == round(0.9 * 2720)
    from ncviz import accuracy
    from ncviz.data.datasets import load_dataset

    test = load_dataset("digits", "test")
    assert 100 * accuracy(network.module(), test.inputs, test.labels) == pytest.approx(
        table["fine-tuned"].max()
    )


@pytest.mark.slow
def test_a_cancelled_run_keeps_what_was_finished(app):
    app.run()
    field(app, "Epochs").set_value(50).run()
    button(app, "Fine-tune").click().run()
    from ncviz.ui.server import resources

    job = resources.registry().jobs()[-1]
    assert any(found.label == "Cancel" for found in app.button)
    job.cancel()
    finish()
    assert job.state == "cancelled"
    app.run()
    assert not app.exception
    assert button(app, "Fine-tune")


@pytest.mark.slow
def test_protected_layers_keep_all_their_weights(app):
    app.query_params["lab_protect"] = "0"
    run(app)
    assert "removes **20%**" in words(app)
    button(app, "Use this network").click().run()
    (network,) = app.session_state["networks"].values()
    first, *others = (values for values in network.arrays.values() if values.ndim > 1)
    assert first.all()
    assert sum(int((values == 0).sum()) for values in others) == round(0.2 * 2720)


@pytest.mark.parametrize(
    ("sparsity", "said"), [("0", "nothing to win back"), ("1", "nothing is left to train")]
)
def test_nothing_and_everything_removed_are_refused(app, sparsity, said):
    app.query_params["lab_sparsity"] = sparsity
    app.run()
    assert not app.exception
    assert said in words(app)
    assert not app.button


def test_without_criteria_there_is_the_next_step(app):
    app.run()
    app.session_state["latest"].view = replace(app.session_state["latest"].view, lab_criteria="")
    app.run()
    assert not app.exception
    assert words(app) == "Choose at least one criterion above."


def test_a_missing_folder_is_a_sentence(app, monkeypatch):
    monkeypatch.setenv("NCVIZ_DATA", "/no/such/folder")
    app.query_params["model"] = "lenet-mnist-relu"
    app.run()
    assert not app.exception
    assert len(app.error) == 1


def test_losses_are_means_of_so_many_steps():
    values = np.arange(10.0)
    ends, means = binned(values, 4)
    assert ends.tolist() == [4, 8, 10]
    assert means.tolist() == [1.5, 5.5, 8.5]
    ends, means = binned(values, 1)
    assert ends.tolist() == list(range(1, 11))
    assert means.tolist() == values.tolist()
    assert [len(part) for part in binned(np.empty(0), 3)] == [0, 0]


def test_the_loss_figure_holds_every_criterion_and_all_steps_to_come():
    curves = [TunedCurve(name, STYLE, np.arange(40.0), np.array([0.5])) for name in ("<b>one", "two")]
    figure = loss_curves(curves, 1500)
    assert [trace.name for trace in figure.data] == ["&lt;b&gt;one", "two"]
    assert figure.layout.xaxis.range == (0, 1500)
    assert list(figure.data[0].y) == [4.5, 14.5, 24.5, 34.5]
    assert "mean of 10 steps" in figure.layout.yaxis.title.text


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_accuracy_figure_begins_at_the_pruned_network(theme):
    curve = TunedCurve("one", STYLE, np.empty(0), np.array([0.62, 0.9, 0.95]))
    figure = accuracy_curves([curve], 2, 0.98, theme)
    assert list(figure.data[0].x) == [0, 1, 2]
    assert list(figure.data[0].y) == [0.62, 0.9, 0.95]
    assert list(figure.data[1].y) == [0.98, 0.98]
    low, high = figure.layout.yaxis.range
    assert 0.5 < low < 0.62
    assert high >= 1
