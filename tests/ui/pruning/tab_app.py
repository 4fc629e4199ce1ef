"""One tab of the Pruning page in Streamlit's own test harness: what is on it, and the run that it started."""

SECONDS = 120


def button(app, label):
    return next(found for found in app.button if found.label == label)


def field(app, label):
    kinds = (*app.number_input, *app.selectbox, *app.slider, *app.button_group)
    return next(found for found in kinds if found.label == label)


def finish():
    """Wait for the run that began last."""
    from ncviz.ui.server import resources

    assert resources.registry().jobs()[-1].wait(SECONDS)


def words(app):
    """All that the tab says, as one text."""
    return " ".join(
        found.value for found in (*app.markdown, *app.caption, *app.info, *app.warning, *app.error)
    )
