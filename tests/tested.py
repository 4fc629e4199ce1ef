"""The versions that are installed here: compare them with those with which the whole check passed, or write them down.

Usage: python -m tests.tested [--write], the latter by .ci/run, where all has passed with what is installed.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

FOLDER = Path(__file__).parent
FILE = FOLDER / "constraints.txt"
HEADER = """\
# The versions with which the whole check passed, on Python {python}:
# pip install -r requirements.txt -c tests/constraints.txt
# WRITE_VERSIONS=1 .ci/run writes this file, only once all has passed; every .ci/run says first which others it has.
# Without builds: which torch, for which processor or GPU, is left open, and so are CUDA's own packages.
"""
# Brought by builds of torch for a GPU, of versions that it says itself.
_BUILDS = re.compile(r"nvidia-.*|cuda-.*|triton")


def required() -> list[Requirement]:
    """What the project's files of requirements ask for, tests and options included."""
    files = [FOLDER.parent / "requirements.txt", *sorted(FOLDER.glob("requirements*.txt"))]
    lines = (line.split("#")[0].strip() for file in files for line in file.read_text("utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def installed(todo: list[Requirement]) -> dict[str, str]:
    """Package → its version without its build, for requirements and all that these need in turn, where installed."""
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    while todo:
        needed = todo.pop()
        name = canonicalize_name(needed.name)
        for extra in ("", *needed.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            try:
                package = distribution(name)
            except PackageNotFoundError:
                continue
            if not _BUILDS.fullmatch(name):
                found[name] = Version(package.version).public
            todo += [
                each for each in map(Requirement, package.requires or ())
                if each.marker is None or each.marker.evaluate({"extra": extra})
            ]  # fmt: skip
    return dict(sorted(found.items()))


def written() -> dict[str, str]:
    """Package → the version that the file names."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)$", FILE.read_text("utf-8"), re.MULTILINE))


def differences(here: dict[str, str], there: dict[str, str]) -> list[str]:
    """Say each package of which the versions here and in the file differ."""
    names = sorted(here.keys() | there.keys())
    return [
        f"{name} {here.get(name, 'missing')} (written down: {there.get(name, 'none')})"
        for name in names
        if here.get(name) != there.get(name)
    ]


def content(versions: dict[str, str], python: str) -> str:
    """Return what the file says of versions."""
    return HEADER.format(python=python) + "".join(
        f"{name}=={version}\n" for name, version in versions.items()
    )


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        FILE.write_text(content(installed(required()), python), "utf-8")
    elif found := differences(installed(required()), written()):
        print("Versions other than those in tests/constraints.txt:", "; ".join(found))
    else:
        print("All versions are those in tests/constraints.txt.")
