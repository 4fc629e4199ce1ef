"""The README's example prints what the README says."""

import pytest

from tests.readmes import ROOT, python_example


@pytest.mark.slow
def test_the_example_of_the_readme_prints_what_the_readme_says(capsys, monkeypatch, tmp_path):
    code, printed = python_example((ROOT / "README.md").read_text("utf-8"))
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out == printed
