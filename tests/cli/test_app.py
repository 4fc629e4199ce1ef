"""``ncviz app`` in a checkout; ``test_wheel.py`` runs it where the package is installed."""

import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from ncviz.cli import cli

APP = Path(__file__).parents[2] / "app.py"


@pytest.fixture
def started(monkeypatch):
    commands = []
    monkeypatch.setattr(os, "execv", lambda _, command: commands.append(command))
    return commands


@pytest.mark.skipif(os.name == "nt", reason="Windows starts a process of its own")
@pytest.mark.parametrize(("given", "flags"), [([], []), (["--port", "8600"], ["--server.port=8600"])])
def test_it_hands_the_script_of_the_checkout_to_streamlit(started, given, flags):
    assert CliRunner().invoke(cli, ["app", *given]).exit_code == 0
    assert started == [[sys.executable, "-P", "-m", "streamlit", "run", str(APP), *flags]]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no owner")
def test_settings_of_others_are_refused_except_beside_the_script(started, tmp_path, monkeypatch):
    # Whoever could write those could have written the script itself: a checkout of another user, or on a mounted disk.
    settings = tmp_path / ".streamlit" / "config.toml"
    settings.parent.mkdir()
    settings.write_text("")
    settings.chmod(0o666)
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(cli, ["app"])
    assert found.exit_code != 0
    assert not started
    monkeypatch.setattr("ncviz.cli.app.script", lambda: tmp_path / "app.py")
    assert CliRunner().invoke(cli, ["app"]).exit_code == 0
    assert len(started) == 1


def test_a_port_that_is_none(started):
    found = CliRunner().invoke(cli, ["app", "--port", "70000"])
    assert found.exit_code == 2
    assert "1<=x<=65535" in found.output
    assert not started
