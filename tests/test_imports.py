"""The house's rule that imports run only downward, and that Streamlit and torch stay in their rooms."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# What every room may use, each of which uses nothing of ours but errors, values and text.
COMMON = {"config", "devices", "errors", "limits", "progress", "spreadsheet", "text", "values"}
# "public" is the package itself, `import ncviz` or `from ncviz import load_model`.
CORE = {"data", "models", "graph", "transport", "curvature", "pruning", "store", "fingerprint", "ricci",
        "explain", "preflight", "copies"}  # fmt: skip
# Packages whose own packages are rooms: what one of them may import is said one by one.
DIVIDED = {"studies", "ui"}
# What pages are made of.
PAGE = COMMON | {"plots", "scene", "tasks", "ui.components", "ui.http", "ui.link", "ui.server", "ui.session"}
ALLOWED = {
    "errors": set(),
    "assets": set(),
    "limits": set(),
    "progress": set(),
    "spreadsheet": set(),
    "text": set(),
    "trust": {"errors"},
    "values": set(),
    "config": {"errors", "values"},
    "devices": {"errors", "text"},
    "fingerprint": COMMON,
    "archives": COMMON,
    "budget": COMMON,
    "store": COMMON | {"fingerprint", "trust"},
    "jobs": COMMON,
    "compiled": {"trust"},
    "attacks": COMMON,
    "copies": COMMON,
    "graph": COMMON | {"compiled", "copies"},
    # A process of its own.
    "reading": COMMON | {"budget", "data", "models"},
    "transport": COMMON | {"compiled"},
    # Graphs of any kind for the compiler alone, which makes everything ahead.
    "engine": COMMON | {"compiled", "fingerprint", "graph", "ricci", "transport"},
    "plots": COMMON | {"assets"},
    "data": COMMON | {"archives", "budget", "copies", "fingerprint"},
    "models": COMMON | {"archives", "attacks", "budget", "copies", "fingerprint", "data"},
    "curvature": COMMON | {"copies", "engine", "graph"},
    "preflight": COMMON | {"engine", "graph"},
    "ricci": COMMON | {"compiled", "transport"},
    "explain": COMMON | {"engine", "graph", "transport"},
    "pruning": COMMON | {"attacks", "copies", "graph", "curvature"},
    "tasks": COMMON | CORE - {"transport", "ricci"} | {"jobs", "reading"},
    "scene": COMMON | {"explain", "plots", "ricci", "tasks"},
    "studies.paper": COMMON | {"fingerprint", "data", "models", "pruning", "tasks", "plots", "curvature"},
    "studies.benchmarks": COMMON | CORE | {"engine", "jobs", "tasks", "plots", "public"},
    "studies": set(),
    "ui": set(),
    "ui.components": {"assets", "plots", "text"},
    "ui.http": COMMON,
    "ui.link": COMMON | {"plots", "pruning", "scene", "tasks"},
    "ui.server": COMMON | {"engine", "jobs", "models", "pruning", "store", "tasks", "ui.components"},
    "ui.session": COMMON
    | {"jobs", "models", "plots", "scene", "tasks"}
    | {"ui.http", "ui.link", "ui.server"},
    "ui.curvature": PAGE,
    "ui.edge": PAGE,
    "ui.learn": PAGE,
    "ui.model": PAGE | {"jobs"},
    "ui.stage": PAGE | {"ui.learn"},
    "ui.frame": PAGE | {"ui.learn", "ui.model", "ui.stage"},
    "ui.explore": PAGE | {"ui.stage"},
    "ui.pruning": PAGE | {"fingerprint", "jobs"},
    "cli": COMMON
    | {"data", "models", "preflight", "pruning", "store", "trust"}
    | {"tasks", "studies.paper", "studies.benchmarks"},
    "__main__": {"cli"},
    "pages": {
        "ui.session",
        "ui.frame",
        "ui.curvature",
        "ui.edge",
        "ui.explore",
        "ui.learn",
        "ui.model",
        "ui.pruning",
    },
    "app": {"ui.frame", "ui.http"},
    # Every name of the package loads lazily, from wherever it lives.
    "public": COMMON | CORE | {"jobs", "tasks", "plots"},
}
TORCH_FREE_ROOMS = {"errors", "config", "fingerprint", "store", "jobs", "plots"}


def may_use_streamlit(room):
    return room in {"app", "pages", "ui"} or room.startswith("ui.")


def room_of_parts(parts):
    """The room of a name of ours, given as its parts behind `ncviz`."""
    if not parts:
        return "public"
    return ".".join(parts[:2]) if parts[0] in DIVIDED and len(parts) > 1 else parts[0]


def room_of_file(path):
    """The room of a file, given relative to the repository's root."""
    parts = path.with_suffix("").parts
    return (
        room_of_parts([part for part in parts[1:] if part != "__init__"]) if parts[0] == "ncviz" else parts[0]
    )


