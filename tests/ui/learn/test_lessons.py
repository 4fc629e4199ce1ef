from dataclasses import replace

import pytest

from ncviz import tasks
from ncviz.config import CurvatureConfig
from ncviz.plots.small_graphs import preset
from ncviz.scene.small_graph.workbench import Workbench, curvature
from ncviz.ui.learn.lessons import LESSONS, Facts, changes, opened
from ncviz.ui.link.view_state import HIDEABLE, ViewState, from_query
from tests.examples.contexts import here


def begun(number):
    """What a lesson starts with."""
    view = replace(ViewState(), **changes(number))
    bench = Workbench.begin(view.graph, view.idleness, LESSONS[number].edge)
    return Facts(view, bench.graph, bench.selected, 0.98)


def test_there_are_six():
    assert list(LESSONS) == [1, 2, 3, 4, 5, 6]
    assert [lesson.page for lesson in LESSONS.values()] == ["learn"] * 4 + ["explore"] * 2


@pytest.mark.parametrize("number", LESSONS)
def test_no_task_is_done_at_the_start(number):
    assert not LESSONS[number].is_done(begun(number))


@pytest.mark.parametrize("number", LESSONS)
def test_a_lesson_sets_the_whole_view_whatever_was_looked_at(number):
    elsewhere = ViewState(model="vgg9-cifar10-relu", removed=0.7, order="bottlenecks", criterion="magnitude",
                          layer="3", show="matrix", selected="weight-3", compare=True,
                          graph="karate", idleness=0.9, hide="tabs")  # fmt: skip
    found = replace(elsewhere, **changes(number))
    assert found == replace(ViewState(), **changes(number), hide="tabs")
    assert (found.lesson, found.removed) == (number, 0.0)
    assert from_query(found.to_query()) == (found, [])


@pytest.mark.parametrize("number", LESSONS)
def test_a_link_opens_the_lesson_and_what_it_names_itself_wins(number):
    query = {"lesson": str(number), "idleness": "0.25", "hide": "sidebar"}
    found = opened(from_query(query)[0], query)
    assert found == replace(ViewState(), **{**changes(number), "idleness": 0.25, "hide": "sidebar"})


def test_a_reload_on_the_way_keeps_what_was_reached():
    on_the_way = replace(ViewState(), **{**changes(6), "removed": 0.6})
    query = on_the_way.to_query()
    assert opened(from_query(query)[0], query) == on_the_way


def done(facts, number, **values):
    return LESSONS[number].is_done(replace(facts, **values))


def test_the_most_work_is_the_bridge():
    facts = begun(1)
    assert [edge for edge in facts.graph.lengths if done(facts, 1, selected=edge)] == [(4, 5)]
    assert not done(facts, 1, selected=None)
    assert not done(facts, 1, graph=preset("cycle"), selected=(1, 2)), "a tie of all is no answer"


def test_a_triangle_makes_a_cycle_positive():
    facts = begun(2)
    assert done(facts, 2, graph=facts.graph.add_edge(1, 3))
    assert not done(facts, 2, graph=facts.graph.remove_edge(1, 2).remove_edge(3, 4).remove_edge(5, 6))


def test_two_more_ways_lift_the_bridge():
    facts = begun(3)
    once = facts.graph.add_edge(3, 6)
    assert not done(facts, 3, graph=once)
    assert done(facts, 3, graph=once.add_edge(2, 7))
    assert not done(facts, 3, graph=facts.graph.remove_edge(4, 5)), "no bridge, no bridge that is lifted"


def test_a_detour_lifts_the_connection():
    facts = begun(4)
    kappas = curvature(facts.graph, facts.view.idleness)
    assert min(kappas, key=kappas.get) == (7, 9), "what the lesson says"
    assert done(facts, 4, graph=facts.graph.add_edge(8, 12))
    assert not done(facts, 4, graph=facts.graph.add_edge(3, 7))


def without(graph, *nodes):
    for node in nodes:
        graph = graph.remove_node(node)
    return graph


