"""Which changes of the address become entries of the browser's history."""

from collections.abc import Sequence

from ncviz.ui.components.bundle import component

NAME = "ncviz_history"


def keep_history(quiet: Sequence[str], *, run: int) -> None:
    """Make an entry of each chosen step, and of nothing else; call it once a page is drawn and its link written.

    Args:
        quiet: Fields of a link that slide: a change of them alone is no entry.
        run: Another number in each run of the page.
    """
    component(NAME, "stage/history")(key="browser-history", data={"quiet": list(quiet), "run": run})
