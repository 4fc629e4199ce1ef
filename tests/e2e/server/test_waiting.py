"""Nobody else waits while a server reads a file that asks for much."""

import pytest

from tests.e2e.server import waiting
from tests.e2e.server.running import Server

pytestmark = pytest.mark.slow
# What is promised; and by how much an answer may take longer where this machine lets one wait that long by itself.
PROMISED, TIMES, TRIES = 100, 5, 3


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("cache")) as found:
        yield found


def test_the_longest_answer_is_told():
    assert waiting.told([]) == {"asked": 0}
    assert waiting.told(list(range(100))) == {"median": 50, "99 %": 98, "longest": 99, "asked": 100}


# Small, and long to read; large, so that it is handed from thread to thread and process to process.
@pytest.mark.parametrize("kind", ["a long program backwards", "arrays of 180 MB"])
def test_others_are_answered_at_once(server, kind):
    found = []
    # What is imported for the first file is none of its doing, and another program may take the processor from the
    # server, but hardly each time.
    for _ in range(TRIES):
        found.append(waiting.measure(server, kind, alone=1.0))
        alone, reading = found[-1]["alone"], found[-1]["while it is read"]
        if found[-1]["said"] and reading["longest"] <= PROMISED + TIMES * alone["longest"]:
            return
    pytest.fail(f"others waited for long each time: {found}")
