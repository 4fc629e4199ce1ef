"""What somebody sees who comes by a bare link."""


def test_a_bare_link_opens_lenet_with_a_digit(app):
    app.query_params = {}
    app.run()
    assert not app.exception
    view = app.session_state["latest"].view
    assert (view.model, view.flow) == ("lenet-mnist-relu", "image-5")
    assert dict(app.query_params) == {"flow": "image-5"}
    assert not app.info


def test_a_link_with_a_state_is_shown_as_it_is(app):
    app.query_params = {"removed": "0.5"}
    app.run()
    assert app.session_state["latest"].view.flow == "all"
