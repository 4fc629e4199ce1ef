from ncviz.tasks.negative_edges.record import NegativeEdgesConfig
from ncviz.ui.frame.stored_results import _settings_words


def test_settings_are_told_in_a_few_words():
    assert _settings_words({"config": {"alpha": 0.9, "layers": []}, "never_active": "last"}) == (
        "alpha 0.9, never active last"
    )
    words = _settings_words({"settings": NegativeEdgesConfig().as_dict(), "batchnorm": ""})
    assert words.startswith("images 200, seed 0, alpha 0.9, largest 0.25098, steps 40")
    assert _settings_words({}) == ""
