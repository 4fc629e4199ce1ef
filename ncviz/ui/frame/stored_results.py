"""What the store holds, and how to clear it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from ncviz.text import quotable
from ncviz.ui.server import resources
from ncviz.ui.session import visitors
from ncviz.ui.session.problems import telling_errors
from ncviz.ui.session.tables import show_table

# More is no title, or no settings, of ours.
MAX_TITLE, MAX_SETTINGS = 200, 1_000


@telling_errors()
def draw_stored_results() -> None:
    """Draw the list of stored results with the button that clears them."""
    store = resources.desk().store
    entries = store.entries()
    size = sum(entry.bytes for entry in entries)
    with st.expander(f"Stored results: {len(entries)}, {size / 1e6:.1f} MB"):
        is_trusted = visitors.is_trusted()
        where = store.where if is_trusted else "the server's store"
        st.caption(f"In {where}; the least recently used go when it outgrows {store.max_bytes / 1e9:.1f} GB.")
        if not entries:
            st.write("Nothing is stored yet: what you compute is kept here and comes back at once.")
            return
        rows = [
            {
                "what": quotable(entry.kind),
                "network": _title(entry.meta),
                "settings": _settings_words(entry.meta),
                "MB": entry.bytes / 1e6,
                "last used": datetime.fromtimestamp(entry.last_used),
            }
            for entry in entries
        ]
        show_table(
            pd.DataFrame(rows),
            hide_index=True,
            column_config={"MB": st.column_config.NumberColumn(format="%.2f")},
        )
        if is_trusted and st.button("Clear all stored results", key="clear-store"):
            with telling_errors():
                visitors.check_trusted("Clearing the results of everybody")
                files, freed = store.clear()
                resources.desk().forget()
                st.toast(f"Removed {files} results, {freed / 1e6:.1f} MB.")
                st.rerun()


def _title(meta: Mapping[str, Any]) -> str:
    return quotable(str(meta.get("title", "")), MAX_TITLE)


def _settings_words(meta: Mapping[str, Any]) -> str:
    """What a result was asked for, in a few words; every session reads this, so that layers go without their names.

    It stands in the record's head, which is shown unverified: where others can write, it may be anything.
    """
    try:
        return quotable(_told_settings(meta), MAX_SETTINGS)
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
        return ""


def _told_settings(meta: Mapping[str, Any]) -> str:
    asked = dict(meta.get("pruning") or meta.get("config") or meta.get("settings") or {})
    asked |= {name: f"{value:g}" for name, value in asked.pop("search", {}).items()}
    # Of curves whose curvature is like that of others.
    asked |= {"never active": meta["never_active"]} if "never_active" in meta else {}
    if meta.get("batchnorm") == "":  # of a network without any
        asked.pop("batchnorm", None)
    for name in ("layers", "protected", "budgets"):
        if asked.get(name):
            asked[name] = len(asked[name])
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in asked.items() if value != [])
