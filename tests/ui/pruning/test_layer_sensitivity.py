"""What each layer alone can lose, by Streamlit's own test harness, and as a figure."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ncviz.plots.pruning.sensitivity import sensitivity_heatmap
from tests.ui.pruning.tab_app import SECONDS, button, field, finish, words


def page():
    from ncviz.ui.pruning import comparison
    from ncviz.ui.pruning.layer_sensitivity import draw_sensitivity
    from ncviz.ui.session import session

    session.begin()
    draw_sensitivity(session.network(), comparison.current())


def page_with_controls():
    from ncviz.ui.pruning import comparison, controls
    from ncviz.ui.pruning.layer_sensitivity import draw_sensitivity
    from ncviz.ui.session import session

    session.begin()
    controls.draw_controls(session.network())
    draw_sensitivity(session.network(), comparison.current())


def test_a_layer_that_cannot_bear_it_is_protected_by_one_click(from_here):
    app = AppTest.from_function(page, default_timeout=SECONDS)
    app.query_params["model"] = "mlp-digits-relu"
    app.query_params["lab_criteria"] = "magnitude,random"
    app.query_params["lab_sparsity"] = "0.6"
    app.run()
    assert not app.exception
    assert "training images" in words(app)
    button(app, "Measure 3 layers").click().run()
    finish()
    app.run()
    assert not app.exception
    assert "Up to the line a layer costs at most 1 point." in words(app)
    field(app, "Points that a layer may cost").set_value(0.0).run()
    # Nothing may be lost: every layer's budget ends early, and those without any are to be protected.
    field(app, "By criterion").set_value("random").run()
    button(app, "Measure 3 layers").click().run()
    finish()
    app.run()
    assert not app.exception
    assert "To protect at 60% removed" in words(app)
    found = [each for each in app.button if each.label.startswith("Protect th")]
    found[0].click().run()
    assert not app.exception
    assert "Protected already." in words(app)


def test_suggested_budgets_are_used_by_one_click_shown_and_taken_back(from_here):
    app = AppTest.from_function(page_with_controls, default_timeout=SECONDS)
    app.query_params["model"] = "mlp-digits-relu"
    app.query_params["lab_criteria"] = "magnitude"
    app.query_params["lab_sparsity"] = "0.8"
    app.run()
    assert not app.exception
    assert "is suggested under *Where it cuts*" in words(app)
    button(app, "Measure 3 layers").click().run()
    finish()
    app.run()
    assert not app.exception
    # One point leaves less than is to go, so that more is said to be needed.
    field(app, "Points that a layer may cost").set_value(0.0).run()
    assert "those at 0 points leave less than 80% to remove" in words(app)
    _, second = [found for found in app.button if found.label == "Use the suggested budgets"]
    assert "by Magnitude" in words(app)
    second.click().run()
    assert not app.exception
    assert "Used already." in words(app)
    assert "**Budgets of layers:** at most " in words(app)
    button(app, "Undo").click().run()
    assert "**Budgets of layers:**" not in words(app)
    button(app, "Redo").click().run()
    assert "**Budgets of layers:**" in words(app)
    button(app, "Drop budgets").click().run()
    assert "**Budgets of layers:**" not in words(app)


@pytest.mark.parametrize("layers", [3, 40])
def test_the_figure_has_every_layer_and_a_line_where_its_budget_ends(layers):
    fractions = np.arange(1, 10) / 10
    lost = np.linspace(-0.4, 60.0, layers * 9).reshape(layers, 9)
    budget = np.r_[0.0, np.full(layers - 1, 0.3)]
    names = [f"{at} · conv 3×3, 16→16" for at in range(layers)]
    figure = sensitivity_heatmap(lost, fractions, budget, names, width=1200)
    heat, line = figure.data
    assert np.array_equal(heat.z, lost)
    assert list(figure.layout.yaxis.ticktext) == names
    assert heat.text[0][0] == "−0.4"
    assert line.x[:3].tolist() == [-0.5, -0.5, 2.5]
    # A row has room for its name.
    assert figure.layout.height / layers >= 18
    assert "0 · conv 3×3, 16→16 may lose 0%" in figure.layout.meta
    narrow = sensitivity_heatmap(lost, fractions, budget, names, width=390)
    assert narrow.layout.yaxis.ticktext[1] == "1"
