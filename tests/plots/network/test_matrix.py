import numpy as np
import pytest

from ncviz.plots.figure_frame import AREA, PAPER
from ncviz.plots.network.cells import MAX_CELLS, cells, reduced, shares
from ncviz.plots.network.matrix import Panel, matrix
from ncviz.plots.palette import Scale


def test_a_cell_is_the_least_kept_curvature_of_its_kernel_slice():
    rng = np.random.default_rng(0)
    kappa = rng.normal(size=(4, 3, 2, 5)).astype(np.float32)
    kept = rng.random(kappa.shape) < 0.5
    found = cells(kappa, kept)
    for target in range(4):
        for source in range(3):
            own = kappa[target, source][kept[target, source]]
            assert found.kappa[target, source] == own.min()
            assert found.kept[target, source] == own.size
            row, column = found.place[target, source]
            assert kappa[target, source, row, column] == own.min()
    assert (found.size == 10).all()


def test_removed_and_never_active_cells_have_no_curvature():
    kappa = np.array([[-1.0, 2.0, np.nan, 0.5]], np.float32)
    found = cells(kappa, [[False, True, True, True]])
    assert np.array_equal(np.isnan(found.kappa), [[True, True, True, False]])
    assert found.is_never.tolist() == [[False, True, True, False]]


def test_a_linear_layer_joins_the_units_of_a_channel():
    kappa = np.arange(24, dtype=np.float32).reshape(2, 12) / -20
    found = cells(kappa, np.ones_like(kappa, bool), (2, 3))
    assert found.kappa.tolist() == [[kappa[0, 5], kappa[0, 11]], [kappa[1, 5], kappa[1, 11]]]
    assert found.place[1, 1].tolist() == [1, 2]


def test_groups_fill_the_diagonal():
    kappa = np.full((4, 2, 1, 1), -1.0, np.float32)
    found = cells(kappa, np.ones(kappa.shape, bool), groups=2)
    assert found.shape == (4, 4)
    expected = np.kron(np.eye(2), np.ones((2, 2)))
    assert np.array_equal(~np.isnan(found.kappa), expected == 1)
    assert not found.is_never.any()


def test_shapes_must_match():
    with pytest.raises(ValueError, match="kept of shape"):
        cells(np.zeros((2, 3)), np.zeros((3, 2), bool))


@pytest.mark.parametrize("shape", [(300, 301), (7, 1000), (1, 999)])
def test_blocks_have_the_least_of_what_they_join(shape):
    rng = np.random.default_rng(1)
    kappa = rng.normal(size=shape).astype(np.float32)
    kept = rng.random(shape) < 0.7
    kept[0, 0] = kept[-1, -1] = True
    full = cells(kappa, kept)
    small = reduced(full, 500)
    assert small.kappa.size <= 500
    assert small.shape == shape
    assert small.kept.sum() == full.kept.sum()
    assert np.nanmin(small.kappa) == np.nanmin(full.kappa)
    down, across = small.blocks
    for row, column in [(0, 0), (small.kappa.shape[0] - 1, small.kappa.shape[1] - 1)]:
        block = full.kappa[row * down : (row + 1) * down, column * across : (column + 1) * across]
        assert small.kappa[row, column] == np.nanmin(block)
        assert full.kappa[tuple(small.place[row, column])] == small.kappa[row, column]
    assert reduced(full, MAX_CELLS * 2) is full


def test_small_connections_leave_their_share_to_large_ones():
    assert shares([10, 1000, 1000], 210) == [10, 100, 100]
    assert shares([5, 6], 100) == [5, 6]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_figure_has_scale_words_legend_and_box(theme, count):
    kappa = np.linspace(-3, 1.9, 60, dtype=np.float32).reshape(6, 10)
    kappa[0, 0] = 2
    kept = np.ones((6, 10), bool)
    kept[5] = False
    panel = Panel(
        "<b>1</b> · linear",
        cells(kappa, kept),
        ("input", "unit"),
        ("classes", "class"),
        tuple("ab<def"),
        (0, 1, 2, 3),
    )
    figure = matrix([panel] * count, theme, Scale(8.0), ["showing 50 of 60 weights."])
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (-1, 1)
    assert figure.layout.coloraxis.colorbar.ticktext[0] == "≤ −8<br>bottleneck"
    texts = " ".join(annotation.text for annotation in figure.layout.annotations)
    assert "showing 50 of 60 weights." in texts.replace("<br>", " ")
    assert "Pale: kept, but never active." in texts.replace("<br>", " ")
    assert "&lt;b&gt;1" in texts
    assert len(figure.layout.shapes) == count
    box = figure.layout.shapes[0]
    assert (box.x0, box.x1, box.y0, box.y1) == (1.5, 2.5, -0.5, 0.5)
    heat = figure.data[0]
    assert isinstance(heat.z, np.ndarray)
    assert heat.z.dtype == np.float32
    # Cells have the colours of their κ, and say the κ itself.
    told = heat.customdata if heat.customdata.ndim == 2 else heat.customdata[..., 0]
    drawn = np.isfinite(heat.z)
    np.testing.assert_allclose(heat.z[drawn], Scale(8.0).share(told[drawn]), atol=1e-4)
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1], "the first row is on top"
    domains = [figure.layout[f"yaxis{n or ''}"].domain for n in (0, *range(2, count + 1))]
    assert all(0 <= low < high <= 1 for low, high in domains)


