import shutil
import subprocess

import pytest

from tests.pages.conftest import from_elsewhere, from_here

__all__ = ["from_elsewhere", "from_here", "node"]


@pytest.fixture(scope="session")
def node():
    """Runs a module of JavaScript in a folder and returns what it prints."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("needs Node.js")

    def run(code, folder):
        file = folder / "check.mjs"
        file.write_text(code)
        done = subprocess.run([program, str(file)], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
