"""The house's rule that imports run only downward, and that Streamlit and torch stay in their rooms."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# What every room may use, each of which uses nothing of ours but the errors.
COMMON = {"config", "devices", "errors", "limits"}
# "public" is the package itself, `import ncviz` or `from ncviz import load_model`.
CORE = {"data", "models", "graph", "transport", "curvature", "pruning", "store", "fingerprint", "records", "ricci",
        "explain", "preflight"}  # fmt: skip
ALLOWED = {
    "errors": set(),
    "limits": set(),
    "config": {"errors"},
    "devices": {"errors"},
    "fingerprint": COMMON,
    "archives": COMMON,
    "store": COMMON | {"fingerprint"},
    "jobs": COMMON,
    "compiled": set(),
    "attacks": COMMON,
    "graph": COMMON | {"compiled"},
    "transport": COMMON | {"compiled"},
    "engine": COMMON | {"compiled", "fingerprint", "graph", "transport"},
    "plots": COMMON,
    "data": COMMON | {"archives", "fingerprint"},
    "models": COMMON | {"archives", "attacks", "fingerprint", "data"},
    "curvature": COMMON | {"engine", "graph"},
    "preflight": COMMON | {"engine", "graph"},
    "ricci": COMMON | {"transport"},
    "explain": COMMON | {"engine", "graph", "transport"},
    "pruning": COMMON | {"attacks", "graph", "curvature"},
    "records": COMMON | {"store", "curvature", "graph", "pruning"},
    "pipeline": COMMON | CORE - {"transport"},
    "experiments": COMMON
    | {"fingerprint", "records", "store", "data", "models", "pruning", "pipeline", "plots", "curvature"},
    "ui": COMMON | CORE | {"engine", "jobs", "pipeline", "plots", "public"},
    "bench": COMMON | CORE | {"pipeline", "plots", "public"},
    "cli": COMMON | CORE - {"graph", "transport"} | {"pipeline", "experiments", "bench", "public"},
    "__main__": {"cli"},
    "pages": COMMON | {"ui", "jobs", "pipeline", "plots", "records", "public"},
    "app": COMMON | {"ui", "jobs", "pipeline", "plots", "records", "public"},
    # Every name of the package loads lazily, from wherever it lives.
    "public": COMMON | CORE | {"jobs", "pipeline", "plots"},
}
STREAMLIT_ROOMS = {"app", "pages", "ui"}
TORCH_FREE_ROOMS = {"errors", "config", "fingerprint", "store", "jobs", "plots", "records"}


def room_of_file(path):
    """The room of a file, given relative to the repository's root."""
    if path.parts[0] != "ncviz":
        return Path(path.parts[0]).stem
    room = Path(path.parts[1]).stem
    return "public" if room == "__init__" else room


def room_of_module(module):
    """The room of a dotted name of ours, or None for other people's."""
    parts = module.split(".")
    if parts[0] in {"app", "pages"}:
        return parts[0]
    if parts[0] != "ncviz":
        return None
    return parts[1] if len(parts) > 1 else "public"


