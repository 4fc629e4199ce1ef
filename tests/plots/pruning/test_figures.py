"""The pictures of a comparison, as data."""

import math

import numpy as np
import pytest

from ncviz.plots.figure_frame import PAPER
from ncviz.plots.palette import luminance
from ncviz.plots.pruning.classes import ClassRow, class_change
from ncviz.plots.pruning.curves import Curve, accuracy_curves
from ncviz.plots.pruning.styles import pale, styles
from ncviz.plots.pruning.tables import confusion_heatmap, layer_heatmap, overlap_heatmap

THEMES = ("light", "dark")
NAMES = (
    "curvature", "curvature-lamp", "magnitude", "lamp", "wanda", "snip", "fisher", "grasp", "synflow", "ria",
    "woodfisher", "mlp-rank", "forman", "betweenness", "random",
)  # fmt: skip


def rgb(colour):
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def contrast(one, other):
    high, low = sorted((float(luminance(rgb(one))), float(luminance(rgb(other)))), reverse=True)
    return (high + 0.05) / (low + 0.05)


def curve(title="Curvature", draws=3, theme="light", points=(0.0, 0.01, 0.5, 0.9, 1.0)):
    sparsity = np.array(points)
    mean = 1 - 0.9 * sparsity**4
    return Curve(
        title, sparsity, mean, mean - 0.02, mean + 0.01, draws, styles(NAMES, ["random"], theme)["curvature"]
    )


@pytest.mark.parametrize("theme", THEMES)
def test_no_two_criteria_look_alike_and_all_stand_out_from_the_paper(theme):
    found = styles(NAMES, ["random"], theme)
    assert len({(style.colour, style.dash, style.symbol) for style in found.values()}) == len(NAMES)
    assert len({style.colour for style in found.values()}) == len(NAMES)
    # Dash and mark alone tell them apart as well, for those who see no hues.
    assert len({(style.dash, style.symbol) for style in found.values()}) == len(NAMES)
    assert min(contrast(style.colour, PAPER[theme]) for style in found.values()) >= 3


def test_a_criterion_keeps_its_style_when_others_join():
    few, many = styles(NAMES[:4], [], "light"), styles(NAMES, ["random"], "light")
    assert all(few[name] == many[name] for name in NAMES[:4])


def test_more_criteria_than_hues_still_differ():
    names = [f"c{index}" for index in range(24)]
    found = styles(names, [], "light")
    assert len({(style.colour, style.dash) for style in found.values()}) == len(names)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        ("linear", [0.0, 0.01, 0.5, 0.9, 1.0]),
        ("kept", [1.0, 0.99, 0.5, 0.1]),
        ("removed", [0.01, 0.5, 0.9, 1.0]),
    ],
)
def test_a_scale_draws_what_has_a_place_on_it(scale, expected, theme):
    figure = accuracy_curves([curve(theme=theme)], theme, scale=scale)
    (line,) = [trace for trace in figure.data if "markers" in trace.mode]
    assert list(line.x) == pytest.approx(expected)
    assert len(line.y) == len(expected)
    assert figure.layout.xaxis.type == ("log" if scale != "linear" else None)


def test_the_band_runs_from_the_worst_to_the_best_draw_and_back():
    drawn = curve()
    band, line = accuracy_curves([drawn]).data
    assert list(band.y) == pytest.approx([*drawn.high, *drawn.low[::-1]])
    assert list(line.y) == pytest.approx(list(drawn.mean))
    assert band.fillcolor == pale(line.line.color, 0.16)
    assert len(accuracy_curves([curve(draws=1)]).data) == 1


@pytest.mark.parametrize(
    ("scale", "chosen", "line", "name"),
    [
        ("linear", 0.9, 0.9, 0.9),
        ("kept", 0.9, 0.1, -1.0),
        ("removed", 0.9, 0.9, math.log10(0.9)),
        ("kept", 1.0, None, None),
        ("removed", 0.0, None, None),
    ],
)
def test_the_line_stands_at_the_chosen_sparsity_on_every_scale(scale, chosen, line, name):
    figure = accuracy_curves([curve()], scale=scale, chosen=chosen)
    named = [note for note in figure.layout.annotations if "removed" in note.text]
    if line is None:
        assert not figure.layout.shapes
        assert not named
    else:
        assert figure.layout.shapes[0].x0 == pytest.approx(line)
        assert named[0].x == pytest.approx(name)


def test_words_and_names_are_plain_text():
    figure = accuracy_curves([curve("<b>x</b>")], words=["a <i>b</i>."])
    assert figure.data[-1].name == "&lt;b&gt;x&lt;/b&gt;"
    assert figure.layout.annotations[0].text == "a &lt;i&gt;b&lt;/i&gt;."
    assert figure.layout.meta == "a <i>b</i>."


@pytest.mark.parametrize("width", [360, 960])
def test_an_emptied_layer_is_named_and_framed(width):
    removed = np.array([[0.5, 1.0], [0.0, 0.999]])
    layers = ["1 · conv", "2 · linear"]
    figure = layer_heatmap(removed, ["A", "B"], layers, width=width)
    texts = [[note.text for note in figure.layout.annotations if note.y == row] for row in (0, 1)]
    assert texts == [["50%", "collapse"], ["0%", "100%"]]
    assert [(shape.x0, shape.y0) for shape in figure.layout.shapes] == [(0.53, -0.44)]
    assert list(figure.layout.xaxis.ticktext) == (["1", "2"] if width < 620 else layers)
    assert "50.00% removed" in figure.data[0].customdata[0][0]


def test_the_overlap_says_chance():
    shared = np.array([[1.0, 0.25], [0.25, 1.0]])
    figure = overlap_heatmap(shared, ["A", "B"], jaccard=shared / 2, chance=0.2)
    assert [note.text for note in figure.layout.annotations] == ["100%", "25%", "25%", "100%"]
    assert "by chance 20.0%" in figure.data[0].customdata[0][1]
    assert "Jaccard 0.125" in figure.data[0].customdata[0][1]
    assert "chance" not in overlap_heatmap(shared, ["A", "B"], jaccard=shared).data[0].customdata[0][1]


def test_confusions_are_centred_and_the_diagonal_is_left_out():
    change = np.array([[-5, 5, 0], [0, 0, 0], [-2, 0, 2]])
    figure = confusion_heatmap(change, ["a", "b", "c"])
    assert (figure.data[0].zmin, figure.data[0].zmax) == (-5, 5)
    assert [note.text for note in figure.layout.annotations] == ["+5", "−2"]
    assert np.isnan(np.diag(figure.data[0].z)).all()
    assert confusion_heatmap(change, ["a", "b", "c"], most=40).data[0].zmax == 40
    assert confusion_heatmap(np.zeros((2, 2), dtype=int), ["a", "b"]).data[0].zmax == 1


def test_a_hundred_classes_are_drawn_without_numbers():
    figure = confusion_heatmap(np.ones((100, 100), dtype=int), [f"class {n}" for n in range(100)])
    assert not figure.layout.annotations
    assert len(figure.layout.xaxis.ticktext) <= 25
    assert figure.layout.height < 1100


def test_bars_of_each_class_say_what_was_lost():
    style = styles(NAMES, [], "light")["wanda"]
    figure = class_change(np.array([1.0, 0.9]), [ClassRow("W", np.array([0.5, np.nan]), style)], ["a", "b"])
    bars, whole = figure.data
    assert bars.y[0] == 0.5
    assert bars.customdata[0] == pytest.approx(-50)
    assert list(whole.y) == [1.0, 0.9]
