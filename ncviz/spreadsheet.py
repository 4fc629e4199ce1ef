"""Tables for spreadsheets: CSV in which no text can be taken for a formula, whoever chose it.

A spreadsheet computes what begins with =, +, -, @, a tab or a carriage return, and may send cells anywhere by it. Names
of networks, layers and classes come with files of unknown hands, so every CSV of ncviz is written here. An apostrophe
goes before such a beginning (OWASP, *CSV Injection*), also behind what a spreadsheet of another language takes for the
end of a cell, where quotes that belong to the text open the next one. Numbers stay numbers.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# The wide and small ones are taken for the others where Japanese or Chinese is written; a byte order mark at a file's
# start is no text.
_FORMULA = re.compile(r"(^|[;\t\r\n])(?=[\s\"\ufeff\0]*[=+\-@＝＋－＠﹦﹢﹣﹫])|^(?=[\t\r\n])")


def defuse(value: Any) -> Any:
    """Return a value that no spreadsheet takes for a formula: numbers, and text that is a number, as they are."""
    if not isinstance(value, str) or not _FORMULA.search(value) or _is_number(value):
        return value
    return _FORMULA.sub(r"\1'", value)


def defuse_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of a table in which no text, heading or label of a row is taken for a formula."""
    import pandas as pd

    found = table.rename(columns=defuse)
    if not pd.api.types.is_numeric_dtype(table.index.dtype):
        found = found.rename(index=defuse)
    for at, kind in enumerate(found.dtypes):
        column = found.iloc[:, at]
        if isinstance(kind, pd.CategoricalDtype):
            # Not each row's: tables of edges have millions.
            safe = [defuse(each) for each in kind.categories]
            if safe != list(kind.categories):
                is_distinct = len(set(safe)) == len(safe)
                column = (
                    column.cat.rename_categories(safe) if is_distinct else column.map(defuse).astype(object)
                )
                found.isetitem(at, column)
        elif pd.api.types.is_object_dtype(kind) or pd.api.types.is_string_dtype(kind):
            found.isetitem(at, column.map(defuse).astype(kind))
    return found


def table_csv(table: pd.DataFrame) -> bytes:
    """Return a table as CSV, without the labels of its rows; for a million rows pandas takes seven times longer."""
    import pyarrow as pa
    from pyarrow.csv import write_csv

    buffer = io.BytesIO()
    write_csv(pa.Table.from_pandas(defuse_table(table), preserve_index=False), buffer)
    return buffer.getvalue()


def rows_csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows of values as CSV, under their names."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([defuse(each) for each in row] for row in (names, *rows))
    return text.getvalue()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    # What float() takes beyond digits, such as spaces around them, is not left to spreadsheets.
    return text.isascii() and text == text.strip()
