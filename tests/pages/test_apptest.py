"""Each page by Streamlit's own test harness: it runs, and bad input is a sentence."""

from dataclasses import replace

import pytest

from ncviz import tasks
from ncviz.config import CurvatureConfig
from ncviz.ui.server import resources
from tests.examples.contexts import here

SECONDS = 60


@pytest.mark.parametrize("page", ["explore", "model", "curvature"])
def test_every_page_runs(app, page):
    app.run()
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    assert not app.error


def test_a_link_sets_the_view(app):
    app.query_params["removed"] = "0.5"
    app.query_params["order"] = "bottlenecks"
    app.run()
    assert app.session_state["latest"].view.removed == 0.5
    assert app.session_state["latest"].view.order == "bottlenecks"
    assert not app.exception


def test_a_bad_link_is_a_toast_and_the_default(app):
    app.query_params["alpha"] = "7"
    app.run()
    assert app.session_state["latest"].view.alpha == 0.9
    assert any("alpha" in toast.value for toast in app.toast)
    assert not app.exception


def test_settings_that_were_not_computed_offer_the_next_click(app):
    app.query_params["seed"] = "11"
    app.run()
    assert any("No curvature yet" in info.value for info in app.info)
    assert any(button.label == "Compute it now" for button in app.button)


@pytest.mark.slow
def test_the_last_layer_alone_is_offered_and_the_whole_is_one_click_away(app):
    app.query_params["seed"] = "11"
    app.run()
    next(button for button in app.button if button.key == "compute-last").click().run()
    assert app.session_state["latest"].view.parts == "5.weight"
    job = resources.registry().jobs()[-1]
    job.wait(60)
    app.run()
    assert any("Curvature of a part alone" in caption.value for caption in app.caption)
    next(button for button in app.button if button.key == "whole-network").click().run()
    assert app.session_state["latest"].view.parts == ""
    assert any(button.label == "Compute it now" for button in app.button)
    assert not app.exception


def test_the_model_selector_changes_the_view(app):
    app.run()
    app.sidebar.selectbox[0].select("lenet-mnist-relu").run()
    assert app.session_state["latest"].view.model == "lenet-mnist-relu"
    assert not app.exception


@pytest.mark.slow
def test_training_starts_stops_and_gives_a_network(app):
    app.run()
    app.switch_page("pages/model.py").run()
    app.session_state["model-tabs"] = "Train"
    app.run()
    tab = next(tab for tab in app.tabs if tab.label == "Train")
    tab.number_input[0].set_value(1)
    next(button for button in tab.button if button.label == "Train").click().run()
    assert not app.exception
    from ncviz.ui.server import resources

    job = resources.registry().jobs()[-1]
    assert job.key.startswith("training-")
    assert job.wait(SECONDS)
    app.run()
    next(button for button in app.button if button.label == "Use this network").click().run()
    assert not app.exception
    assert "trained here" in next(iter(app.session_state["networks"].values())).title


@pytest.mark.parametrize("name", ["samples", "alpha"])
def test_settings_out_of_range_are_a_sentence_and_change_nothing(app, name):
    app.run()
    before = app.session_state["latest"].view
    app.switch_page("pages/curvature.py").run()
    field = {"samples": 0, "alpha": 1}[name]
    app.main.number_input[field].set_value(0 if name == "samples" else 7.0)
    next(button for button in app.main.button if button.label == "Compute").click().run()
    assert any("must" in error.value for error in app.error)
    assert app.session_state["latest"].view == before


def test_a_stored_result_is_not_computed_again(app):
    app.run()
    app.switch_page("pages/curvature.py").run()
    from ncviz.ui.server import resources

    before = len(resources.registry().jobs())
    next(button for button in app.main.button if button.label == "Compute").click().run()
    assert any("stored before" in toast.value for toast in app.toast)
    assert len(resources.registry().jobs()) == before


@pytest.mark.slow
def test_how_batchnorm_is_read_is_a_setting_of_networks_that_have_it(open_app):
    def opened(**link):
        app = open_app()
        app.query_params |= link
        app.run()
        told = [caption.value for caption in app.caption]
        app.switch_page("pages/curvature.py").run()
        boxes = [box.value for box in app.main.selectbox if box.label == "BatchNorm"]
        return boxes, " ".join([*told, *(each.value for each in (*app.caption, *app.info))])

    boxes, told = opened(batchnorm="folded")
    assert not boxes
    assert "BatchNorm" not in told
    # The result that ships is that of a network without BatchNorm, too.
    assert "No curvature yet" not in told
    boxes, told = opened(model="vgg9-cifar10-relu", batchnorm="folded")
    assert boxes == ["folded"]
    assert "BatchNorm folded into the weights" in told
    boxes, told = opened(model="vgg9-cifar10-relu")
    assert boxes == ["own"]
    assert "BatchNorm left out of the graph" in told


