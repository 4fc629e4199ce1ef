"""The Learn page and the lessons by Streamlit's own test harness."""

import pytest

from ncviz.ui.learn.lessons import LESSONS


def words(app):
    return "\n".join(element.value for element in app.main.markdown)


def test_the_page_runs_and_its_numbers_add_up(app):
    app.run()
    app.switch_page("pages/learn.py").run()
    assert not app.exception
    assert not app.error
    assert "Edge 4–5: κ = :red[−1.00], bottleneck" in words(app)
    assert "0.375 × 1 + 0.375 × 3 = **1.500**" in words(app)


def test_another_graph_another_alpha_another_length(app):
    app.run()
    app.switch_page("pages/learn.py").run()
    graph = next(box for box in app.main.selectbox if box.label == "Graph")
    graph.select("tree").run()
    assert app.session_state["workbench"].begun == "tree"
    app.main.slider[0].set_value(0.0).run()
    assert app.session_state["latest"].view.idleness == 0.0
    assert app.session_state["latest"].view.graph == "tree"
    edge = app.session_state["workbench"].selected
    app.main.number_input[0].set_value(2.0).run()
    assert app.session_state["workbench"].graph.lengths[edge] == 2.0
    assert not app.exception


@pytest.mark.parametrize("drawn", ["u~~", "u~1-500-500~", "u~1-100-100_2-900-900~"])
def test_a_graph_with_nothing_left_in_it(app, drawn):
    app.query_params["drawn"] = drawn
    app.run()
    app.switch_page("pages/learn.py").run()
    assert not app.exception
    assert app.session_state["workbench"].graph.lengths == {}
    assert "No edge selected" in words(app)


@pytest.mark.parametrize("number", LESSONS)
def test_a_lesson_is_a_link(app, number):
    app.query_params = {"lesson": str(number)}
    app.run()
    assert not app.exception
    assert f"Lesson {number} of 6" in words(app)
    assert LESSONS[number].task in words(app)
    view = app.session_state["latest"].view
    for name, value in LESSONS[number].sets.items():
        assert getattr(view, name) == value
    on_learn = any(box.label == "Graph" for box in app.main.selectbox)
    assert on_learn == (LESSONS[number].page == "learn")


# From its second run on, the harness runs the page's file without the frame around it, so only what a button has set
# can be looked at here; tests/e2e goes on from lesson to lesson.
@pytest.mark.parametrize(("label", "lesson"), [("Next ›", 6), ("‹", 4), ("Leave", 0)])
def test_from_lesson_to_lesson_and_out(app, label, lesson):
    app.query_params["lesson"] = "5"
    app.run()
    assert "To do" in words(app)
    next(button for button in app.main.button if button.label == label).click().run()
    assert not app.exception
    view = app.session_state["latest"].view
    assert view.lesson == lesson
    for name, value in (LESSONS[lesson] if lesson else LESSONS[5]).sets.items():
        assert getattr(view, name) == value, "a lesson that is left leaves what it has set"


@pytest.mark.parametrize(("number", "removed"), [(5, "0.05"), (6, "0.65")])
def test_the_pruning_tasks_are_ticked_by_the_measured_curve(app, number, removed):
    app.query_params = {"lesson": str(number), "removed": removed}
    app.run()
    assert "✓ Done" in words(app)


def test_a_lesson_that_is_not_there_is_said(app):
    app.query_params["lesson"] = "7"
    app.run()
    assert not app.exception
    assert any("6 lessons" in toast.value for toast in app.toast)
    assert app.session_state["latest"].view.lesson == 0


def test_a_link_hides_the_sidebar(app):
    app.query_params["hide"] = "sidebar,navigation"
    app.run()
    assert not app.exception
    assert not app.sidebar.selectbox


def test_the_link_for_a_class(app):
    app.query_params["lesson"] = "3"
    app.run()
    next(box for box in app.main.checkbox if box.label == "Sidebar").check().run()
    assert any("?lesson=3&hide=sidebar" in code.value for code in app.main.code)


def test_an_edited_graph_and_ticks_come_back_with_the_link(app):
    app.query_params["graph"] = "bridge"
    app.query_params["drawn"] = "u~1-100-100_2-900-100_3-500-900~1-2_2-3_1-3-2.5"
    app.query_params["ticked"] = "1,3"
    app.run()
    app.switch_page("pages/learn.py").run()
    assert not app.exception
    bench = app.session_state["workbench"]
    assert bench.graph.lengths == {(1, 2): 1.0, (2, 3): 1.0, (1, 3): 2.5}
    ticked = [button.label for button in app.main.button if button.label.startswith("✓")]
    assert [label[2] for label in ticked] == ["1", "3"]
    field = next(field for field in app.main.number_input if field.label.startswith("Length"))
    field.set_value(1.5).run()
    assert "1.5" in app.session_state["latest"].view.drawn
    assert app.session_state["latest"].view.to_query()["ticked"] == "1,3"
    # Another graph begins as it is.
    next(box for box in app.main.selectbox if box.label == "Graph").select("cycle").run()
    assert app.session_state["latest"].view.drawn == ""
    assert app.session_state["workbench"].begun == "cycle"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"model": "foo"}, "The link's model was left out: 'foo' is none of the"),
        ({"lesson": "9"}, "The link's lesson was left out: there are 6 lessons."),
        ({"drawn": "u~1"}, "The link's drawn was left out: a graph must read such as"),
        ({"modle": "x"}, "The link's 'modle' was left out: no page knows it."),
    ],
)
def test_what_a_link_asks_in_vain_is_said_in_one_sentence(app, query, words):
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    (toast,) = app.toast
    assert toast.value.replace("\\", "").startswith(words)
