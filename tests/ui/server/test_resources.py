"""Tests of what the server loads beside the pages."""

import subprocess
import sys

import pytest

# A page's thread imports what the warm-up's thread wants a part of, a moment later.
BESIDE = """
import threading, time
from ncviz.ui.server import resources

errors = []
def note(work, *args):
    try:
        work(*args)
    except BaseException as error:
        errors.append(repr(error))
def page():
    import pandas
def beside():
    time.sleep({delay})
    resources._load_drawing()
threads = [threading.Thread(target=note, args=(work,)) for work in (page, beside)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(errors)
"""


@pytest.mark.slow
def test_what_is_loaded_beside_a_page_never_breaks_what_the_page_loads():
    runs = [
        subprocess.run(
            [sys.executable, "-c", BESIDE.format(delay=delay)],
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
        for delay in (0.0, 0.05)
    ]
    assert [run.stdout.strip() for run in runs] == ["[]", "[]"], runs
