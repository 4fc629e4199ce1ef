"""No name, whoever chose it, reaches a spreadsheet as a formula, by whatever way a table leaves."""

from __future__ import annotations

import ast
import csv
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ncviz import spreadsheet
from ncviz.spreadsheet import defuse, defuse_table, rows_csv, table_csv

ROOT = Path(__file__).parents[1]
HOSTILE = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "a;=1",
    'a;"=1+1;"b',
    'a\t" "=1+1',
    '"=1',
    "＝1",
    "﹦1",
    "﹢1",
    "﹣a",
    "﹫1",
    "-",
    "\tx",
]
# Only here is CSV written, or a table handed to Streamlit, whose menu writes it.
WRITERS = {
    "ncviz/spreadsheet.py": {"write_csv", "csv.writer"},
    "ncviz/ui/session/tables.py": {"st.dataframe"},
}
WAYS_OUT = {
    "to_csv",
    "write_csv",
    "to_excel",
    "to_clipboard",
    "to_html",
    "dataframe",
    "data_editor",
    "DictWriter",
}


def is_safe(text):
    return not text[:1] or text[0] not in "=+-@\t\r\n＝＋－＠﹦﹢﹣﹫" or spreadsheet._is_number(text)


def ways_out(source):
    """What in a module writes a table in a way that a spreadsheet reads."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            last = name.rpartition(".")[2]
            if name == "csv.writer" or (last in WAYS_OUT and not name.endswith("figure.to_html")):
                yield name


@pytest.mark.slow
def test_tables_leave_by_one_way_alone():
    found = {}
    for path in [ROOT / "app.py", *(ROOT / "pages").rglob("*.py"), *(ROOT / "ncviz").rglob("*.py")]:
        if names := set(ways_out(path.read_text("utf-8"))):
            found[path.relative_to(ROOT).as_posix()] = names
    assert found == WRITERS
    scripts = [
        path for ending in ("js", "html") for path in (ROOT / "ncviz").rglob(f"*.{ending}")
        if "node_modules" not in path.parts
    ]  # fmt: skip
    assert scripts
    assert not [path for path in scripts if "csv" in path.read_text("utf-8").lower()]


@pytest.mark.parametrize(
    "source", ["table.to_csv()", "csv.writer(f)", "import streamlit\nstreamlit.dataframe(t)"]
)
def test_another_way_would_be_found(source):
    assert list(ways_out(source))


@pytest.mark.parametrize("text", HOSTILE)
def test_formulas_become_text(text):
    assert is_safe(defuse(text))
    assert not spreadsheet._FORMULA.search(defuse(text))
    assert defuse(defuse(text)) == defuse(text)
    assert defuse(text).replace("'", "") == text.replace("'", "")


@pytest.mark.parametrize("text", ["\ufeff=1", "\ufeff -1+1", "\0@a"])
def test_what_reads_a_file_without_its_marks_finds_no_formula(text):
    assert defuse(text) == f"'{text}"


@given(st.text(alphabet="=+-@\t\r\n;, '\"a1＝﹣", max_size=6))
def test_no_text_begins_a_formula(text):
    assert is_safe(defuse(text))
    if not spreadsheet._is_number(text):
        assert not any(re.match(r"\s*[=+\-@＝﹣]", part) for part in re.split(r"[;\t\r\n]", defuse(text)))


@pytest.mark.parametrize(
    "value", ["-0.3", "+1e-5", "-inf", -0.3, 7, None, True, "−0.3", "conv1", "a - b", "5 → 12", ""]
)
def test_numbers_and_plain_names_stay(value):
    assert defuse(value) is value


def cells(data, delimiter=","):
    text = data.decode() if isinstance(data, bytes) else data
    return [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) for cell in row]


def is_safe_everywhere(data):
    """Whether it is safe in every language's spreadsheet, some of which end cells by other signs than a comma."""
    return all(is_safe(cell.lstrip()) for delimiter in ",;\t" for cell in cells(data, delimiter))


@given(st.lists(st.text(alphabet="=+-@\t\r\n;, '\"a1＝﹣", max_size=8), min_size=1, max_size=3))
def test_no_row_begins_a_formula_however_it_is_split(row):
    # In front of them a name: numbers stay as they are, and a row of them alone is one text where commas end nothing.
    assert is_safe_everywhere(rows_csv(["a"], [["a", *row]]))


def hostile_table():
    number = len(HOSTILE)
    return pd.DataFrame(
        {
            "name": HOSTILE,
            "=heading": pd.Series(HOSTILE, dtype=object),
            "layer": pd.Categorical.from_codes(range(number), HOSTILE),
            "twice": pd.Categorical.from_codes([0, 1] * (number // 2) + [0] * (number % 2), ["=a", "'=a"]),
            "κ": np.linspace(-0.3, 1, number),
            "missing": [None, *HOSTILE[1:]],
        }
    )


def test_a_table_is_defused_wherever_text_stands():
    table = hostile_table()
    given = table.copy()
    written = cells(table_csv(table))
    pd.testing.assert_frame_equal(table, given)
    assert is_safe_everywhere(table_csv(table))
    assert "'=1+1" in written
    assert "'=heading" in written
    again = pd.read_csv(io.BytesIO(table_csv(table)))
    np.testing.assert_array_equal(again["κ"], table["κ"])
    plain = pd.DataFrame({"name": ["a"], "κ": [-0.3]})
    pd.testing.assert_frame_equal(defuse_table(plain), plain)
    labelled = defuse_table(plain.set_index(pd.Index(["=a"], name="of")))
    assert list(labelled.index) == ["'=a"]


def test_rows_are_defused():
    assert is_safe_everywhere(rows_csv(["=a", "b"], [HOSTILE]))
    assert rows_csv(["a", "b"], [["-0.3", -0.3]]) == "a,b\n-0.3,-0.3\n"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["table", "styled", "columns"])
def test_what_a_page_shows_is_defused(monkeypatch, kind):
    from ncviz.ui.session import tables

    shown = []
    monkeypatch.setattr(tables.st, "dataframe", lambda table, **options: shown.append((table, options)))
    table = hostile_table()
    given = {"table": table, "styled": table.style, "columns": {name: list(table[name]) for name in table}}[
        kind
    ]
    tables.show_table(given, hide_index=True)
    ((found, options),) = shown
    found = found.data if kind == "styled" else found
    texts = [*found.columns, *(value for name in found for value in found[name] if isinstance(value, str))]
    assert all(is_safe(text) for text in texts)
    assert "'=1+1" in texts
    assert options == {"hide_index": True}
