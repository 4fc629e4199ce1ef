"""Ten thousand malformed files: each ends in one sentence or a network, quickly, in bounded memory, leaving nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.models.files.fuzzing import READERS

ROOT = Path(__file__).parents[3]
# Files of each reader; those that are slower to refuse get fewer.
COUNTS = {"onnx": 4_000, "exported": 2_500, "torch": 2_500, "safetensors": 2_000, "images": 2_500}
MAX_SECONDS = 5.0  # for one file, on a busy machine
MAX_GROWTH_MB = 1_000.0


def test_ten_thousand_files_and_every_reader():
    assert sum(COUNTS.values()) >= 10_000
    assert COUNTS.keys() == READERS.keys()


@pytest.mark.slow
@pytest.mark.parametrize("reader", COUNTS)
def test_malformed_files_end_in_one_sentence(reader, tmp_path):
    outside, folder = tmp_path / "outside", tmp_path / "outside" / "inside" / "folder"
    folder.mkdir(parents=True)
    (tmp_path / "temporary").mkdir()  # torch makes a folder of its own there
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FUZZ_FOLDER": str(folder), "OMP_NUM_THREADS": "1",
                   "TMPDIR": str(tmp_path / "temporary"), "NCVIZ_CACHE": str(tmp_path / "cache")}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "tests.models.files.fuzzing", reader, str(COUNTS[reader]), "2026"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    # A crash of the interpreter itself (a signal) would show here.
    assert done.returncode == 0, done.stderr[-2_000:]
    result = json.loads(done.stdout.strip().splitlines()[-1])
    print(reader, result)
    assert result["faults"] == []
    assert result["read"] + result["refused"] == COUNTS[reader]
    # Most files are broken beyond reading, and some damage is to what nobody reads.
    assert result["refused"] > 0.4 * COUNTS[reader]
    assert result["read"] > 0
    assert result["slowest"] < MAX_SECONDS
    assert result["growth_mb"] < MAX_GROWTH_MB
    assert result["left"] == []
    assert sorted(path.name for path in outside.rglob("*")) == ["folder", "inside"]
    assert not Path("/tmp/escaped").exists()
    assert not (ROOT / "escaped").exists()