def imported_modules(source, path):
    """Line and full dotted name of everything a file imports, at any depth and under any condition."""
    package = list(path.with_suffix("").parts[:-1])
    for node in ast.walk(ast.parse(source, str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            if module != "ncviz":
                yield node.lineno, module
                continue
            for alias in node.names:
                yield node.lineno, f"ncviz.{alias.name}" if alias.name in ALLOWED else "ncviz"
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in {"import_module", "__import__"} and isinstance(node.args[0].value, str):
                yield node.lineno, node.args[0].value


def faults(source, path):
    """One sentence for each import that a file may not make."""
    room = room_of_file(path)
    if room not in ALLOWED:
        return [f"{path}: room {room!r} is not in the table of tests/test_imports.py"]
    found = []
    for line, module in imported_modules(source, path):
        target, top = room_of_module(module), module.split(".")[0]
        if target is not None and target != room and target not in ALLOWED[room]:
            found.append(f"{path}:{line}: {room} may not import {target} ({module})")
        if top == "streamlit" and room not in STREAMLIT_ROOMS:
            found.append(f"{path}:{line}: {room} may not import streamlit")
        if top in {"torch", "torchvision"} and room in TORCH_FREE_ROOMS:
            found.append(f"{path}:{line}: {room} may not import torch")
    return found


def source_files():
    paths = [*(ROOT / "ncviz").rglob("*.py"), *(ROOT / "pages").rglob("*.py"), ROOT / "app.py"]
    return sorted(path.relative_to(ROOT) for path in paths if path.exists())


def test_every_import_runs_downward():
    found = [fault for path in source_files() for fault in faults((ROOT / path).read_text("utf-8"), path)]
    assert not found, "\n".join(found)


def test_the_walk_reaches_every_part():
    rooms = {room_of_file(path) for path in source_files()}
    assert {"public", "config", "errors", "graph", "store", "jobs"} <= rooms


def test_the_table_has_no_way_back_up():
    order = list(TopologicalSorter(ALLOWED).static_order())
    assert order[0] == "errors"
    assert set(order) == set(ALLOWED)


@pytest.mark.parametrize(
    ("path", "source", "fault"),
    [
        ("ncviz/graph/build.py", "from ncviz.models.zoo import MODELS", "graph may not import models"),
        ("ncviz/graph/build.py", "from ..models import zoo", "graph may not import models"),
        ("ncviz/graph/build.py", "from .. import pipeline", "graph may not import pipeline"),
        ("ncviz/transport/hub.py", "import ncviz.graph.build as b", "transport may not import graph"),
        ("ncviz/curvature.py", "def f():\n    from ncviz import pruning", "2: curvature may not import pruning"),
        ("ncviz/pipeline/sweeps.py", "from ncviz import load_model", "pipeline may not import public"),
        ("ncviz/store/store.py", "import importlib\nimportlib.import_module('ncviz.jobs')", "import jobs"),
        ("ncviz/plots/curves.py", "if True:\n    import torch.nn", "plots may not import torch"),
        ("ncviz/plots/curves.py", "from ncviz.curvature import neural_curvature", "plots may not import curvature"),
        ("ncviz/jobs.py", "import streamlit as st", "jobs may not import streamlit"),
        ("ncviz/ui/state.py", "from ncviz.cli import main", "ui may not import cli"),
        ("ncviz/cli/prune.py", "from ncviz.ui import session", "cli may not import ui"),
        ("ncviz/cli/prune.py", "from ..transport import exact", "cli may not import transport"),
        ("ncviz/ui/state.py", "import pages.explore", "ui may not import pages"),
        ("ncviz/errors.py", "from ncviz.config import DEFAULT_ALPHA", "errors may not import config"),
        ("pages/explore.py", "from ncviz.models.zoo import MODELS", "pages may not import models"),
        ("ncviz/attic/old.py", "", "'attic' is not in the table"),
    ],
)  # fmt: skip
def test_the_check_notices(path, source, fault):
    (found,) = faults(source, Path(path))
    assert fault in found


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("app.py", "import streamlit as st\nfrom ncviz.ui import sidebar"),
        ("pages/learn.py", "import streamlit, ncviz\nfrom ncviz import pipeline, ollivier_ricci"),
        ("ncviz/ui/state.py", "from ncviz.jobs import JobRegistry\nfrom ncviz.models.zoo import MODELS"),
        ("ncviz/graph/build.py", "import torch\nfrom .fields import linear_fields\nfrom ..errors import ModelError"),
        ("ncviz/pipeline/sweeps.py", "from ncviz import curvature, store"),
        ("ncviz/__init__.py", "from ncviz.curvature import neural_curvature"),
        ("ncviz/__main__.py", "from ncviz.cli import main"),
        ("ncviz/cli/__init__.py", "from ncviz.cli import cache, curvature\nfrom ncviz.errors import NcvizError"),
        ("ncviz/cli/prune.py", "from ncviz import pipeline\nfrom ncviz.cli.output import console"),
    ],
)  # fmt: skip
def test_the_check_lets_pass(path, source):
    assert faults(source, Path(path)) == []
