import math

import pytest

from ncviz import text


@pytest.mark.parametrize(
    ("value", "count", "size", "time"),
    [(0, "0", "0 bytes", "under 1 s"), (2_720, "2,720", "2.72 kB", "about 45 min"),
     (112_979_712, "113 million", "113 MB", "about 31383.3 h")],
)  # fmt: skip
def test_amounts_are_told_in_words(value, count, size, time):
    assert (text.amount(value), text.size(value), text.about(value)) == (count, size, time)


def test_a_short_time_has_words_of_its_own():
    assert text.about(1.9, "a second or two", 2) == "a second or two"
    assert text.about(2, "a second or two", 2) == "about 2 s"
    assert text.about(9000) == "about 2.5 h"
    assert text.about(9000, hours_from=math.inf) == "about 150 min"


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 points"), (1, "1 point"), (1.0, "1 point"), (1.5, "1.5 points"), (1000, "1000 points")],
)
def test_one_has_no_plural(count, words):
    assert text.plural(count, "point") == words


def test_a_plural_may_be_given():
    assert text.plural(2, "criterion", "criteria") == "2 criteria"


def test_long_text_is_cut_to_its_length():
    assert text.shorten("a" * 60) == "a" * 60
    assert text.shorten("a" * 61) == "a" * 59 + "…"
    assert text.quotable("a`b\n" + "c" * 9, 5) == "a?b?…"
    assert text.file_name("a\n" + "b" * 9 + "c", 6) == "a …bbc"


def test_minus_signs_are_real_and_zero_has_none():
    assert [text.number(value, 2) for value in (-0.001, -1.5, 1.5)] == ["0.00", "−1.50", "1.50"]
    assert text.interval_words(-0.5, -0.5, 2) == "−0.50"
    assert text.interval_words(-0.523, -0.311, 2) == "−0.53 … −0.31"
    assert [text.signed(value) for value in (-1.5, 1.5)] == ["−1.500", "+1.500"]


def test_shares_and_bytes():
    assert [text.percent(share) for share in (0, 0.001, 0.975, 1)] == ["0%", "0.1%", "97.5%", "100%"]
    near = [1 / 1_452_032, 15 / 1_452_032, 1 - 1 / 1_452_032]
    assert [text.percent(share) for share in near] == ["0.000069%", "0.001%", "99.999931%"]
    assert (text.megabytes(1_234_567_890), text.gigabytes(3 * 2**29)) == ("1,235 MB", "1.5 GB")


def test_a_name_between_backticks_is_code_and_the_rest_is_as_it_is():
    assert text.with_code("`a_b` is *no* key") == "`a_b` is \\*no\\* key"
    assert text.with_code("one ` alone") == "one \\` alone"


def test_large_numbers_are_read_in_groups_and_axes_have_powers():
    assert text.number(-13598544.3, 2) == "−13,598,544"
    assert text.number(-9999.5, 2) == "−9999.50"
    assert text.interval_words(-20000.4, -10000.4, 2) == "−20,001 … −10,000"
    assert [text.powers(value) for value in (-3000, 2, -1e6, 2e5, 1e12)] == [
        "−3000", "2", "−10⁶", "2·10⁵", "10¹²",
    ]  # fmt: skip


def test_long_paths_are_cut_to_what_tells_them():
    names = [
        "stem",
        *(f"encoder.layers.block_{at}.{part}" for at in (0, 1) for part in ("attention.q", "mlp.0")),
    ]
    short = ["stem", "block_0.attention.q", "block_0.mlp.0", "block_1.attention.q", "block_1.mlp.0"]
    assert text.short_paths(names, 40) == names  # none is long
    assert text.short_paths(names, 20) == short
    assert text.short_paths([*names, names[1]], 20) == [*short, short[1]]
    # A number alone is no name, and what is the end of another's is told with more.
    assert text.short_paths(["a.features.0", "a.features.1", "b.features.0"], 3) == [
        "a.features.0", "features.1", "b.features.0",
    ]  # fmt: skip
