"""The Edge page by Streamlit's own test harness."""

import pytest

from tests.examples.contexts import here

KAPPA = "κ of this edge on this image"
MLP = "mlp-digits-relu"


def visit(app, **query):
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    app.switch_page("pages/edge.py").run()
    assert not app.exception
    return app


def shown(app):
    (metric,) = [metric for metric in app.metric if metric.label == KAPPA]
    return float(metric.value.replace("−", "-"))


def test_without_an_edge_it_opens_on_the_strongest_bottleneck(app):
    from ncviz import tasks

    visit(app, model=MLP, hand="x2:weight-3")
    record = here(tasks.open_store()).look_up(tasks.Curvature(tasks.open_network(MLP)))
    assert shown(app) == pytest.approx(
        min(float(values.min()) for values in record.weights.values()), abs=6e-4
    )
    assert any("strongest bottleneck" in text.value for text in app.markdown)
    # What is done by hand on Explore changes nothing here, and that is said.
    assert any("the network as it came" in text.value for text in app.caption)
    assert not app.error
    assert app.dataframe[0].value["κ"].is_monotonic_increasing


def test_of_a_curvature_of_intervals_no_middle_is_told_as_a_value(network, store, app):
    from ncviz import tasks
    from ncviz.config import CurvatureConfig

    rough = here(store).run(tasks.Curvature(network, CurvatureConfig(seed=7), time_limit=0.0)).result
    edges, name = rough.edges[1], rough.parameters[1]
    ends = [rough.interval(name, weight) for weight in edges.parameter.tolist()]
    at = next(at for at, (low, up) in enumerate(ends) if up - low > 0.01)
    visit(app, model=MLP, seed="7", edge=f"1-{edges.source[at]}-{edges.target[at]}")
    assert rough.intervals.sentence() in [each.value for each in app.info]
    (metric,) = [metric for metric in app.metric if metric.label == "Least κ of this weight"]
    low, up = (float(end.replace("−", "-")) for end in metric.value.split(" … "))
    assert low <= ends[at][0] < ends[at][1] <= up


def test_a_network_without_curvature_names_those_that_have_one(app):
    from ncviz import tasks

    visit(app, model="lenet-mnist-relu-decay")
    assert any("No curvature yet" in info.value for info in app.info)
    buttons = {button.label: button for button in app.main.button}
    titles = {name: spec.title for name, spec in tasks.MODELS.items()}
    assert titles["lenet-mnist-relu-decay"] not in buttons
    assert titles["lenet-mnist-relu"] in buttons
    buttons[titles[MLP]].click().run()
    assert not app.exception
    assert shown(app) < 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "connection"),
    [("mlp-digits-relu", 1), ("lenet-mnist-relu", 1), ("lenet-mnist-tanh", 0), ("vgg9-cifar10-relu", 4)],
)
def test_the_curvature_is_the_stored_one_where_the_weight_has_its_least(app, model, connection):
    from ncviz import tasks
    from ncviz.config import CurvatureConfig

    record = here(tasks.open_store()).look_up(tasks.Curvature(tasks.open_network(model), CurvatureConfig()))
    edges = record.edges[connection]
    at = int(edges.curvature.argmin())
    visit(app, model=model, edge=f"{connection}-{edges.source[at]}-{edges.target[at]}")
    assert shown(app) == pytest.approx(float(edges.curvature[at]), abs=6e-4)
    assert not app.error


@pytest.mark.parametrize(
    ("edge", "words"),
    [
        ("7-0-0", "layers 1 to 3, and no layer 8"),
        ("1-99-0", "source of an edge of layer 2 must be a unit from 0 to 31"),
        ("1-0-99", "target of an edge of layer 2 must be a unit from 0 to 15"),
    ],
)
def test_an_edge_that_is_not_there_is_one_sentence(app, edge, words):
    visit(app, model=MLP, edge=edge)
    (error,) = app.error
    assert words in error.value
    assert app.dataframe[0].value is not None


def test_padding_and_far_units_are_no_edges(app):
    visit(app, model="lenet-mnist-relu", edge="0-783-0")
    (error,) = app.error
    assert "unit 0 does not read unit 783" in error.value


def test_a_link_that_makes_no_sense_is_left_out(app):
    visit(app, model=MLP, edge="one-two-three")
    assert any("strongest bottleneck" in text.value for text in app.markdown)


def test_alpha_moves_the_curvature_below_one_half_only(app):
    visit(app, model=MLP, edge="1-27-14")
    slider = next(slider for slider in app.slider if slider.label == "Idleness α")
    before = shown(app)
    slider.set_value(0.5).run()
    assert shown(app) == before
    next(slider for slider in app.slider if slider.label == "Idleness α").set_value(0.0).run()
    assert shown(app) != before
    next(button for button in app.button if button.label == "Reset both sliders").click().run()
    assert shown(app) == before
    assert not app.exception


def test_the_weight_moves_it_too_and_can_be_put_back(app):
    visit(app, model=MLP, edge="1-27-14")
    before = shown(app)
    app.select_slider[0].set_value(8).run()
    heavier = shown(app)
    app.select_slider[0].set_value(-8).run()
    assert heavier < before < shown(app)
    next(button for button in app.button if button.label == "Reset both sliders").click().run()
    assert shown(app) == before
    assert app.select_slider[0].value == 0


def test_another_image_gives_another_curvature_and_stays_in_the_view(app):
    visit(app, model=MLP, edge="1-27-14")
    least = shown(app)
    box = next(box for box in app.selectbox if box.label == "Calibration image")
    box.select("image-0").run()
    assert app.session_state["latest"].view.flow == "image-0"
    assert shown(app) >= least
    assert not app.exception


def test_a_class_of_the_view_is_that_class(app):
    visit(app, model=MLP, edge="1-27-14", flow="class-2")
    box = next(box for box in app.selectbox if box.label == "Calibration image")
    assert box.value == "class-2"
    assert not app.exception


def test_an_edge_by_its_numbers(app):
    visit(app, model=MLP)
    box = next(box for box in app.selectbox if box.label == "Layer")
    box.select(2).run()
    source, target = (field for field in app.main.number_input if "unit" in field.label)
    source.set_value(99)
    next(button for button in app.button if button.label == "Look at this edge").click().run()
    assert any("must be a unit from 0 to 15" in error.value for error in app.error)
    source, target = (field for field in app.main.number_input if "unit" in field.label)
    source.set_value(3)
    target.set_value(1)
    next(button for button in app.button if button.label == "Look at this edge").click().run()
    assert app.session_state["latest"].view.edge == "2-3-1"
    assert shown(app) < 0
    assert not app.error


def test_settings_that_were_not_computed_offer_the_next_click(app):
    visit(app, model=MLP, seed="11", edge="1-0-0")
    assert any(button.label == "Compute it now" for button in app.button)
