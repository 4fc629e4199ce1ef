"""Pictures of every page, in both themes and at both sizes: ``python tests/e2e/screenshots.py FOLDER``.

Starts the app by itself. Not a test: for looking at, and for the README.
"""

import os
import socket
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
SIZES = ((1440, 900), (390, 844))
PAGES = {
    "explore": "/",
    "explore-pruned": "/?removed=0.7",
    "explore-lenet": "/?model=lenet-mnist-relu",
    "explore-vgg": "/?model=vgg9-cifar10-relu",
    "explore-empty": "/?seed=12345",
    "model": "/model",
    "curvature": "/curvature",
}


@contextmanager
def server():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"NCVIZ_CACHE": cache}
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
        process = subprocess.Popen([*command, f"--server.port={port}"], cwd=ROOT, env=environment)
        try:
            url = f"http://localhost:{port}"
            while True:
                try:
                    urllib.request.urlopen(f"{url}/_stcore/health", timeout=2).close()
                    break
                except OSError:
                    if process.poll() is not None:
                        raise
            yield url
        finally:
            process.terminate()
            process.wait(10)


def main(folder):
    from conftest import FLAGS, find_browser

    folder.mkdir(parents=True, exist_ok=True)
    with server() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        for width, height in SIZES:
            for scheme in ("light", "dark"):
                context = browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme=scheme, device_scale_factor=1
                )
                for name, path in PAGES.items():
                    page = context.new_page()
                    page.goto(url + path)
                    page.wait_for_selector('[data-test-script-state="notRunning"]', timeout=60_000)
                    page.wait_for_timeout(6000)
                    page.screenshot(path=folder / f"{name}-{width}-{scheme}.png")
                    page.screenshot(path=folder / f"{name}-{width}-{scheme}-full.png", full_page=True)
                    page.close()
                context.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
