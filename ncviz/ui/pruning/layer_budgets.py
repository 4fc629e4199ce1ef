"""Budgets of layers on the Pruning page: what is set, what the layers' sensitivity suggests, one click between them."""

from __future__ import annotations

import math
from collections.abc import Mapping

import streamlit as st

from ncviz import tasks
from ncviz.scene.comparison import Comparison, budget_words
from ncviz.tasks.criteria import criterion_title
from ncviz.tasks.sensitivity import Sensitivity
from ncviz.text import percent, plain, plural
from ncviz.ui.pruning import comparison
from ncviz.ui.session import session

# On all 10,000 test images; the commands stand in ncviz/studies/paper.
RULE_OF_THUMB = (
    "A rule of thumb, since each layer is measured alone: look at the curve with and without them. On LeNet, 80% "
    "removed, they cost: 92.6% right without budgets and 91.5% with those suggested by magnitude, 94.4% and 86.0% by "
    "curvature."
)
# What one layer alone may cost by that, in points of accuracy, and the layers' budgets.
Suggested = tuple[float, Mapping[str, float]]


def draw_control(of: tasks.Network, compared: Comparison) -> None:
    """Draw the control: the budgets that are set, or what the layers' sensitivity suggests, or where to measure it."""
    if compared.budgets:
        words, press = st.columns([5, 1.2], vertical_alignment="center")
        words.markdown(
            f"**Budgets of layers:** at most {plain(budget_words(comparison.shapes(of), compared.budgets))}"
        )
        press.button(
            "Drop budgets",
            key="lab-drop-budgets",
            width="stretch",
            on_click=lambda: comparison.change(lab_budgets=""),
        )
        return
    look = session.view().lab_look
    for name in sorted(compared.criteria, key=lambda name: name != look):
        found = session.context().look_up(Sensitivity(of, compared.config(name)))
        if found is not None:
            points = session.view().lab_lost
            suggested = found.suggest_budgets(points, compared.sparsity, compared.protected)
            draw_offer(of, compared, suggested, points, key="controls", by=f" by {criterion_title(name)}")
            return
    st.caption(
        "A budget for each layer, the largest share of it that may go, is suggested under *Where it cuts* once the "
        "sensitivity of the layers is measured."
    )


def draw_offer(
    of: tasks.Network, compared: Comparison, suggested: Suggested, points: float, *, key: str, by: str = ""
) -> None:
    """Say which budgets leave enough at the fraction that is looked at, and take them over when asked.

    Args:
        of: The network.
        compared: What is compared.
        suggested: From ``SensitivityResult.suggest_budgets``.
        points: Points of accuracy that one layer alone was to cost at most.
        key: Of the button.
        by: By which criterion, where that is not said beside it.
    """
    (cost, budgets), at = suggested, percent(compared.sparsity)
    if not budgets:
        st.markdown(f"Budgets within what is measured of each layer do not leave {at} to remove.")
        return
    shapes = comparison.shapes(of)
    short = "" if cost <= points else f"; those at {plural(points, 'point')} leave less than {at} to remove"
    # Rounded up: at less than that, they would not be these.
    shown = plural(math.ceil(10 * cost - 1e-6) / 10, "point")
    st.markdown(
        f"**Budgets at {shown} a layer{by}**{short}: at most {plain(budget_words(shapes, tuple(budgets.items())))}."
    )
    if dict(compared.budgets) == dict(budgets):
        st.caption("Used already.")
        return
    st.caption(RULE_OF_THUMB)
    text = comparison.budgets_text(shapes, budgets)
    st.button(
        "Use the suggested budgets",
        key=f"lab-use-budgets-{key}",
        on_click=lambda: comparison.change(lab_budgets=text),
        help="No layer then loses more than its budget; what it may not lose, others lose in its place, within theirs. "
        "In place of the budgets that there are now; Undo takes it back.",
    )
