"""The Pruning page's second tab: which layers each criterion empties, what criteria share, what layers can lose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.plots.figure_frame import WIDTH
from ncviz.plots.pruning.tables import layer_heatmap, overlap_heatmap
from ncviz.scene.comparison import Comparison, layer_titles
from ncviz.tasks.criteria import Overlap, Spread, criterion_title, layer_sparsity, overlap
from ncviz.text import listed, percent
from ncviz.ui.components.shared.width import column_width
from ncviz.ui.pruning import comparison, curves, files
from ncviz.ui.pruning.layer_sensitivity import draw_sensitivity
from ncviz.ui.session.theme import theme

PARTS = ("removed", "kept")


def draw_layers(of: tasks.Network, compared: Comparison, spreads: Mapping[str, Spread]) -> None:
    """Draw both tables at the chosen sparsity, and what each layer alone can lose."""
    titles, layers = [criterion_title(name) for name in spreads], layer_titles(comparison.shapes(of))
    removed = curves.removed_at(of, compared)
    if not removed:
        st.info("Nothing is removed at 0%; choose a larger fraction above.")
        draw_sensitivity(of, compared)
        return
    orders = {name: _known_orders(of, compared, name) for name in spreads}
    sizes = [int(np.prod(shape)) for shape in comparison.shapes(of).values()]
    total = sum(sizes)
    shares = np.stack(
        [
            np.mean([layer_sparsity(ranks, removed, sizes) for ranks in draws], axis=0)
            for draws in orders.values()
        ]
    )
    left, right = st.columns([1.5, 1], gap="large")
    with left:
        st.subheader(f"Of each layer, with {percent(removed / total)} removed")
        files.draw_chart(
            of,
            layer_heatmap(shares, titles, layers, theme(), width=column_width("width-layers", WIDTH // 2)),
            "layers",
            key="lab-layers",
        )
        _warn_of_collapse(shares, titles, layers)
        st.caption(_draws_words(orders, spreads))
    with right:
        st.subheader("In common")
        _draw_overlap(of, compared, orders, titles, removed)
    draw_sensitivity(of, compared)


def _draw_overlap(
    of: tasks.Network,
    compared: Comparison,
    orders: Mapping[str, list[np.ndarray]],
    titles: list[str],
    removed: int,
) -> None:
    """Draw what criteria have in common in what goes, or in what stays."""
    # What is zero already is the same in every order, and tells nothing of them.
    zeros = tasks.zeros_in(of, comparison.shapes(of))
    # What a layer keeps beyond its budget is another part of it in every order.
    freely = replace(compared.config(next(iter(compared.criteria))), budgets=())
    removable = tasks.removable(of, freely) - zeros
    removed -= zeros
    if not removed:
        st.caption("Nothing is removed but what is zero already; choose a larger fraction above.")
        return
    orders = {name: [each[each >= zeros] - zeros for each in draws] for name, draws in orders.items()}
    # The smaller set tells more: of two that are nearly everything, most is in common anyhow.
    part: str = st.segmented_control(
        "In common",
        PARTS,
        format_func=lambda name: f"In what is {name}",
        default=PARTS[int(2 * removed > removable)],
        required=True,
        label_visibility="collapsed",
        key=f"lab-common-{2 * removed > removable}",
        persist_state="session",
    )
    found = _find_overlaps(list(orders.values()), removed, removable)
    is_kept = part == "kept"
    shared = np.array([[pair.kept if is_kept else pair.shared for pair in row] for row in found])
    jaccard = np.array([[pair.kept_jaccard if is_kept else pair.jaccard for pair in row] for row in found])
    chance = found[0][0].kept_chance if is_kept else found[0][0].chance
    count = removable - removed if is_kept else removed
    files.draw_chart(
        of,
        overlap_heatmap(shared, titles, theme(), jaccard=jaccard, chance=chance),
        "overlap",
        key="lab-overlap",
    )
    st.caption(
        f"Share of the {count:,} weights {part} by one criterion that are {part} by another as well; two random orders "
        f"{'without budgets ' if compared.budgets else ''}have {chance:.0%} in common."
        + (
            " On the diagonal a criterion beside itself on another draw, where it has one."
            if any(len(draws) > 1 for draws in orders.values())
            else ""
        )
        + (" Protected layers are left out." if compared.protected and is_kept else "")
        + (f" The {zeros:,} that are zero already are left out." if zeros else "")
    )


def _known_orders(of: tasks.Network, compared: Comparison, criterion: str) -> list[np.ndarray]:
    """Return the orders of a criterion over the draws that are at hand."""
    return [curves.ranks(of, config) for config in curves.at_hand(of, compared, criterion)]


def _draws_words(orders: Mapping[str, list[np.ndarray]], spreads: Mapping[str, Spread]) -> str:
    """Say over how many draws a mean is taken, and whose other draws would take long to find."""
    few = [criterion_title(name) for name, draws in orders.items() if len(draws) < spreads[name].draws]
    if not few:
        return "Mean over the draws of the calibration images."
    return (
        f"Mean over the draws of the calibration images; {listed(few)}: of the first draw alone, because the "
        "curvature of the others is not kept."
    )


def _warn_of_collapse(shares: np.ndarray, titles: list[str], layers: list[str]) -> None:
    """Name the layers that are emptied: nothing gets through them any more."""
    found = []
    for title, row in zip(titles, shares >= 1, strict=True):
        gone = [name for name, is_empty in zip(layers, row, strict=True) if is_empty]
        if gone:
            which = "every layer" if len(gone) == len(layers) else f"layer {' and '.join(gone)}"
            found.append(f"{title} empties {which}")
    if found:
        st.warning(f"**Layer collapse.** {'; '.join(found)}: nothing gets through, whatever the image.")


def _find_overlaps(orders: list[list[np.ndarray]], removed: int, removable: int) -> list[list[Overlap]]:
    """Return what each pair of criteria has in common, on the first draw; of one with itself, over its draws."""
    found = []
    for one in orders:
        row = []
        for other in orders:
            first = one[0]
            second = other[1] if other is one and len(one) > 1 else other[0]
            row.append(overlap(first, second, removed, removable))
        found.append(row)
    return found