def test_a_failure_goes_back_to_the_last_good_result(app):
    app.run()
    app.switch_page("pages/curvature.py").run()
    app.main.number_input[0].set_value(900)
    next(button for button in app.main.button if button.label == "Compute").click().run()
    from ncviz.ui.server import resources

    assert resources.registry().jobs()[-1].wait(SECONDS)
    app.run()
    assert app.session_state["latest"].view.samples == 1
    assert any(metric.label == "Most negative κ" for metric in app.metric)


def test_a_layer_that_is_not_there_is_left_out(app):
    app.query_params["layer"] = "99"
    app.run()
    assert not app.exception
    assert app.session_state["latest"].view.layer == ""


@pytest.mark.slow
def test_the_places_of_never_active_weights_are_measured_side_by_side(app):
    from ncviz import tasks

    context = tasks.open_context()
    network = tasks.open_network("mlp-digits-relu")
    wanted = {
        place: context.run(tasks.Sweep(network, never_active=place)).result
        for place in ("first", "median", "last")
    }
    app.run()
    app.session_state["explore-tabs"] = "Never active"
    app.run()
    assert not app.exception
    tab = next(tab for tab in app.tabs if tab.label == "Never active")
    assert "16% of the weights are never active on these 10 images" in tab.markdown[0].value
    (table,) = [element.value for element in tab.table]
    for (_, row), sweep in zip(table.iterrows(), wanted.values(), strict=True):
        at = list(sweep.removed).index(round(0.7 * sweep.total))
        assert row["70%"] == f"{sweep.accuracy['curvature', 'redundant'][at]:.1%}"
    tab.radio[0].set_value("last").run()
    assert app.session_state["latest"].view.never == "last"
    assert not app.exception


@pytest.mark.slow
def test_negative_edges_are_measured_and_drawn(app):
    from ncviz.ui.server import resources

    app.run()
    app.switch_page("pages/curvature.py").run()
    app.session_state["curvature-tabs"] = "Bottlenecks and robustness"
    app.run()
    app.number_input(key="negative-images").set_value(10).run()
    app.button(key="measure-negative").click().run()
    assert not app.exception
    job = resources.registry().jobs()[-1]
    assert job.label.startswith("Negative edges of MLP")
    assert job.wait(60)
    app.run()
    assert not app.exception
    assert any("Spearman’s ρ" in caption.value and "10 images" in caption.value for caption in app.caption)
    assert not [button for button in app.button if button.key == "measure-negative"]


def test_a_curvature_of_intervals_says_how_sharp_it_is_until_it_is_computed_exactly(network, store, app):
    curvature = tasks.Curvature(network, CurvatureConfig(seed=7))
    rough = here(store).run(replace(curvature, time_limit=0.0)).result
    assert rough.intervals is not None
    app.query_params["seed"] = "7"
    app.run()
    assert not app.exception
    # Explore has nothing to draw without curves, and computes nothing by itself.
    assert rough.intervals.sentence() in [each.value for each in app.info]
    assert any("once κ is exact" in each.value for each in app.caption)
    app.switch_page("pages/curvature.py").run()
    assert rough.intervals.sentence() in [each.value for each in app.info]
    assert any(each.label == "Most negative κ" for each in app.metric)
    app.button(key="sharpen").click().run()
    from ncviz.ui.server import resources

    assert resources.registry().jobs()[-1].wait(SECONDS)
    app.run()
    assert not app.exception
    assert not any("certified intervals" in each.value for each in app.info)
    assert not [each for each in app.button if each.key == "sharpen"]
    assert here(store).look_up(curvature).intervals is None
    # Curves of the exact result beside what is known within intervals: the picture says what it goes by.
    here(store).desk.keep(curvature, curvature.key(here(store)), curvature.encode(rough))
    resources.desk().forget()
    app.switch_page("pages/explore.py").run()
    assert not app.exception
    assert rough.intervals.sentence() in [each.value for each in app.info]
