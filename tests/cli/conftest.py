"""The command line as a function: arguments in; exit code, output and errors out."""

import sys

import pytest

from ncviz import cli


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NCVIZ_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("NCVIZ_DATA", raising=False)


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["ncviz", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        out = capsys.readouterr()
        return caught.value.code or 0, out.out, out.err

    return call
