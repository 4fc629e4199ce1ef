"""What the check of a network says of path lengths that are each image's own."""

from ncviz.preflight import LayerFacts, Preflight
from ncviz.ui.model.preflight import _image_words, _layer_rows, _lengths_words


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


def test_the_table_has_whose_lengths_they_are_beside_short_names():
    names = [
        f"encoder.layers.encoder_layer_{at}.self_attention.{end}"
        for at in (0, 1)
        for end in ("query", "value")
    ]
    layers = tuple(
        LayerFacts(name, "Linear", (names[at - 1],), (4,), 4, 4, is_of_image=at > 0)
        for at, name in enumerate(names)
    )
    rows = _layer_rows(Preflight((1, 4, 4), layers, ()))
    short = [f"encoder_layer_{at}.self_attention.{end}" for at in (0, 1) for end in ("query", "value")]
    assert [row["layer"] for row in rows] == short
    assert [row["reads"] for row in rows] == [short[-1], *short[:-1]]
    assert list(rows[0])[:2] == ["layer", "path lengths"]
    assert [row["path lengths"] for row in rows] == ["the same for all images", *["each image's own"] * 3]
    assert "path lengths" not in _layer_rows(Preflight((1, 4, 4), layers[:1], ()))[0]
