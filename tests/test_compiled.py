"""The cache of compiled code must change its name with every file that is compiled."""

import ast
import os
import re
from pathlib import Path

import pytest

from ncviz import compiled
from ncviz.trust import UntrustedFolderWarning

ROOT = Path(compiled.__file__).parent
DECORATORS = {
    "compiled",
    "inlined",
    "summing",
    "njit",
    "jit",
    "cuda",
    "intrinsic",
    "vectorize",
    "guvectorize",
}


def test_every_compiled_file_is_part_of_the_caches_name():
    found = set()
    for path in ROOT.rglob("*.py"):
        used = [
            alias.name if isinstance(node, ast.Import) else node.module or ""
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for alias in node.names
            if isinstance(node, ast.Import) or alias.name in DECORATORS
        ]
        if path != Path(compiled.__file__) and any(
            re.match(r"numba\b|ncviz\.compiled$", name) for name in used
        ):
            found.add(path.relative_to(ROOT).as_posix())
    # It asks the device for what it has, and compiles nothing.
    found.remove("transport/cuda/solve.py")
    assert found == set(compiled._sources()) != set()


def test_the_caches_name_changes_with_what_is_compiled(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    before = compiled._cache_folder()
    monkeypatch.setattr(compiled, "_sources", lambda: {"a.py": b"import numba"})
    changed = compiled._cache_folder()
    monkeypatch.setattr(compiled, "_REORDERED", ())
    assert len({before, changed, compiled._cache_folder()}) == 3


def test_whoever_has_no_home_gets_a_temporary_folder(monkeypatch, tmp_path):
    for name in ("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR", "CUDA_CACHE_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(compiled.os.path, "expanduser", lambda path: path)
    monkeypatch.setattr(compiled.tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UntrustedFolderWarning, match="no home folder"):
        assert compiled._cache_folder().is_relative_to(tmp_path)
    monkeypatch.delenv("CUDA_CACHE_DISABLE", raising=False)
    compiled._check_driver_cache()
    assert os.environ.pop("CUDA_CACHE_DISABLE") == "1"
    assert {path.name for path in tmp_path.iterdir()} == {f"ncviz-{os.geteuid()}"}


def test_a_folder_that_cannot_be_written_is_replaced(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setattr(compiled.platformdirs, "user_cache_dir", lambda name: str(blocked / "below"))
    monkeypatch.setattr(compiled.tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    said = "(?:file cannot be looked at|Not a directory).*is kept in"
    with pytest.warns(UntrustedFolderWarning, match=said):
        kept = compiled._cache_folder()
    assert kept.is_relative_to(tmp_path / "temporary")
    # The next start finds it again.
    with pytest.warns(UntrustedFolderWarning):
        assert compiled._cache_folder() == kept
    # Whoever came first there is not believed.
    kept.parent.chmod(0o777)
    monkeypatch.setattr(compiled, "_temporary_folder", lambda name: None)
    with pytest.warns(UntrustedFolderWarning, match="for this process alone"):
        assert compiled._cache_folder().parent.parent == tmp_path / "temporary"


def test_a_place_among_the_temporary_files_that_others_made_is_not_used(monkeypatch, tmp_path):
    monkeypatch.setattr(compiled.tempfile, "tempdir", str(tmp_path))
    (tmp_path / f"ncviz-{os.geteuid()}").mkdir()
    (tmp_path / f"ncviz-{os.geteuid()}").chmod(0o777)
    assert compiled._temporary_folder("compiled-" + 12 * "0") is None


@pytest.mark.parametrize("mask", [0o000, 0o002])
def test_what_a_loose_umask_made_is_used_again(monkeypatch, tmp_path, mask):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    before = os.umask(mask)
    try:
        folder = compiled._cache_folder()
        (folder / "below").mkdir()
        (folder / "below" / "a.nbi").write_text("")
    finally:
        os.umask(before)
    assert (folder / "below").stat().st_mode & 0o020
    assert compiled._cache_folder() == folder
    assert (folder / "below" / "a.nbi").exists()


def test_what_others_left_in_a_folder_of_ours_is_removed_and_the_folder_made_anew(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    folder = compiled._cache_folder()
    (folder / "link").symlink_to(tmp_path)
    (tmp_path / "kept").write_text("")
    assert compiled._cache_folder() == folder
    assert not list(folder.iterdir())
    assert (tmp_path / "kept").exists()


def test_other_versions_go_when_they_are_old_and_the_latest_stay(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    names = [f"compiled-{number:012x}" for number in range(6)]
    # Not ours, however old.
    foreign = ["compiled-by-hand", "compiled-0123456789abcdef"]
    for number, name in enumerate(names + foreign):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (number % 6, number % 6))
    folder = compiled._cache_folder()
    assert folder.parent == tmp_path
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {folder.name, *names[3:], *foreign}
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
