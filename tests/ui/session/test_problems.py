"""Errors of ours are told on the page, and nothing else is swallowed."""

import pytest
from streamlit.testing.v1 import AppTest

from ncviz.errors import DataError
from ncviz.jobs import JobRegistry
from ncviz.ui.session.problems import telling_errors


def page():
    import streamlit as st

    from ncviz.errors import DataError
    from ncviz.ui.session.problems import telling_errors

    @telling_errors()
    def draw(*, fails):
        if fails:
            raise DataError("There is no *such* file.")
        st.write("drawn")

    draw(fails=True)
    draw(fails=False)
    with telling_errors(st.warning):
        raise DataError("Another one.")
    with telling_errors(then=st.stop):
        raise DataError("The last one.")
    st.write("not reached")


def test_an_error_is_told_where_it_stands_and_the_rest_is_left_out():
    app = AppTest.from_function(page).run()
    assert not app.exception
    # Nothing in a sentence is taken for Markdown.
    assert [each.value for each in app.error] == [r"There is no \*such\* file.", "The last one."]
    assert [each.value for each in app.warning] == ["Another one."]
    assert [each.value for each in app.markdown] == ["drawn"]


def test_each_error_is_handed_on_once_and_what_follows_is_called():
    told, then = [], []
    with telling_errors(told.append, then=lambda: then.append(True)):
        raise DataError("a_b")
    with telling_errors(told.append, then=lambda: then.append(True)):
        pass
    assert told == [r"a\_b"]
    assert then == [True]


def test_what_is_no_error_of_ours_goes_on():
    with pytest.raises(ValueError, match="ours"), telling_errors(lambda sentence: None):
        raise ValueError("not ours")


def failed_run():
    from ncviz.ui.server import resources
    from ncviz.ui.session.problems import tell_failure

    tell_failure(None)
    tell_failure(resources.registry().get("failed"))


def test_a_run_that_failed_says_why(monkeypatch):
    from ncviz.ui.server import resources

    registry = JobRegistry()
    monkeypatch.setattr(resources, "registry", lambda: registry)

    def work(handle):
        raise DataError("The disk is *full*.")

    registry.start("failed", "A run", work, "nobody").wait(10)
    app = AppTest.from_function(failed_run).run()
    assert [each.value for each in app.error] == [r"The disk is \*full\*."]
