"""Tables on a page, which Streamlit offers as CSV, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from ncviz.spreadsheet import defuse_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from pandas.io.formats.style import Styler


def show_table(table: pd.DataFrame | Styler | Mapping[str, Any], **options: Any) -> Any:
    """Draw a table by ``st.dataframe``, whose menu saves it as CSV without looking at what is in it.

    Args:
        table: A table, one with styles, or its columns.
        **options: Those of ``st.dataframe``.
    """
    # Not at the top: the first page does without.
    import pandas as pd

    if isinstance(table, pd.DataFrame):
        return st.dataframe(defuse_table(table), **options)
    if hasattr(table, "data"):
        # Styles go by place, so that they fit the same table with other texts.
        table.data = defuse_table(table.data)
        return st.dataframe(table, **options)
    return st.dataframe(defuse_table(pd.DataFrame(table)), **options)
