"""Pictures of every page and view, in both themes and sizes: ``python tests/e2e/screenshots.py FOLDER [NAME …]``.

Starts the app by itself. Not a test: for looking at, and for the README.
"""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
SIZES = ((1440, 900), (1024, 768), (390, 844), (2560, 1440))
LENET, VGG, MLP = "model=lenet-mnist-relu", "model=vgg9-cifar10-relu", "model=mlp-digits-relu"
PAGES = {
    "explore": "/",
    "explore-mlp": f"/?{MLP}",
    "explore-mlp-pruned": f"/?{MLP}&removed=0.7",
    "explore-lenet": f"/?{LENET}",
    "explore-lenet-kernel": f"/?{LENET}&selected=slice-1-5-3",
    "explore-lenet-channel": f"/?{LENET}&selected=channel-2-5&flow=image-7",
    "explore-lenet-units": f"/?{LENET}&detail=units&removed=0.5",
    "explore-vgg": f"/?{VGG}",
    "explore-vgg-layer": f"/?{VGG}&zoom=5&flow=all",
    "explore-vgg-channel": f"/?{VGG}&selected=channel-3-5&flow=all",
    "explore-vgg-kernel": f"/?{VGG}&selected=slice-2-3-7&removed=0.3",
    "explore-empty": "/?seed=12345",
    "matrix": f"/?{LENET}&show=matrix&removed=0.3",
    "matrix-vgg": f"/?{VGG}&show=matrix&layer=4",
    "distribution": f"/?{LENET}&show=distribution&removed=0.6",
    "free": f"/?{LENET}&show=free",
    "free-vgg": f"/?{VGG}&show=free",
    "compare": f"/?{MLP}&compare=1&removed=0.7&other_removed=0.7",
    "compare-models": (
        f"/?{LENET}&compare=1&removed=0.6&other_model=lenet-mnist-tanh&other_order=redundant&other_removed=0.6"
    ),
    "present": f"/?{LENET}&flow=image-5&removed=0.6&present=1",
    "present-matrix": f"/?{LENET}&show=matrix&removed=0.3&present=1",
    "present-distribution": f"/?{LENET}&show=distribution&removed=0.6&present=1",
    "present-compare": f"/?{LENET}&compare=1&removed=0.6&other_removed=0.01&present=1",
    "present-edge": f"/edge?{LENET}&present=1",
    "present-learn": "/learn?present=1",
    "present-pruning": "/pruning?present=1",
    "model": "/model",
    "curvature": "/curvature",
    "pruning": "/pruning",
    "pruning-lenet": f"/pruning?{LENET}&lab_samples=5",
    "pruning-layers": "/pruning?lab_tab=layers",
    "pruning-breaks": "/pruning?lab_tab=breaks",
    "pruning-tune": "/pruning?lab_tab=tune",
    "pruning-robust": "/pruning?lab_tab=robust",
    "pruning-plans": "/pruning?lab_tab=plans",
    "edge": f"/edge?{LENET}&edge=2-100-20",
    "edge-empty": "/edge",
    "learn": "/learn",
    "lesson-1": "/?lesson=1",
    "lesson-6": "/?lesson=6",
    "lesson-hidden": "/?lesson=6&hide=sidebar,navigation,settings,tabs,views",
}


def main(folder, names=()):
    from tests.e2e.conftest import FLAGS, find_browser
    from tests.e2e.server.running import Server

    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as cache,
        Server(cache) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        for width, height in SIZES:
            for scheme in ("light", "dark"):
                context = browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme=scheme, device_scale_factor=1
                )
                for name, path in PAGES.items():
                    if names and name not in names:
                        continue
                    page = context.new_page()
                    page.goto(server.url + path)
                    page.wait_for_selector('[data-test-script-state="notRunning"]', timeout=60_000)
                    page.wait_for_timeout(6000)
                    page.screenshot(path=folder / f"{name}-{width}-{scheme}.png")
                    page.screenshot(path=folder / f"{name}-{width}-{scheme}-full.png", full_page=True)
                    page.close()
                context.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
