"""What the check of a network says of path lengths that are each image's own."""

from ncviz.preflight import LayerFacts, Preflight
from ncviz.ui.model.preflight import _image_words, _lengths_words


def layer(name, parameters, *, is_of_image=False):
    return LayerFacts(name, "Linear", ("input",), (4,), parameters, parameters, is_of_image=is_of_image)


def test_a_network_with_attention_says_how_many_layers_need_paths_of_each_image():
    layers = (layer("query", 16, is_of_image=True), layer("add", 0), layer("head", 12))
    words = _image_words(Preflight((1, 4, 4), layers, ()))
    assert words.startswith(
        "Its attention weighs paths anew on each image: 1 of 2 layers need path lengths of each"
    )
    assert [_lengths_words(each) for each in layers] == ["each image's own", "–", "the same for all images"]


def test_any_other_network_says_nothing_of_it():
    assert _image_words(Preflight((1, 4, 4), (layer("fc", 4),), ())) == ""