def room_of_module(module):
    """The room of a dotted name of ours, or None for other people's."""
    parts = module.split(".")
    if parts[0] in {"app", "pages"}:
        return parts[0]
    return room_of_parts(parts[1:]) if parts[0] == "ncviz" else None


@cache
def parsed(source, path):
    return ast.parse(source, path)


def imported_modules(source, path):
    """Line and full dotted name of everything a file imports, at any depth and under any condition."""
    package = list(path.with_suffix("").parts[:-1])
    for node in ast.walk(parsed(source, str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            # What is imported from a package may be a room of its own.
            for alias in node.names:
                full = f"{module}.{alias.name}"
                yield node.lineno, full if room_of_module(full) in ALLOWED else module
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
        if top == "streamlit" and not may_use_streamlit(room):
            found.append(f"{path}:{line}: {room} may not import streamlit")
        if top in {"torch", "torchvision"} and room in TORCH_FREE_ROOMS:
            found.append(f"{path}:{line}: {room} may not import torch")
    return found


def source_files():
    paths = [*(ROOT / "ncviz").rglob("*.py"), *(ROOT / "pages").rglob("*.py"), ROOT / "app.py"]
    return sorted(path.relative_to(ROOT) for path in paths if path.exists())


@pytest.mark.slow
def test_every_import_runs_downward():
    found = [fault for path, source in house().items() for fault in faults(source, path)]
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
        ("ncviz/graph/build.py", "from .. import tasks", "graph may not import tasks"),
        ("ncviz/transport/hub.py", "import ncviz.graph.build as b", "transport may not import graph"),
        ("ncviz/curvature.py", "def f():\n    from ncviz import pruning", "2: curvature may not import pruning"),
        ("ncviz/tasks/sweeps.py", "from ncviz import load_model", "tasks may not import public"),
        ("ncviz/store/store.py", "import importlib\nimportlib.import_module('ncviz.jobs')", "import jobs"),
        ("ncviz/plots/curves.py", "if True:\n    import torch.nn", "plots may not import torch"),
        ("ncviz/plots/curves.py", "from ncviz.curvature import neural_curvature", "plots may not import curvature"),
        ("ncviz/jobs.py", "import streamlit as st", "jobs may not import streamlit"),
        ("ncviz/ui/model/form.py", "from ncviz.cli import main", "ui.model may not import cli"),
        ("ncviz/ui/model/form.py", "from ncviz.models.zoo import MODELS", "ui.model may not import models"),
        ("ncviz/ui/pruning/files.py", "from ncviz.pruning import export", "ui.pruning may not import pruning"),
        ("ncviz/cli/prune.py", "from ncviz.ui.session import session", "cli may not import ui.session"),
        ("ncviz/cli/prune.py", "from ..transport import exact", "cli may not import transport"),
        ("ncviz/ui/edge/page.py", "import pages.explore", "ui.edge may not import pages"),
        ("ncviz/ui/explore/page.py", "from ncviz.pruning.order import ORDERS", "ui.explore may not import pruning"),
        ("ncviz/scene/grid.py", "from ncviz.data.datasets import DATASETS", "scene may not import data"),
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
        ("app.py", "import streamlit as st\nfrom ncviz.ui.frame import sidebar"),
        ("pages/learn.py", "import streamlit\nfrom ncviz.ui.learn import page"),
        ("ncviz/ui/model/form.py", "from ncviz.jobs import JobRegistry\nfrom ncviz.tasks import MODELS"),
        ("ncviz/graph/build.py", "import torch\nfrom .fields import linear_fields\nfrom ..errors import ModelError"),
        ("ncviz/tasks/sweeps.py", "from ncviz import curvature, store"),
        ("ncviz/__init__.py", "from ncviz.curvature import neural_curvature"),
        ("ncviz/__main__.py", "from ncviz.cli import main"),
        ("ncviz/cli/__init__.py", "from ncviz.cli import cache, curvature\nfrom ncviz.errors import NcvizError"),
        ("ncviz/cli/prune.py", "from ncviz import tasks\nfrom ncviz.cli.output import console"),
    ],
)  # fmt: skip
def test_the_check_lets_pass(path, source):
    assert faults(source, Path(path)) == []


LONGEST_CHAIN = 20
MOST_MODULES = 20
# Packages that the first page does without.
HEAVY = {"PIL", "distributed", "huggingface_hub", "networkx", "numba", "onnx", "onnxscript", "ot", "pandas", "plotly",
         "pyarrow", "pyvis", "safetensors", "sklearn", "timm", "torch", "torchvision", "tqdm"}  # fmt: skip


def module_name(path):
    """The dotted name of a file, given relative to the repository's root."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def statements(tree):
    """All that a module does when it is imported, whatever the condition, but for what only type checkers read."""
    todo = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo += node.orelse
            continue
        yield node
        todo += [
            child for child in ast.iter_child_nodes(node) if isinstance(child, (ast.stmt, ast.ExceptHandler))
        ]


def imported(nodes, path, modules):
    """What import statements name: our modules by their full names, other people's packages by their first."""
    package = list(path.with_suffix("").parts[:-1])
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            parent = name.rpartition(".")[0]
            yield name if name in modules else parent if parent in modules else name.split(".")[0]


