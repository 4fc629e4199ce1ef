"""What others could change is neither run nor believed: with a second user, for real."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from ncviz import trust

ROOT = Path(__file__).parents[1]
NOBODY = 65534
needs_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can act as a second user"
)


def as_nobody(script, *arguments):
    """Run a line of shell as another user."""
    subprocess.run(
        ["/bin/sh", "-ec", script, "sh", *map(str, arguments)], user=NOBODY, group=NOBODY, extra_groups=[],
        cwd="/", check=True, timeout=30,
    )  # fmt: skip


@pytest.fixture
def place(tmp_path):
    """A folder of ours that another user can enter but not write to, and a public one beside it, as /tmp is."""
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & 0o001 and folder.stat().st_uid == os.geteuid():
            folder.chmod(0o711)
    public = tmp_path / "public"
    public.mkdir()
    public.chmod(0o1777)
    return tmp_path


def test_a_folder_of_ours_is_trusted_and_one_that_is_not_yet_made(place):
    assert trust.find_fault(place) == ""
    assert trust.find_fault(place / "missing" / "below") == ""
    assert trust.find_fault(place / "public" / "missing") == ""
    (place / "public" / "ours").mkdir(mode=0o700)
    assert trust.find_fault(place / "public" / "ours") == ""
    (place / "public" / "link").symlink_to(place / "public" / "ours")
    assert trust.find_fault(place / "public" / "link") == ""


def test_who_may_write_is_asked_of_every_folder_above(place):
    below = place / "open" / "closed"
    below.mkdir(parents=True, mode=0o700)
    assert trust.find_fault(below) == ""
    (place / "open").chmod(0o777)
    assert "all users may write" in trust.find_fault(below)
    (place / "open").chmod(0o770)
    assert "a group may write" in trust.find_fault(below)
    # The sticky bit keeps what is ours in its place, but not others from putting something beside it.
    (place / "open").chmod(0o1777)
    assert trust.find_fault(below) == ""
    assert "all users may write" in trust.find_fault(place / "open")


def test_links_are_followed_as_the_system_follows_them(place):
    (place / "open").mkdir()
    (place / "open" / "inner").mkdir()
    (place / "way").symlink_to("open/inner")
    (place / "roundabout").symlink_to("way/../inner")
    assert trust.find_fault(place / "roundabout") == ""
    (place / "open").chmod(0o777)
    assert "open" in trust.find_fault(place / "roundabout")
    assert "open" in trust.find_fault(place / "way" / "..")
    (place / "circle").symlink_to("circle")
    assert "leads nowhere" in trust.find_fault(place / "circle")


@needs_root
def test_what_a_second_user_made_is_not_trusted(place):
    public = place / "public"
    as_nobody('mkdir "$1/theirs"; ln -s "$2" "$1/link"; : >"$1/file"', public, place)
    assert "belongs to another user" in trust.find_fault(public / "theirs")
    assert "belongs to another user" in trust.find_fault(public / "theirs" / "missing" / "..")
    assert "link of another user" in trust.find_fault(public / "link")
    assert "belongs to another user" in trust.find_fault_inside(public)
    with (public / "file").open() as file:
        assert "belongs to another user" in trust.find_fault_of_open(file.fileno(), public / "file")


def test_in_a_folder_that_nobody_else_can_enter_permissions_say_nothing_but_a_second_name_does(place):
    folder = place / "code"
    folder.mkdir(mode=0o700)
    (folder / "a").write_text("")
    (folder / "a").chmod(0o666)
    assert trust.find_fault_inside(folder) == ""
    (place / "b").hardlink_to(folder / "a")
    assert "all users may write" in trust.find_fault_inside(folder)
    (place / "b").unlink()
    folder.chmod(0o711)
    assert "all users may write" in trust.find_fault_inside(folder)


def test_links_inside_are_named(place):
    (place / "code").mkdir()
    (place / "code" / "a").symlink_to("/etc")
    assert "is a link" in trust.find_fault_inside(place / "code")


def test_a_group_of_ones_own_may_write_but_not_if_a_list_of_others_comes_on_top(place, monkeypatch):
    (place / "open").mkdir()
    (place / "open").chmod(0o775)
    me = SimpleNamespace(pw_uid=1000, pw_gid=(place / "open").stat().st_gid, pw_name="ada")
    members = []
    monkeypatch.setattr(trust.os, "geteuid", lambda: (place / "open").stat().st_uid)
    monkeypatch.setattr(trust.pwd, "getpwuid", lambda user: me)
    monkeypatch.setattr(trust.grp, "getgrgid", lambda group: SimpleNamespace(gr_name="ada", gr_mem=members))
    assert trust.find_fault(place / "open") == ""
    monkeypatch.setattr(trust.os, "listxattr", lambda *_, **__: ["system.posix_acl_access"], raising=False)
    assert "a group may write" in trust.find_fault(place / "open")
    monkeypatch.setattr(trust.os, "listxattr", lambda *_, **__: [], raising=False)
    members.append("eve")
    assert "a group may write" in trust.find_fault(place / "open")


def test_what_is_made_is_private(tmp_path):
    trust.make_private(tmp_path / "a" / "b")
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "a/b")] == [0o700, 0o700]
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        trust.make_private(tmp_path / "file")


def test_the_latest_folders_stay(tmp_path):
    for number in range(5):
        folder = tmp_path / f"compiled-{number}"
        folder.mkdir()
        (folder / "code").write_text("")
        os.utime(folder, (number, number))
    (tmp_path / "compiled-link").symlink_to(tmp_path / "compiled-0")
    trust.remove_unused(tmp_path.glob("compiled-*"), keep=2, older_than=2)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"compiled-2", "compiled-3", "compiled-4", "compiled-link"}


# The cache of compiled code

VICTIM = """
import sys, warnings
sys.path.insert(0, sys.argv[1])
if len(sys.argv) > 2:
    from ncviz import trust
    trust.find_fault = trust.find_fault_inside = lambda folder: ""
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    from ncviz.compiled import cache_folder
import doubled
assert doubled.double(2.0) == 4.0
print(cache_folder())
for each in said:
    print(each.category.__name__, each.message)
