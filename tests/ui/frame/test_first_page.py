"""What the first page waits for: a fresh machine compiles and reads from a cold disk all that it imports."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HEAVY = ("torch", "torchvision", "pandas", "pyarrow", "scipy", "networkx", "numba", "ot", "onnx", "pyvis", "sklearn",
         "streamlit.emojis", "ncviz.ui.explore.exports", "ncviz.ui.explore.charts", "ncviz.ui.model.draft")  # fmt: skip
SCRIPT = """
import sys
from streamlit.testing.v1 import AppTest
from ncviz.ui.server import resources

resources.warm_up = lambda: None
page = AppTest.from_file(sys.argv[1], default_timeout=60).run()
assert not page.exception, page.exception
assert page.get("bidi_component"), "no picture"
print(*(name for name in sys.argv[2:] if name in sys.modules))
"""


@pytest.mark.slow
def test_the_first_page_imports_nothing_heavy():
    command = [sys.executable, "-c", SCRIPT, ROOT / "app.py", *HEAVY]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == []
