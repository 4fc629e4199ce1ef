"""The cache of compiled code must change its name with every file that is compiled."""

from pathlib import Path

from ncviz import compiled

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
    monkeypatch.setattr(compiled.platformdirs, "user_cache_dir", lambda name: str(blocked / "below"))
    assert blocked not in compiled._cache_folder().parents
