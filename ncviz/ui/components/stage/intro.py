"""What red and blue mean, above the picture, and the slider that moves by itself once to show it."""

from typing import Literal, cast

from ncviz.ui.components.bundle import component, ignore
from ncviz.ui.components.live.data import tones

NAME = "ncviz_intro"
Wish = Literal["tour", "learn"]


def introduction(
    *, channel: str, total: int, word: str, baseline: float, plays: bool, key: str
) -> Wish | None:
    """Draw the introduction; return what the reader wishes to see: the tour, or what κ is.

    Args:
        channel: Of the live panel whose slider it moves.
        total: Number of weights.
        word: What the share of right answers is called.
        baseline: That share with nothing removed.
        plays: Whether it begins by itself; it does so once, and never where less motion is preferred.
        key: Of the component.
    """
    data = {
        "channel": channel,
        "total": total,
        "word": word,
        "baseline": baseline,
        "plays": plays,
        "tones": tones(),
    }
    result = component(NAME, "stage/intro")(key=key, data=data, on_wish_change=ignore)
    return cast(Wish, result.wish) if result.wish in ("tour", "learn") else None
