"""What can be taken away: the file that works without a server, tables, graph, checkpoint and the figure in view."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from ncviz import tasks
from ncviz.scene.return_files import ending, file_stem
from ncviz.scene.tables import edge_table
from ncviz.spreadsheet import table_csv
from ncviz.text import plain
from ncviz.ui.explore import charts, export_files
from ncviz.ui.explore.chart_figures import whose_flow
from ncviz.ui.explore.live_curves import told_by_hand
from ncviz.ui.explore.living import browser_forward, own_image
from ncviz.ui.link.view_state import VIEW_TITLES
from ncviz.ui.session import session
from ncviz.ui.session.camera import draw_camera_choice
from ncviz.ui.session.subject import Subject
from ncviz.ui.session.theme import theme


def draw_downloads(subject: Subject) -> None:
    """Draw the download buttons; the canvas's own buttons give PNG and SVG."""
    if subject.view.show in charts.CHARTS:
        draw_camera_choice()
    with st.container(horizontal=True):
        _draw_files(subject)


def _offer(label: str, make: Callable[[], bytes], name: str, mime: str, words: str) -> None:
    st.download_button(label, make, name, mime, key=f"download-{label}", on_click="ignore", help=words)


def _draw_files(subject: Subject) -> None:
    # Streamlit calls these when a file is asked for, outside this run: what they look into must not be the session,
    # and must be the step that the slider has reached by then.
    latest, colours = session.latest(), theme()
    forward, own = browser_forward(subject), own_image(subject.record)
    fine_of, fine = (subject.view.hand, subject.full_order), subject.fine_curve()
    stem, of_kind = file_stem(subject.network), ending(subject.network)
    whose = plain(whose_flow(subject))

    def now() -> Subject:
        return subject.showing(latest.view)

    def table() -> pd.DataFrame:
        at = now()
        return edge_table(at.record, at.network.arrays, at.ranks, at.removed, at.drawn, at.mask)

    def page() -> bytes:
        at = now()
        return export_files.offline_page(
            at, forward, fine if fine_of == (at.view.hand, at.full_order) else None, own
        )

    def checkpoint() -> bytes:
        at = now()
        return tasks.pruned_file(at.network, at.ranks, at.removed, at.record.shapes, at.factor)[0]

    _offer(
        "Interactive page (HTML)",
        page,
        f"{stem}-curvature.html",
        "text/html",
        "One file with the network, the slider, the accuracy and the curves, that works without a server.",
    )
    _offer(
        "Pruned checkpoint" if subject.network.is_bundled else f"Pruned network ({of_kind})",
        checkpoint,
        f"{stem}-pruned{of_kind}",
        "application/octet-stream",
        "The network with zeros in place of what is removed, as accurate as the slider shows; zeros alone do "
        "not make a network faster.",
    )
    _offer(
        "Weights (CSV)",
        lambda: table_csv(table()),
        f"{stem}-weights.csv",
        "text/csv",
        f"A row for each weight with the edge on which its κ over {whose} is least, and whether it is kept, which "
        "goes by the κ over all images. connection, source, target, parameter, position and image count from 0, "
        "as the app does. never_active weights have no curvature, and −1 as image. Where something is done by "
        "hand, weight is what is left, factor by what it was multiplied, and by_hand whether it was cut or kept.",
    )
    _offer(
        "Weights (Parquet)",
        lambda: export_files.parquet(table(), told_by_hand(now())),
        f"{stem}-weights.parquet",
        "application/vnd.apache.parquet",
        f"The same table over {whose}, smaller and with its types, for pandas, polars, DuckDB or R.",
    )
    _offer(
        "Graph (GraphML)",
        lambda: export_files.graph_file(now()),
        f"{stem}-drawn.graphml",
        "application/xml",
        "The lines that the picture Network draws and that are kept, at its detail, for networkx, Gephi, yEd or "
        "Cytoscape. The file says of how many.",
    )
    show = latest.view.show
    if show != "network":
        _offer(
            f"{VIEW_TITLES[show]} (HTML)",
            lambda: export_files.picture_page(now(), colours),
            f"{stem}-{show}.html",
            "text/html",
            "The picture above as a file that can still be zoomed and hovered over, without a network.",
        )
