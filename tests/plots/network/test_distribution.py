import numpy as np
import pytest

from ncviz.plots.curvature_figures import compressed
from ncviz.plots.network.distribution import MAX_TICKS, Row, distribution
from ncviz.plots.palette import Scale

NONE = np.empty(0, np.int64)


def row(kappa, kept=None, selected=NONE, title="1 · linear"):
    values = np.asarray(kappa, np.float32)
    return Row(title, values, np.ones(values.size, bool) if kept is None else kept, np.asarray(selected))


def test_bars_count_every_active_weight_and_those_kept():
    rng = np.random.default_rng(0)
    kappa = rng.normal(size=2000).astype(np.float32).clip(-300, 1.99)
    kappa[:40] = 2
    kappa[40:50] = np.nan
    kappa[50] = -300
    kept = rng.random(2000) < 0.3
    figure = distribution([row(kappa, kept)])
    everything, remaining = figure.data[0].y, figure.data[1].y
    assert everything.sum() == 1950
    assert remaining.sum() == kept[50:].sum()
    assert (remaining <= everything).all()
    assert everything[0] >= 1, "nothing is cut off, however negative"
    assert "50 never active" in figure.layout.annotations[1].text


def test_rows_share_the_axis_of_curvature():
    figure = distribution([row([-50.0, 1.0]), row([0.0, 0.5])])
    assert figure.layout.xaxis.range == figure.layout.xaxis2.range
    assert figure.layout.xaxis.range[0] < compressed(-49.0)
    assert not figure.layout.xaxis.showticklabels
    assert "logarithmic below −2" in figure.layout.xaxis2.title.text


@pytest.mark.parametrize(("removes_above", "words"), [(True, "κ &gt; −0.50"), (False, "κ &lt; −0.50")])
def test_the_threshold_is_drawn_over_all_rows_and_named(removes_above, words):
    figure = distribution([row([-1.0, 1.0])] * 3, threshold=-0.5, removes_above=removes_above)
    line = figure.layout.shapes[-1]
    assert (line.x0, line.yref, line.y0, line.y1) == (-0.5, "paper", 0, 1)
    assert words in figure.layout.annotations[-1].text
    without = distribution([row([-1.0, 1.0])] * 3)
    assert len(without.layout.shapes) == len(figure.layout.shapes) - 1


def test_a_selected_weight_says_its_curvature_and_many_are_ticks():
    kappa = np.linspace(-3, 1.5, 1000)
    one = distribution([row(kappa, selected=[0])]).data[-1]
    assert one.text[0] == "selected: κ = −3.00"
    assert one.x[0] == pytest.approx(compressed(-3.0))
    many = distribution([row(kappa, selected=np.arange(1000))]).data[-1]
    assert len(many.x) == MAX_TICKS
    never = distribution([row([2.0, 1.0], selected=[0])])
    assert len(never.data) == 2


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_logarithmic_counts_words_and_escaping(theme):
    rows = [row([0.1] * 1000 + [-1.0], title="<i>x</i>"), row([2.0])]
    figure = distribution(rows, theme, Scale(8.0), ["showing 5 of 7 <b>"], is_logarithmic=True)
    assert figure.layout.yaxis.type == "log"
    assert figure.layout.yaxis.range[1] >= 3
    assert figure.layout.annotations[0].text == "showing 5 of 7 &lt;b&gt;"
    assert figure.layout.meta == "showing 5 of 7 <b>"
    assert "<i>" not in figure.layout.annotations[1].text
    assert figure.layout.coloraxis.cmax == 1


@pytest.mark.parametrize("count", [1, 3, 5, 6, 7, 9])
def test_the_figure_is_low_enough_for_the_slider_under_it(count):
    words = [
        "showing 1,016,422 of 1,452,032 weights.",
        "VGG-9: 30.0% removed, redundant first.",
        "Pale: removed.",
    ]
    assert distribution([row([-1.0, 1.0])] * count, words=words).layout.height <= 450


@pytest.mark.parametrize(("width", "columns"), [(340, 1), (460, 2), (960, 3)])
def test_many_rows_are_set_in_columns_each_with_the_axis_and_the_threshold(width, columns):
    figure = distribution([row([-50.0, 1.0])] * 7, threshold=-0.5, width=width)
    axes = list(figure.select_xaxes())
    assert len({own.domain[0] for own in axes}) == columns
    assert sum(own.showticklabels for own in axes) == columns
    assert all(own.matches == "x" for own in axes[1:]), "they zoom together, or the threshold would be wrong"
    assert axes[0].matches is None
    cuts = [shape for shape in figure.layout.shapes if shape.yref == "paper"]
    assert {shape.xref for shape in cuts} == {
        f"x{8 - number}" if number != 7 else "x" for number in range(1, columns + 1)
    }
    assert all(shape.x0 == -0.5 for shape in cuts)
    for cut in cuts:
        assert cut.y0 == figure.layout[cut.xref.replace("x", "yaxis")].domain[0]


def test_a_title_leaves_out_what_does_not_fit():
    kappa = np.concatenate([np.full(1000, 0.5), np.full(200, 2.0)])
    wide, narrow, narrowest = (
        distribution([row(kappa, title="5 · conv 3×3, 128→256")] * 9, width=width).layout.annotations[1].text
        for width in (1300, 960, 460)
    )
    assert "1,200 of 1,200 kept · 200 never active" in wide
    assert "1,200 of 1,200 kept" in narrow
    assert "never active" not in narrow
    assert "kept" not in narrowest
    assert "5 · conv 3×3, 128→256" in narrowest
