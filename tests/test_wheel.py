"""The wheel in an environment of its own: commands and pages, far from the checkout."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from ncviz import __version__
from tests.readmes import ROOT

pytestmark = pytest.mark.slow

START_SECONDS = 60
PAGES = """
from pathlib import Path
import ncviz
from streamlit.testing.v1 import AppTest

pages = AppTest.from_file(Path(ncviz.__file__).parent / "app" / "app.py", default_timeout=120).run()
assert not pages.exception, pages.exception
print(*[tab.label for tab in pages.tabs])
pages.switch_page("pages/learn.py").run()
assert not pages.exception, pages.exception
print(*[text.value for text in pages.markdown])
"""


class Installed:
    """An environment that holds the wheel, and sees this one's other packages but not the checkout."""

    def __init__(self, folder):
        self.folder = folder
        self.bin = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
        elsewhere = folder / "elsewhere"
        elsewhere.mkdir()
        variables = {
            name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "NCVIZ_DATA"}
        }
        self.place = {
            "cwd": elsewhere,
            "env": variables
            | {
                "NCVIZ_CACHE": str(folder / "cache"),
                # The compiler's cache goes by the path of the source, which no other run has.
                "NUMBA_CACHE_DIR": str(folder / "compiled"),
                # Compiled in half the time.
                "NUMBA_OPT": "0",
                "STREAMLIT_SERVER_HEADLESS": "true",
            },
        }

    def run(self, *command):
        done = subprocess.run(
            [self.bin / command[0], *command[1:]], capture_output=True, text=True, timeout=600, **self.place
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def python(self, code):
        return self.run("python", "-c", code)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run(
        [*pip, "wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", folder, ROOT],
        check=True,
        cwd=folder,
    )
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    found = Installed(folder)
    (wheel,) = folder.glob("ncviz-*.whl")
    python = found.bin / "python"
    subprocess.run([*pip, "--python", python, "install", "--no-deps", wheel], check=True, cwd=folder)
    packages = Path(found.python("import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    # Not `import site`: an editable install of the checkout here must not be seen there.
    ours = [path for path in sys.path if Path(path).name in {"site-packages", "dist-packages"}]
    (packages / "outer.pth").write_text("\n".join(ours))
    return found


def test_the_checkout_is_out_of_sight(installed):
    found = installed.python(
        "import ncviz, sys; print(ncviz.__file__); print(*sys.path, sep='\\n')"
    ).splitlines()
    assert Path(found[0]).is_relative_to(installed.folder)
    assert str(ROOT) not in found[1:]


def test_it_says_its_version(installed):
    found = installed.python("from importlib.metadata import version; print(version('ncviz'))")
    assert found.strip() == __version__


def test_it_asks_for_what_the_checkout_asks_for(installed):
    declared = installed.python(
        "from importlib.metadata import requires; print(*requires('ncviz'), sep='\\n')"
    )
    extras = ("cuda", "dask", "onnx-export", "timm")
    found = {name: set() for name in ("", *extras, "test")}
    for needed in map(Requirement, declared.splitlines()):
        for extra, names in found.items():
            if needed.marker.evaluate({"extra": extra}) if needed.marker else not extra:
                names.add((needed.name, needed.specifier))
    folder = ROOT / "tests"
    of_extra = {name: listed(folder / f"requirements-{name}.txt") for name in extras}
    assert all(of_extra.values())
    assert found == {
        "": listed(ROOT / "requirements.txt"),
        **of_extra,
        "test": listed(folder / "requirements.txt").union(*of_extra.values()),
    }


def listed(path):
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("-r")]
    return {(needed.name.lower(), needed.specifier) for needed in map(Requirement, lines)}


def test_it_carries_the_networks_the_images_and_the_results(installed):
    package = Path(installed.python("import ncviz; print(ncviz.__path__[0])").strip())
    for kind in ("safetensors", "ncviz", "npz", "js", "css", "html"):
        carried, ours = (
            {
                path.relative_to(root): path.stat().st_size
                for path in root.rglob(f"*.{kind}")
                if "node_modules" not in path.parts
            }
            for root in (package, ROOT / "ncviz")
        )
        assert carried == ours != {}


def test_the_command_lists_the_devices(installed):
    assert installed.run("ncviz", "devices").startswith("cpu")


def test_the_pages_are_there(installed):
    explore, learn = installed.python(PAGES).split("\n", 1)
    assert explore == "Selected Layers Never active Downloads"
    assert "Six lessons" in learn


def test_the_command_serves_them_with_their_settings(installed):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = installed.folder / "log.txt"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [installed.bin / "ncviz", "app", "--port", str(port)],
            stdout=output,
            stderr=output,
            **installed.place,
        )
    try:
        assert '<div id="root">' in first_answer(f"http://localhost:{port}/learn", server, log)
    finally:
        server.terminate()
        server.wait(START_SECONDS)
    # By Streamlit's own settings it would also listen to the network, and say under which address.
    owners, everybodys = re.findall(r"\w+://\S+", log.read_text())
    assert re.fullmatch(rf"http://localhost:{port}/\?\w+=[\w-]{{20,}}", owners)
    assert everybodys == f"http://localhost:{port}"


def first_answer(url, server, log):
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return answer.read().decode()
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the server did not start: {log.read_text()[-2000:]}")
            time.sleep(0.1)
