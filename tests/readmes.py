"""What the README files say: their code, their links, and the paths that they name."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
READMES = [
    Path("README.md"),
    *sorted(
        path.relative_to(ROOT)
        for top in ("ncviz", "tests")
        for path in (ROOT / top).rglob("README.md")
        if "node_modules" not in path.parts
    ),
]
_PRINTING = re.compile(r"^```python\n(.*?)^```\n\n^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PATH = re.compile(
    r"(?<![\w/.])(?:ncviz|pages|tests|\.ci|\.github|\.streamlit)/[\w./-]*[\w/]|(?<![\w/.])app\.py"
)
_COMMAND = re.compile(r"(?:python -m )?\bncviz ((?:[a-z]+)(?: .*)?)$")


def python_example(text: str) -> tuple[str, str]:
    """Code of the Python blocks that are followed by what they print, in one piece, and all that they print."""
    blocks = _PRINTING.findall(text)
    return "\n".join(code for code, _ in blocks), "".join(printed for _, printed in blocks)


def commands(text: str) -> list[str]:
    """Every line of shell that calls ``ncviz``, behind that name; a line that goes on is one."""
    lines = "\n".join(_SHELL.findall(text)).replace("\\\n", " ").splitlines()
    lines += re.findall(r"`([^`\n]+)`", text)
    return [found[1] for line in lines if (found := _COMMAND.search(line))]


def linked(text: str) -> list[str]:
    """What links and pictures lead to, but for other sites, with the heading behind a "#"."""
    return [target for target in _LINK.findall(text) if "://" not in target]


def has_heading(text: str, name: str) -> bool:
    """Whether a link's part behind the "#" leads to a heading, by GitHub's names for them."""
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return name in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def paths(text: str) -> list[str]:
    """Every path of the repository that the text or its commands name, from the root."""
    return _PATH.findall(_LINK.sub("]", text))