def test_an_edge_that_is_taken_away_and_drawn_the_other_way_is_the_same_edge():
    facts = begun(3)
    turned = facts.graph.remove_edge(4, 5).add_edge(5, 4)
    assert not done(facts, 3, graph=turned)
    assert done(facts, 3, graph=turned.add_edge(3, 6).add_edge(2, 7))


def other_ways():
    """Number, facts in which what the task is after holds without its having been done, a word of the reason."""
    cycle, bridge, net = begun(2), begun(3), begun(4)
    view = net.view
    yield 2, replace(cycle, view=replace(cycle.view, graph="clique"), graph=preset("clique")), "“Cycle”"
    yield (
        2,
        replace(cycle, view=replace(cycle.view, idleness=0.5), graph=cycle.graph.add_edge(1, 3)),
        "back to 0.",
    )
    yield 2, replace(cycle, graph=cycle.graph.remove_edge(1, 2).add_edge(3, 5)), "removed"
    yield 2, replace(cycle, graph=cycle.graph.with_length(1, 2, 0.1)), "length"
    yield 3, replace(bridge, graph=without(bridge.graph, 1, 2, 3, 6, 7, 8)), "removed"
    yield 3, replace(bridge, view=replace(bridge.view, graph="clique"), graph=preset("clique")), "bridge"
    changed = replace(view, idleness=0.95)
    yield 4, replace(net, view=changed, graph=net.graph.add_edge(8, 12)), "α was changed; set it back to 0.5."
    yield 4, replace(net, graph=net.graph.with_length(7, 9, 5)), "length"
    yield 4, replace(net, graph=net.graph.with_length(7, 9, 5).add_edge(1, 4)), "length"
    yield 4, replace(net, graph=net.graph.add_edge(8, 12).with_length(8, 12, 0.5)), "length"


@pytest.mark.parametrize(("number", "facts", "reason"), list(other_ways()))
def test_what_a_task_is_after_counts_only_if_edges_were_added_and_nothing_else(number, facts, reason):
    lesson = LESSONS[number]
    assert lesson.is_reached(facts), "this test is of use only where it holds"
    assert not lesson.is_done(facts)
    assert reason in lesson.obstacle(facts)


def test_nodes_may_be_moved_and_added():
    facts = begun(4)
    assert done(facts, 4, graph=facts.graph.add_edge(8, 12).move_node(1, (0.5, 0.5)).add_node())


@pytest.mark.parametrize(
    ("number", "removed", "accuracy", "expected"),
    [(5, 0.03, 0.4, True), (5, 0.09, 0.4, True), (5, 0.1, 0.4, False),
     (5, 0.03, 0.6, False), (5, 0.0, 0.4, False), (5, 0.03, None, False),
     (6, 0.6, 0.96, True), (6, 0.59, 0.98, False), (6, 0.7, 0.94, False), (6, 0.7, None, False)],
)  # fmt: skip
def test_pruning_tasks(number, removed, accuracy, expected):
    facts = begun(number)
    view = replace(facts.view, removed=removed)
    assert done(facts, number, view=view, accuracy=accuracy) is expected
    for other in ({"criterion": "magnitude"}, {"order": "random"}, {"model": "vgg9-cifar10-relu"}):
        assert not done(facts, number, view=replace(view, **other), accuracy=accuracy)


@pytest.mark.parametrize(("number", "removed"), [(5, 0.05), (5, 0.095), (6, 0.61), (6, 0.75)])
def test_the_bundled_results_make_the_pruning_tasks_possible_with_room_for_a_hand(number, removed, tmp_path):
    facts = begun(number)
    view = replace(facts.view, removed=removed)
    of = tasks.open_network(view.model)
    store = tasks.open_store(str(tmp_path))
    sweep = here(store).look_up(tasks.Sweep(of, CurvatureConfig(), "global"))
    accuracy = sweep.at(view.criterion, view.order, round(removed * sweep.total))
    assert done(facts, number, view=view, accuracy=accuracy)


def test_every_part_that_can_be_hidden_has_a_name():
    from ncviz.ui.link.view_state import HIDE_TITLES

    assert list(HIDE_TITLES) == list(HIDEABLE)
