"""The cache of compiled code must change its name with every file that is compiled."""

import os
from pathlib import Path

import pytest

from ncviz import compiled
from ncviz.trust import UntrustedFolderWarning

ROOT = Path(compiled.__file__).parent


def test_every_compiled_file_is_part_of_the_caches_name():
    found = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        if any(
            line.startswith(("@compiled", "@summing", "@intrinsic", "@cuda.jit"))
            for line in path.read_text("utf-8").splitlines()
        )
    }
    assert found == set(compiled._SOURCES)


def test_a_folder_that_cannot_be_written_is_replaced(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setattr(compiled.platformdirs, "user_cache_dir", lambda name: str(blocked / "below"))
    with pytest.warns(UntrustedFolderWarning, match="file cannot be looked at|Not a directory"):
        assert blocked not in compiled._cache_folder().parents


def test_other_versions_go_when_they_are_old_and_the_latest_stay(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    for number in range(6):
        (tmp_path / f"compiled-{number}").mkdir()
        os.utime(tmp_path / f"compiled-{number}", (number, number))
    folder = compiled._cache_folder()
    assert folder.parent == tmp_path
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {folder.name, "compiled-3", "compiled-4", "compiled-5"}
    # Another process of this one's finds the same.
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(folder))
    assert compiled._cache_folder() == folder


def test_without_any_folder_nothing_is_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(compiled, "find_fault", lambda path: "others may write there")
    monkeypatch.setattr(compiled.tempfile, "mkdtemp", lambda **options: str(tmp_path))
    with pytest.warns(UntrustedFolderWarning, match="without keeping it"):
        assert compiled._cache_folder() is None


def test_the_drivers_cache_is_left_alone_where_others_can_write(monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_CACHE_PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_CACHE_DISABLE", raising=False)
    compiled._check_driver_cache()
    assert "CUDA_CACHE_DISABLE" not in os.environ
    tmp_path.chmod(0o777)
    compiled._check_driver_cache()
    assert os.environ["CUDA_CACHE_DISABLE"] == "1"
