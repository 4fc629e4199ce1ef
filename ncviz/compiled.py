"""Numba for the project's hot loops: compiled once for each machine, in a cache folder of the project's own.

Numba's cache looks at the file of the function alone, so that a change in a function that it calls would go unseen
there. The folder's name therefore carries a digest of all files with compiled code.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numba
import platformdirs

_SOURCES = (
    "graph/minplus.py", "transport/vectors.py", "transport/tree.py", "transport/savings.py",
    "transport/plans.py", "transport/simplex.py", "transport/many/starts.py", "transport/many/certificate.py",
    "transport/many/given.py", "transport/many/one.py", "transport/many/batch.py", "transport/many/full.py",
    "ricci/searching.py", "ricci/moving.py", "ricci/solving.py", "engine/measures.py", "engine/kernels.py",
    "transport/cuda/kernel.py", "transport/cuda/proof.py", "transport/cuda/steps.py", "engine/anytime/lower.py",
    "engine/anytime/sides.py", "engine/anytime/loose.py", "engine/anytime/upper.py", "engine/edges/block.py",
    "engine/edges/undercut.py",
)  # fmt: skip


def _cache_folder() -> Path:
    """Return a folder that can be written, new for every version of the compiled code."""
    root = Path(__file__).parent
    content = b"".join((root / source).read_bytes() for source in _SOURCES)
    name = f"compiled-{hashlib.sha256(content).hexdigest()[:12]}"
    folder = Path(platformdirs.user_cache_dir("ncviz")) / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        # A folder of this process alone: numba unpickles what it finds, so it must be nobody else's.
        return Path(tempfile.mkdtemp(prefix="ncviz-"))


_settings: Any = numba.config
if not os.environ.get("NUMBA_CACHE_DIR"):
    _settings.CACHE_DIR = str(_cache_folder())


def cache_folder() -> str:
    """Return the folder in which another process of this user finds this one's compiled code."""
    return str(_settings.CACHE_DIR)


def is_cached(function: Any) -> bool:
    """Whether this function's compiled code lies in the cache, so that its first use takes no compiler."""
    folder = Path(function.stats.cache_path or "")
    version = f"py{sys.version_info.major}{sys.version_info.minor}"
    return any(folder.glob(f"*.{function.__name__}-*.{version}*.nbc"))


compiled: Any = numba.njit(nogil=True, cache=True)
# Small parts of hot loops, at no price: a call of its own would count the references of all its arrays.
inlined: Any = numba.njit(nogil=True, cache=True, inline="always")
# The sums may be reordered, so that they vectorise; infinities are wanted.
summing: Any = numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract", "nsz", "arcp"})
