"""Another run of the page when the browser's theme changes: charts have their colours from the run that drew them."""

from ncviz.ui.components.bundle import component, ignore

NAME = "ncviz_repaint"


def follow_theme() -> None:
    """Run the page again whenever the theme changes."""
    component(NAME, "stage/repaint")(key="repaint", data={}, on_theme_change=ignore)