def import_graph(sources, is_any_depth):
    """For each module, what it imports: at once, or in its functions and for type checkers as well."""
    modules = {module_name(path) for path in sources}
    found = {}
    for path, source in sources.items():
        tree = parsed(source, str(path))
        nodes = ast.walk(tree) if is_any_depth else statements(tree)
        found[module_name(path)] = set(imported(nodes, path, modules)) - {module_name(path)}
    return found


def longest_chain(graph):
    """The longest way along imports from module to module, each importing the next when it is imported itself."""
    known = {}
    for name in TopologicalSorter(graph).static_order():
        behind = max((known[each] for each in graph.get(name, ())), key=len, default=())
        known[name] = (name, *behind) if name in graph else ()
    return max(known.values(), key=len)


def circles(graph):
    """Groups of modules of which each imports each other, directly or not."""
    reached = {}
    for name in graph:
        seen, todo = set(), [name]
        while todo:
            new = graph.get(todo.pop(), set()) - seen
            seen |= new
            todo += new
        reached[name] = seen
    return {
        frozenset({name} | {other for other in reached[name] if name in reached.get(other, ())})
        for name in graph
        if name in reached[name]
    }


def in_functions(tree):
    """The import statements inside functions."""
    todo = [(tree, False)]
    while todo:
        node, is_inside = todo.pop()
        if is_inside and isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        is_inside |= isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        parts = (
            child for child in ast.iter_child_nodes(node) if isinstance(child, (ast.stmt, ast.ExceptHandler))
        )
        todo += ((child, is_inside) for child in parts)


def late_imports(sources):
    """Imports inside functions that keep nothing heavy out of the first page, and do not say why they stand there."""
    graph = import_graph(sources, is_any_depth=False)

    @cache
    def brings(name):
        seen, todo = set(), [name]
        while todo:
            each = todo.pop()
            if each not in seen:
                seen.add(each)
                # A module brings its package along.
                todo += [*graph.get(each, ()), *([each.rpartition(".")[0]] if each in graph else [])]
        return seen

    for path, source in sources.items():
        lines = source.splitlines()
        tree = parsed(source, str(path))
        for node in sorted(in_functions(tree), key=lambda node: node.lineno):
            above = lines[node.lineno - 2].strip()
            has_reason = "#" in lines[node.lineno - 1] or above.startswith("#")
            if not has_reason and not all(brings(name) & HEAVY for name in imported([node], path, graph)):
                yield f"{path}:{node.lineno}: {ast.unparse(node)}"


@cache
def house():
    return {path: (ROOT / path).read_text("utf-8") for path in source_files()}


def test_no_chain_of_imports_is_long():
    chain = longest_chain(import_graph(house(), is_any_depth=False))
    assert len(chain) <= LONGEST_CHAIN, "\n".join(chain)


def test_no_two_modules_import_each_other_at_any_depth():
    assert circles(import_graph(house(), is_any_depth=True)) == set()


def test_no_folder_holds_many_modules():
    files = [
        path.relative_to(ROOT)
        for top, ending in (("ncviz", "py"), ("ncviz", "js"), ("tests", "py"))
        for path in (ROOT / top).rglob(f"*.{ending}")
        if "node_modules" not in path.parts
    ]
    folders = Counter(
        path.parent.as_posix() for path in files if path.name not in {"__init__.py", "conftest.py"}
    )
    assert {folder for folder, count in folders.items() if count > MOST_MODULES} == set()


def test_imports_inside_functions_keep_something_heavy_out():
    found = [each for each in late_imports(house()) if each.startswith("ncviz/")]
    assert not found, "\n".join(found)


PARTS = {
    Path("ncviz/a.py"): "from ncviz.b import f\nif TYPE_CHECKING:\n    from ncviz import d",
    Path("ncviz/b.py"): "try:\n    from . import c\nexcept ImportError:\n    pass\n\ndef f():\n    import ncviz.a",
    Path("ncviz/c.py"): "import torch",
    Path("ncviz/d.py"): (
        "def f():\n    from ncviz.c import g\n    import torch.nn\n    import zipfile  # rarely\n    import json\n"
        "    # Not at the top: it is slow.\n    from ncviz.e import h"
    ),
    Path("ncviz/e.py"): "",
}  # fmt: skip


def test_chains_and_circles_are_found():
    assert longest_chain(import_graph(PARTS, is_any_depth=False)) == ("ncviz.a", "ncviz.b", "ncviz.c")
    assert circles(import_graph(PARTS, is_any_depth=False)) == set()
    assert circles(import_graph(PARTS, is_any_depth=True)) == {frozenset({"ncviz.a", "ncviz.b"})}


def test_late_imports_without_reason_are_found():
    assert list(late_imports(PARTS)) == ["ncviz/d.py:5: import json"]
