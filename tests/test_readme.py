"""The README files: what they name exists, and their commands have the options they are given.

The Python example is run by ``test_example.py``.
"""

import shlex

import pytest

from ncviz.cli import cli
from tests.readmes import READMES, ROOT, commands, has_heading, linked, paths

pytestmark = pytest.mark.parametrize("readme", READMES, ids=str)


def text(readme):
    return (ROOT / readme).read_text("utf-8")


def test_every_link_leads_somewhere(readme):
    for link in linked(text(readme)):
        path, _, heading = link.partition("#")
        target = ROOT / readme.parent / path if path else ROOT / readme
        assert target.exists(), link
        assert not heading or has_heading(target.read_text("utf-8"), heading), link


def test_every_path_exists(readme):
    assert [path for path in paths(text(readme)) if not (ROOT / path).exists()] == []


def test_every_command_is_one(readme):
    for line in commands(text(readme)):
        name, *given = shlex.split(line)
        assert name in cli.commands, line
        options = {flag for option in cli.commands[name].params for flag in option.opts}
        assert {flag for flag in given if flag.startswith("--")} <= options, line
