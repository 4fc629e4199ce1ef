"""How soon the first page shows its picture: ``python tests/e2e/start.py [--repeat N]``.

Each round starts the app twice: as on a fresh machine (no byte code anywhere, files read from the disk) and again.
Prints the seconds from the start of the server until it answers, those from opening the page until the network is
drawn, the processor's seconds that the server has used by then (which others on the machine make little longer), and
how busy the machine was.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))


def forget_files():
    """Let the system forget what it has read of Python, its packages, and ours."""
    for folder in {sys.prefix, sys.base_prefix, str(ROOT / "ncviz")}:
        for path in Path(folder).rglob("*"):
            if (
                path.suffix in (".py", ".pyc", ".so", ".js", ".ncviz", ".safetensors", ".npz")
                and path.is_file()
            ):
                with path.open("rb") as file:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def first_picture(kind, path):
    """Start the app and a browser that keeps nothing; return seconds to the answer, to the picture, and those used."""
    from tests.e2e.conftest import FLAGS
    from tests.e2e.rates import SETTLED, WATCH
    from tests.e2e.server.running import Server

    with kind.launch(executable_path=path, args=FLAGS) as browser:
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.add_init_script(WATCH)
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as cache, Server(cache) as server:
            answered = time.monotonic() - began
            page.goto(server.url, wait_until="commit")
            page.wait_for_function("window.rates.painted !== null", timeout=180_000)
            used = server.processor_seconds()
            painted = page.evaluate("window.rates.painted") / 1000
            page.wait_for_selector(SETTLED, timeout=180_000)
            # Left alone until all that it loads behind the page is loaded, and so has byte code the next time.
            told = "window.rates.find('ncviz-source')?.textContent.startsWith('measured on')"
            page.wait_for_function(told, timeout=900_000)
    return answered, painted, used


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    repeat = parser.parse_args().repeat
    from playwright.sync_api import sync_playwright

    from tests.e2e.conftest import find_browser

    found = {"fresh": [], "later": []}
    with sync_playwright() as playwright:
        for _ in range(repeat):
            with tempfile.TemporaryDirectory() as folder:
                os.environ["PYTHONPYCACHEPREFIX"] = folder
                forget_files()
                for name, runs in found.items():
                    runs.append(first_picture(playwright.chromium, find_browser()))
                    print(
                        name,
                        *(f"{seconds:.1f} s" for seconds in runs[-1]),
                        f"load {os.getloadavg()[0]:.1f}",
                        flush=True,
                    )
    for name, runs in found.items():
        answered, painted, used = (statistics.median(values) for values in zip(*runs, strict=True))
        print(
            f"{name}: server {answered:.1f} s, picture {painted:.1f} s, of the processor {used:.1f} s (of {repeat})"
        )


if __name__ == "__main__":
    main()