"""


class Planted:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return partial(os.makedirs, exist_ok=True), (str(self.mark),)


def run_victim(code, cache, *options):
    places = {"NUMBA_CACHE_DIR": str(cache), "TMPDIR": str(code.parent / "public")}
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", VICTIM, str(code), *options],
        cwd=ROOT, env={**os.environ, **places}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    where, *said = found.stdout.splitlines()
    return Path(where), said


@pytest.fixture
def planted(place):
    """A function's module; what another user prepared for its cache; and the mark that running this leaves."""
    code, evil, mark = place / "code", place / "evil", place / "mark"
    code.mkdir()
    (code / "doubled.py").write_text(
        "from ncviz.compiled import compiled\n\n\n@compiled\ndef double(x):\n    return 2.0 * x\n"
    )
    folder, said = run_victim(code, place / "own")
    assert folder.parent == place / "own"
    assert said == []
    assert folder.stat().st_mode & 0o777 == 0o700
    subprocess.run(["cp", "-r", str(folder), str(evil)], check=True, timeout=30)
    (index,) = evil.rglob("*.nbi")
    index.write_bytes(pickle.dumps(Planted(mark)))
    subprocess.run(["chmod", "-R", "a+rX", str(evil)], check=True, timeout=30)
    return code, evil, mark, folder.name


@needs_root
@pytest.mark.slow
def test_a_planted_cache_never_runs(place, planted):
    code, evil, mark, name = planted
    theirs = place / "public" / "theirs"
    as_nobody('mkdir "$1"; cp -r "$2" "$1/$3"', theirs, evil, name)
    folder, said = run_victim(code, theirs)
    assert not mark.exists()
    assert folder.parent == place / "public" / f"ncviz-{os.geteuid()}"
    assert len(said) == 1
    assert "UntrustedFolderWarning" in said[0]
    assert "belongs to another user" in said[0]
    # Another user comes first there, too.
    shutil.rmtree(folder.parent)
    as_nobody('cp -r "$(dirname "$1")" "$2"', theirs / name, folder.parent)
    folder, said = run_victim(code, theirs)
    assert not mark.exists()
    assert not folder.exists(), "the folder of one process goes with it"
    assert "for this process alone" in said[0]
    # Left in what was public once, and is ours alone now.
    ours = place / "ours"
    ours.mkdir()
    ours.chmod(0o777)
    as_nobody('cp -r "$2" "$1/$3"', ours, evil, name)
    subprocess.run(["chown", "0:0", str(ours), str(ours / name)], check=True, timeout=30)
    ours.chmod(0o700)
    folder, said = run_victim(code, ours)
    assert not mark.exists()
    assert (folder, said) == (ours / name, [])
    assert trust.find_fault_inside(folder) == ""
    # What is planted does run where nobody asks whose it is.
    run_victim(code, theirs, "trusting")
    assert mark.exists()


@needs_root
@pytest.mark.parametrize(
    ("name", "command"),
    [
        (".numba_config.yaml", ["-c", "import ncviz.compiled"]),
        (".streamlit/config.toml", ["-m", "ncviz", "app"]),
    ],
)
def test_settings_of_a_second_user_are_not_read(place, name, command):
    public = place / "public"
    as_nobody('mkdir -p "$(dirname "$1")"; echo "a: b" >"$1"', public / name)
    found = subprocess.run(
        [sys.executable, "-P", *command], cwd=public, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert found.returncode != 0
    assert "start ncviz in a folder of your own" in found.stderr
