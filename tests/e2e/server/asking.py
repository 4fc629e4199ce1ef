"""Somebody who asks for a server's health every 20 ms, in a process that does nothing else."""

import http.client
import json
import os
import subprocess
import sys
import time

EVERY = 0.02


class Asking:
    """Asks from when this is entered until it is left, and then has how long each answer took."""

    def __init__(self, server):
        self._port, self._taken = server.port, []

    def __enter__(self):
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(self._port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._process.stdout.readline()
        return self

    def __exit__(self, *of):
        self._taken = json.loads(self._process.communicate()[0])

    def taken(self, begun, ended):
        """Return the milliseconds of each answer asked for between two times of the monotonic clock, sorted."""
        return sorted(taken for at, taken in self._taken if begun <= at <= ended)


def ask(port):
    """Ask until the input ends; print when each was asked, and how long its answer took."""
    print("begun", flush=True)
    os.set_blocking(0, False)
    found = []
    talk = http.client.HTTPConnection("localhost", port, timeout=60)
    while sys.stdin.buffer.raw.read(1) is None:
        begun = time.monotonic()
        talk.request("GET", "/_stcore/health")
        talk.getresponse().read()
        taken = time.monotonic() - begun
        found.append([begun, 1e3 * taken])
        time.sleep(max(0, EVERY - taken))
    print(json.dumps(found))


if __name__ == "__main__":
    ask(int(sys.argv[1]))
