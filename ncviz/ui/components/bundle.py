"""The components' HTML, CSS and JavaScript, read from this package; no build step, nothing from the network.

Streamlit mounts a component from one string of JavaScript, which cannot import its neighbours. The sources are plain
ES modules all the same, so that each file can be read, checked and tested alone; here they are put one after the
other, dependencies first, without their `import` and `export` words and without comments.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from posixpath import dirname, join, normpath
from typing import Any

import streamlit as st

from ncviz import assets

_IMPORT = re.compile(r'^import \{[^}]*\} from "(?P<file>(?:\./|(?:\.\./)+)[a-z_/]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let) )", re.MULTILINE)
# The whole script goes along with every answer to a drag; lines that say something to people alone stay behind.
_COMMENT = re.compile(r"^[ \t]*(?://[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)[ \t]*\n", re.MULTILINE)
_INDENT = re.compile(r"\n[ \t\n]*")
_TOP_LEVEL = re.compile(r"^(?:async )?(?:function|class|const|let) (?P<name>\w+)", re.MULTILINE)


def read_asset(name: str) -> str:
    """One file of this package, such as `network/component.css`."""
    return assets.read_asset(__package__, name)


@cache
def component(name: str, files: str) -> Callable[..., Any]:
    """Return the function that mounts a component made of `<files>.html`, `.css` and `.js`.

    Registered at first use, not at import: importing this package must not need a running app.
    """
    markup, script = read_asset(f"{files}.html"), bundle(f"{files}.js")
    mount = st.components.v2.component(name, html=markup, css=styles(files), js=script)

    def mounted(*, data: Mapping[str, Any] | bytes, **options: Any) -> Any:
        # Streamlit looks for tables among a dictionary's values, and imports pandas for that, which the first page
        # would have to wait for. In a list it leaves them alone; `keepInstance` takes them out again.
        return mount(data=data if isinstance(data, bytes) else [dict(data)], **options)

    return mounted


def styles(files: str) -> str:
    """What all components have in common, and a component's own, without comments and indents."""
    both = read_asset("shared/base.css") + read_asset(f"{files}.css")
    return _INDENT.sub("\n", _COMMENT.sub("", both))


def ignore() -> None:
    """Nothing to do on a change: the value is read where the component is mounted."""


@cache
def bundle(entry: str) -> str:
    """A module, such as `network/component.js`, and all it imports as one with the entry's default export."""
    parts: dict[str, str] = {}
    _collect(entry, parts, ())
    names = [match["name"] for source in parts.values() for match in _TOP_LEVEL.finditer(source)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"modules joined for {entry} share top-level names: {', '.join(twice)}")
    torn = [name for name, source in parts.items() if any(line.count("`") % 2 for line in source.split("\n"))]
    if torn:
        raise ValueError(f"text over several lines would lose its indents in {', '.join(torn)}")
    return "\n".join(f"// ---- {name}\n{_INDENT.sub(chr(10), source)}" for name, source in parts.items())


def _collect(name: str, parts: dict[str, str], above: tuple[str, ...]) -> None:
    """Add a module after all that it imports."""
    if name in above:
        raise ValueError(f"modules import each other in a circle: {' → '.join((*above, name))}")
    if name in parts:
        return
    source = read_asset(name)
    for match in _IMPORT.finditer(source):
        _collect(normpath(join(dirname(name), match["file"])), parts, (*above, name))
    parts[name] = _COMMENT.sub("", _EXPORT.sub("", _IMPORT.sub("", source)))