def test_a_matrix_in_blocks_says_so_and_keeps_its_own_numbers():
    kappa = -np.ones((40, 60), np.float32)
    made = reduced(cells(kappa, np.ones_like(kappa, bool)), 100)
    figure = matrix([Panel("big", made, ("a", "unit"), ("b", "unit"))])
    words = " ".join(a.text for a in figure.layout.annotations).replace("<br>", " ")
    assert f"A cell joins {made.blocks[0]} units × {made.blocks[1]} units" in words
    heat = figure.data[0]
    last = heat.x0 + heat.dx * (heat.z.shape[1] - 1) + heat.dx / 2
    assert last >= 59
    assert figure.layout.xaxis.range == (-0.5, 59.5)


def panels(count, targets=()):
    kappa = np.linspace(-3, 1.9, 100, dtype=np.float32).reshape(10, 10)
    made = cells(kappa, np.ones((10, 10), bool))
    return [Panel(f"{n + 1} · linear", made, ("a", "unit"), ("b", "class"), targets) for n in range(count)]


WORDS = ["showing 1,016,422 of 1,452,032 weights.", "VGG-9, CIFAR-10 (ReLU): 30.0% removed, redundant first."]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6, 9, 10])
def test_the_figure_is_low_enough_for_the_slider_under_it(count):
    assert matrix(panels(count), words=WORDS).layout.height <= 450


@pytest.mark.parametrize("width", [320, 460, 700, 960, 1300])
@pytest.mark.parametrize("count", [1, 4, 6, 9])
def test_panels_cover_nothing_of_each_other(width, count):
    names = ("airplane", "automobile", *"cdefghij")
    figure = matrix(panels(count, names), words=WORDS, width=width)
    layout = figure.layout
    inner = width - layout.margin.l - layout.margin.r
    boxes = []
    for number in range(count):
        name = "" if number == 0 else str(number + 1)
        x, y = layout[f"xaxis{name}"].domain, layout[f"yaxis{name}"].domain
        assert (x[1] - x[0]) * inner >= 60
        boxes.append((x, y))
    for at, (x, y) in enumerate(boxes):
        for other, over in boxes[at + 1 :]:
            is_beside = other[0] >= x[1] + 40 / inner
            is_under = over[1] < y[0]
            assert is_beside or is_under


def test_columns_are_as_even_as_can_be():
    lefts = {figure_axis.domain[0] for figure_axis in matrix(panels(6)).select_xaxes()}
    assert len(lefts) == 3


def test_rows_too_low_for_their_names_are_numbered():
    names = ("airplane", "automobile", *"cdefghij")
    high = matrix(panels(1, names)).layout
    assert high.yaxis.ticktext[1] == "automobile"
    low = matrix(panels(9, names), width=460).layout
    assert low.yaxis.ticktext is None
    assert low.margin.l < high.margin.l


def test_what_was_not_measured_is_no_removed_cell():
    kappa = np.array([[-1.0, 0.5, np.nan, np.nan]], np.float32)
    found = cells(kappa, [[True, False, True, True]], measured=[[True, True, False, False]])
    assert found.is_unmeasured.tolist() == [[False, False, True, True]]
    assert found.kept.tolist() == [[1, 0, 0, 0]]
    assert not found.is_never.any()
    assert reduced(found, 2).is_unmeasured.tolist() == [[False, True]]
    assert reduced(found, 1).size.tolist() == [[2]]
    figure = matrix([Panel("one", found, ("a", "unit"), ("b", "unit"))])
    words = " ".join(note.text for note in figure.layout.annotations).replace("<br>", " ")
    assert "Empty: removed. Grey: not measured." in words
    grey = figure.data[-1]
    assert "not measured" in grey.hovertemplate
    assert np.array_equal(~np.isnan(grey.z), found.is_unmeasured)
    assert grey.colorscale[0][1] not in (PAPER["light"], AREA["light"])
    nothing = cells(kappa, np.ones_like(kappa, bool), measured=np.zeros_like(kappa, bool))
    figure = matrix([Panel("one", nothing, ("a", "unit"), ("b", "unit"))], "dark")
    assert "not measured" in [note.text for note in figure.layout.annotations]


def test_weights_of_other_parts_are_in_no_cell():
    kappa = np.arange(8, dtype=np.float32).reshape(2, 1, 1, 4) / -8
    present = np.array([True, False, True, False]).reshape(1, 1, 1, 4).repeat(2, axis=0)
    columns = np.array([[2], [-1]])
    found = cells(kappa, np.ones_like(present), groups=2, columns=columns, sources=3, present=present)
    assert found.size.tolist() == [[0, 0, 2], [0, 0, 0]]
    assert found.kappa[0, 2] == kappa[0, 0, 0, 2]
    assert np.isnan(found.kappa[1]).all()


@pytest.mark.parametrize("width", [320, 960])
def test_a_title_stays_over_its_panel(width):
    made = panels(1)[0].cells
    title = "12c · depthwise conv 3×3, 128→128, from features.12.conv.0, part 1 of 3"
    figure = matrix([Panel(title, made, ("a", "unit"), ("b", "unit"))] * 6, width=width)
    inner = width - figure.layout.margin.l - figure.layout.margin.r
    first = next(note for note in figure.layout.annotations if note.hovertext == title)
    domain = figure.layout.xaxis.domain
    assert 6 * len(first.text.removeprefix("<b>").removesuffix("</b>")) < (domain[1] - domain[0]) * inner + 60
    assert first.text.endswith("…</b>")
