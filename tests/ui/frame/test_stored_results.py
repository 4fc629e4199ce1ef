import pytest

from ncviz.tasks.negative_edges.record import NegativeEdgesConfig
from ncviz.ui.frame.stored_results import _settings_words, _title


def test_settings_are_told_in_a_few_words():
    assert _settings_words({"config": {"alpha": 0.9, "layers": []}, "never_active": "last"}) == (
        "alpha 0.9, never active last"
    )
    words = _settings_words({"settings": NegativeEdgesConfig().as_dict(), "batchnorm": ""})
    assert words.startswith("images 200, seed 0, alpha 0.9, largest 0.25098, steps 40")
    assert _settings_words({}) == ""


@pytest.mark.parametrize(
    "meta",
    [
        {"pruning": "wanda"},
        {"config": 5},
        {"settings": {"search": 3}},
        {"settings": {"search": {"steps": "x"}}},
        {"settings": {"layers": 7}},
        {"config": [[["a"], 1]]},
        {"settings": {"search": {"steps": 10**400}}},
    ],
)
def test_what_others_say_in_a_head_takes_no_page_down(meta):
    assert _settings_words(meta) == ""


def test_what_others_say_in_a_head_is_shown_short_and_printable():
    assert _title({"title": ["\ud800"]}) == "['\\ud800']"
    assert _title({"title": "\ud800\x1b"}) == "??"
    assert len(_title({"title": "x" * 10**6})) == 200
    words = _settings_words({"config": {"\x1b": "\ud800" * 10**6}})
    assert words.startswith("? ??")
    assert len(words) == 1_000
