"""The app in a process of its own, with what the system tells of it."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[3]
START_SECONDS = 120


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """The app over a folder of results, with its memory watched.

    Args:
        cache: Where results are kept.
        log: What the server writes goes there; None for nowhere.
        port: Where it listens; None for any that is free.
        before: What its command begins with, such as strace's.
        settings: Environment variables beyond this process's.
    """

    def __init__(self, cache, log=None, port=None, before=(), **settings):
        self.cache, self.log, self.before, self.settings = cache, log, before, settings
        self.port, self.peak, self._ended = port or free_port(), 0, threading.Event()
        self.start()
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def url(self):
        return f"http://localhost:{self.port}"

    def start(self):
        with socket.socket() as taken:
            if taken.connect_ex(("localhost", self.port)) == 0:
                raise RuntimeError(
                    f"port {self.port} is in use; stop what listens there, or give another --port"
                )
        command = [*self.before, sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true",
                   f"--server.port={self.port}"]  # fmt: skip
        environment = os.environ | {"NCVIZ_CACHE": str(self.cache)} | self.settings
        environment.pop("NCVIZ_DATA", None)
        with Path(self.log or os.devnull).open("ab") as told:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=told, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.is_healthy(2):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                told = Path(self.log).read_text()[-2000:] if self.log else "it was given no log"
                raise RuntimeError(f"the server did not start: {told}")
            time.sleep(0.05)

    def is_healthy(self, seconds=10.0):
        """Whether it answers within so many seconds."""
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=seconds):
                return True
        except OSError:
            return False

    def owner_address(self):
        """Return the address with the token, which the log holds."""
        return re.findall(r"http\S+token=\S+", Path(self.log).read_text())[-1]

    def __enter__(self):
        return self

    def __exit__(self, *of):
        self._ended.set()
        self.kill()

    def kill(self):
        """End it as a power cut would, with whatever it has started."""
        for pid in (*self._children(), self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """End it as Ctrl+C does; return its exit status."""
        os.kill(
            (self._children() or (self.process.pid,))[0] if self.before else self.process.pid, signal.SIGINT
        )
        return self.process.wait(60)

    def memory(self):
        """Return the resident memory, bytes; 0 while there is no process."""
        return int(self._status().get("VmRSS", "0 kB").split()[0]) * 1024

    def threads(self):
        """Return how many threads it has."""
        return int(self._status().get("Threads", "0"))

    def handles(self):
        """Return how many files, sockets and pipes it has open, by kind."""
        found = {}
        for path in Path(f"/proc/{self.process.pid}/fd").glob("*"):
            try:
                target = str(path.readlink())
            except OSError:
                continue
            kind = target.split(":")[0] if ":" in target else "file"
            found[kind] = found.get(kind, 0) + 1
        return found

    def processor_seconds(self):
        """Return what it has used of the processor."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _children(self):
        found = []
        # Each thread has its own: what reads uploads is started by the one that runs a page.
        for listed in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, listed.read_text().split())
        return tuple(found)

    def _status(self):
        try:
            lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        except OSError:
            return {}
        return dict(line.split(":\t", 1) for line in lines if ":\t" in line)

    def _watch(self):
        while not self._ended.wait(0.2):
            self.peak = max(self.peak, self.memory())
