"""What is installed is what is imported, without known holes, and which versions were tested is written down."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests import tested

ROOT = Path(__file__).parents[1]
# Package → first version in which what is known is mended, and where that is said.
MENDED = {
    "torch": ("2.10", "GHSA-63cw-57p8-fm3p: weights_only corrupts memory; storage lengths are unchecked"),
    "pillow": ("12.2", "GHSA-whj4-6x5x-4v2j, CVE-2026-25990: FITS unpacks without end, PSD writes out of bounds"),
    "onnx": ("1.21", "CVE-2026-34445, CVE-2026-27489: attributes injected, links followed by external data"),
    "streamlit": ("1.54", "GHSA-7p48-42j8-8846: requests to other machines by component paths"),
    "starlette": ("1.1", "CVE-2026-48818: requests to other machines by static paths"),
    "filelock": ("3.20.3", "GHSA-w853-jp5j-5j7f, GHSA-qmgc-5h2g-mvrw: links followed where a lock is made"),
    "pyarrow": ("23.0.1", "CVE-2026-25087: memory used after it was freed"),
    "distributed": ("2026.1.1", "GHSA-c336-7962-wfj2: scripts in the dashboard's pages"),
}  # fmt: skip
# Of another's own: numba brings the one version of llvmlite that it works with.
BROUGHT = {"llvmlite": "numba"}
# What a function needs that says so itself where it is missing.
OPTIONAL = {
    "distributed": "requirements-dask.txt", "huggingface-hub": "requirements-timm.txt",
    "scikit-learn": "requirements.txt", "timm": "requirements-timm.txt", "tqdm": "requirements-timm.txt",
}  # fmt: skip


def read(path):
    lines = (line.split("#")[0].strip() for line in path.read_text("utf-8").splitlines())
    found = [Requirement(line) for line in lines if line and not line.startswith("-")]
    return {canonicalize_name(each.name): each.specifier for each in found}


def imported():
    """Distribution → a file of ours that imports it."""
    known, found = packages_distributions(), {}
    for path in [ROOT / "app.py", *(ROOT / "pages").rglob("*.py"), *(ROOT / "ncviz").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            for name in {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"ncviz", ""}:
                for each in known.get(name, [name]):
                    found[canonicalize_name(each)] = path.relative_to(ROOT).as_posix()
    return found


@pytest.mark.slow
def test_what_is_imported_is_required_and_nothing_else():
    required, found = read(ROOT / "requirements.txt"), imported()
    unsaid = {BROUGHT.get(name, name): path for name, path in found.items()}
    assert {
        name: path for name, path in unsaid.items() if name not in required and name not in OPTIONAL
    } == {}
    assert set(required) - set(found) == set()
    for name, file in OPTIONAL.items():
        assert name in found
        assert name in read(ROOT / "tests" / file)


@pytest.mark.parametrize("name", MENDED)
def test_no_version_with_a_known_hole_is_let_in(name):
    files = ("requirements.txt", "tests/requirements-dask.txt")
    (specifier,) = [found[name] for file in files if name in (found := read(ROOT / file))]
    (least,) = [each.version for each in specifier if each.operator == ">="]
    assert Version(least) >= Version(MENDED[name][0]), MENDED[name][1]


def test_the_versions_that_were_tested_are_written_down_and_fit():
    versions, text = tested.written(), tested.FILE.read_text("utf-8")
    (python,) = re.findall(r"on Python (3\.\d+):", text)
    assert text == tested.content(versions, python), "written by hand"
    assert not [each for each in versions.values() if "+" in each], "a build is fixed"
    for file in (ROOT / "requirements.txt", *(ROOT / "tests").glob("requirements*.txt")):
        for name, specifier in read(file).items():
            assert specifier.contains(versions[name]), name
    assert not [name for name in versions if name.startswith(("nvidia-", "cuda-"))]


def test_what_is_needed_in_turn_is_found_and_what_differs_is_said():
    found = tested.installed(
        [Requirement("numba"), Requirement("not-there"), Requirement("pytest-xdist[psutil]")]
    )
    assert {"numba", "numpy", "llvmlite", "pytest-xdist", "execnet", "pytest"} <= set(found)
    assert "not-there" not in found
    assert set(tested.installed(tested.required())) >= set(found)
    said = tested.differences({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "1", "d": "4"})
    assert said == [
        "b 2 (written down: 1)", "c 3 (written down: none)", "d missing (written down: 4)",
    ]  # fmt: skip


def test_the_package_takes_its_requirements_from_the_file():
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert 'dynamic = ["version", "dependencies", "optional-dependencies"]' in text
    assert 'files = ["requirements.txt"]' in text
