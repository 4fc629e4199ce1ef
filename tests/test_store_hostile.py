"""The store believes no file type, no size, no clock and nobody else, and goes on when writers die."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
import tracemalloc
import warnings
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import Mock

import fsspec
import numpy as np
import pytest
from click.testing import CliRunner

from ncviz.cli import cli
from ncviz.errors import StoreError
from ncviz.fingerprint import digest
from ncviz.limits import LIMITS
from ncviz.store import KEY_VARIABLE, Store, StoreWarning, local, signing
from ncviz.store.folder import STALE_TEMP_SECONDS
from ncviz.store.record import encode
from ncviz.store.signing import ProcessKeyWarning
from ncviz.store.verify import verify_store

ROOT = Path(__file__).parents[1]
KEY = digest(1)
ARRAYS = {"x": np.arange(1000.0)}
NOBODY = 65534
needs_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can act as a second user"
)


@contextmanager
def within(seconds):
    """Fail, and do not hang, what takes longer."""

    def stop(*_):
        raise AssertionError(f"this took over {seconds} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path / "results"))


def file_of(store, key=KEY):
    path = Path(store.where) / f"{key}.ncviz"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def make_fifo(path, secret):
    os.mkfifo(path)


def make_folder(path, secret):
    path.mkdir()
    (path / "inside").write_text("x")


def make_link(path, secret):
    path.symlink_to(secret)


def make_dangling_link(path, secret):
    path.symlink_to(path.parent / "missing")


def make_link_to_fifo(path, secret):
    os.mkfifo(path.parent / "pipe")
    path.symlink_to(path.parent / "pipe")


def make_socket(path, secret):
    # Longer paths than a socket's have to be gone to.
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


KINDS = [make_fifo, make_folder, make_link, make_dangling_link, make_link_to_fifo, make_socket]


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_what_is_no_file_is_neither_read_nor_waited_for_and_makes_way(store, tmp_path, make):
    # A whole record that the link leads to, outside of the store.
    secret = tmp_path / "secret"
    secret.write_bytes(b"".join(encode(KEY, ARRAYS, {})))
    before = secret.read_bytes()
    with within(20):
        make(file_of(store), secret)
        assert not store.has(KEY)
        assert store.entries() == []
        assert not verify_store(store).is_sound
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StoreWarning)
            assert store.get(KEY) is None
        # Put in its place without having been asked for before.
        if not os.path.lexists(file_of(store)):
            (file_of(store).parent / "pipe").unlink(missing_ok=True)
            make(file_of(store), secret)
        store.put(KEY, ARRAYS, {})
        np.testing.assert_array_equal(store.get(KEY).arrays["x"], ARRAYS["x"])
        assert file_of(store).is_file()
        assert not file_of(store).is_symlink()
        assert store.remove(KEY)
    assert secret.read_bytes() == before


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_what_stands_where_lock_or_temporary_file_belong_makes_way(store, tmp_path, make):
    victim = tmp_path / "victim"
    victim.write_text("kept")
    make(file_of(store).parent / ".lock", victim)
    with within(20), store.locked():
        store.put(KEY, ARRAYS, {})
    (file_of(store).parent / "pipe").unlink(missing_ok=True)
    make(file_of(store).parent / ".x.ncviz-tmp", victim)
    with within(20):
        small = Store(store.where, max_bytes=file_of(store).stat().st_size)
        small.put(KEY, ARRAYS, {})
    assert victim.read_text() == "kept"
    assert not os.path.lexists(file_of(store).parent / ".x.ncviz-tmp")


def test_no_more_is_read_than_a_record_may_hold(store, monkeypatch):
    store.put(KEY, ARRAYS, {})
    path = file_of(store)
    whole = path.read_bytes()
    read = []
    kind = type(store.folder)
    genuine = kind.read

    def measured(self, name, end=None):
        data = genuine(self, name, end)
        read.append(len(data))
        return data

    monkeypatch.setattr(kind, "read", measured)
    # A hole of 50 GB behind a record takes no room on the disk.
    with path.open("r+b") as file:
        file.truncate(50_000_000_000)
    with pytest.warns(StoreWarning, match="damaged"):
        assert store.get(KEY) is None
    assert max(read) <= len(whole) + 16_384
    # A header that says it is 200 GB long, and one that says that an array is.
    for data in (
        whole[:80] + (200_000_000_000).to_bytes(8, "little") + whole[88:],
        whole.replace(b"[0,8000]", b"[0,9" + b"0" * 12 + b"]"),
    ):
        path.write_bytes(data)
        with path.open("r+b") as file:
            file.truncate(50_000_000_000)
        with pytest.warns(StoreWarning, match="damaged"):
            assert store.get(KEY) is None
    assert max(read) <= len(whole) + 16_384


def test_what_is_said_of_a_record_is_bounded_before_it_is_written(store):
    with pytest.raises(StoreError, match="more than the"):
        store.put(KEY, {}, {"text": "x" * LIMITS.record_header_bytes})
    assert not store.has(KEY)


# Temporary files

WRITER = """
import os, sys, time
from ncviz.store import local
from ncviz.store import Store
import numpy as np
def stall(self, source, target):
    print(source.name, flush=True)
    time.sleep(60)
local.LocalFolder._move = stall
Store(sys.argv[1]).put(sys.argv[2], {"x": np.zeros(250_000)}, {})
"""


@pytest.mark.slow
def test_unfinished_files_count_and_go_once_their_writer_is_dead_whatever_the_clock_says(store):
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, store.where, digest(2)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    temp = Path(store.where) / writer.stdout.readline().strip()
    small = Store(store.where, max_bytes=1_000_000)
    for moved in (0, -10 * STALE_TEMP_SECONDS, 10 * STALE_TEMP_SECONDS, 1e9):
        # However old it looks, a jump of the clock does not take a file from its writer.
        os.utime(temp, (time.time() + moved,) * 2)
        small.put(KEY, ARRAYS, {})
        assert temp.exists()
        assert small.size() > 2_000_000
    assert [each.kind for each in verify_store(small).findings] == ["being written"]
    writer.kill()
    writer.communicate(timeout=30)
    assert temp.exists()
    assert [each.kind for each in verify_store(small).findings] == ["left behind"]
    small.put(KEY, ARRAYS, {})
    assert not temp.exists()
    assert small.size() <= small.max_bytes
    assert small.get(KEY) is not None


def test_what_killed_writers_left_is_within_the_cap(tmp_path):
    for number in range(52):
        (tmp_path / f".{KEY}.{number:032x}.ncviz-tmp").write_bytes(b"\0" * 2_000)
    store = Store(str(tmp_path), max_bytes=12_000)
    assert store.size() == 104_000
    store.put(KEY, {"a": np.zeros(9)}, {})
    assert store.size() == sum(path.stat().st_size for path in tmp_path.iterdir()) <= 12_000
    # Where there is room, those go alone whose date is far off, to either side.
    roomy = Store(str(tmp_path))
    dates = {"old": -2 * STALE_TEMP_SECONDS, "ahead": 2 * STALE_TEMP_SECONDS, "fresh": 0.0}
    for name, moved in dates.items():
        (tmp_path / f".{name}.ncviz-tmp").write_bytes(b"x")
        os.utime(tmp_path / f".{name}.ncviz-tmp", (time.time() + moved,) * 2)
    roomy.put(KEY, {"a": np.zeros(9)}, {})
    assert {path.name for path in tmp_path.iterdir()} == {f"{KEY}.ncviz", ".fresh.ncviz-tmp"}


def leave(store, name, age):
    path = file_of(store).parent / name
    path.write_bytes(b"\0" * 20_000)
    os.utime(path, (time.time() - age,) * 2)
    return path


@pytest.mark.parametrize("name", [f"{'A' * 64}.ncviz", "mine.ncviz"])
def test_what_only_looks_like_a_record_is_told_and_costs_nothing(tmp_path, name):
    store = Store(str(tmp_path))
    store.put(KEY, ARRAYS, {})
    leave(store, name, 60)
    (finding,) = verify_store(store).findings
    assert (finding.name, finding.kind, finding.is_fault) == (name, "stray", False)
    assert verify_store(store).is_sound


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK])
def test_without_locks_the_date_says_what_died_writers_left(tmp_path, monkeypatch, code):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(local.fcntl, "flock", refuse)
    store = Store(str(tmp_path), max_bytes=30_000)
    old, new = leave(store, ".a.ncviz-tmp", 2 * STALE_TEMP_SECONDS), leave(store, ".b.ncviz-tmp", 60)
    assert {each.name: each.kind for each in verify_store(store).findings} == {
        old.name: "left behind", new.name: "being written",
    }  # fmt: skip
    store.put(KEY, ARRAYS, {})
    assert (old.exists(), new.exists()) == (False, True)
    assert store.get(KEY) is not None


def test_as_on_windows_nothing_is_moved_or_removed_while_it_is_open(tmp_path, monkeypatch):
    opened, moved = set(), []
    genuine_open, genuine_close = os.open, os.close

    def remember(path, *options):
        number = genuine_open(path, *options)
        opened.add(number)
        return number

    def forget(number):
        opened.discard(number)
        genuine_close(number)

    def watched(act):
        def checked(self, *given, **options):
            moved.append(self.name)
            assert not opened, "it is used by another process"
            return act(self, *given, **options)

        return checked

    monkeypatch.setattr(local, "_MOVES_OPEN", False)
    monkeypatch.setattr(local, "_hold", lambda number: None)
    monkeypatch.setattr(os, "supports_follow_symlinks", set())
    store = Store(str(tmp_path))
    left = leave(store, ".a.ncviz-tmp", 2 * STALE_TEMP_SECONDS)
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", remember)
        patch.setattr(os, "close", forget)
        patch.setattr(Path, "replace", watched(Path.replace))
        patch.setattr(Path, "unlink", watched(Path.unlink))
        store.put(KEY, ARRAYS, {})
    assert left.name in moved
    assert len(moved) == 2
    os.utime(file_of(store), (1.0, 1.0))
    assert store.get(KEY) is not None
    assert file_of(store).stat().st_mtime > 1.0


def test_a_lock_that_another_holds_on_ones_unfinished_file_is_not_waited_for(store, monkeypatch):
    def hold(number, how):
        assert how & local.fcntl.LOCK_NB
        raise BlockingIOError(errno.EWOULDBLOCK, "held")

    with within(20), monkeypatch.context() as patch:
        patch.setattr(local.fcntl, "flock", hold)
        store.put(KEY, ARRAYS, {})
    assert store.get(KEY) is not None


def test_a_large_file_without_content_drives_nothing_out(tmp_path):
    store = Store(str(tmp_path), max_bytes=100_000)
    store.put(KEY, ARRAYS, {})
    for name in (f"{digest(2)}.ncviz", ".a.ncviz-tmp"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(50_000_000_000)
    store.put(digest(3), ARRAYS, {})
    assert store.get(KEY) is not None


def test_a_record_is_read_once_into_memory(store):
    array = np.zeros(1_000_000)
    store.put(KEY, {"x": array}, {})
    tracemalloc.start()
    try:
        store.folder.read(f"{KEY}.ncviz", 9_000_000)
        assert tracemalloc.get_traced_memory()[1] < 1.3 * array.nbytes
    finally:
        tracemalloc.stop()


# Clocks


@pytest.mark.parametrize("ahead", [3_600.0, 1e9, 1e11])
def test_a_record_dated_ahead_does_not_outlive_the_others(tmp_path, ahead):
    size = sum(map(len, encode(KEY, ARRAYS, {})))
    store = Store(str(tmp_path), max_bytes=3 * size + 300)
    for number in (1, 2, 3):
        store.put(digest(number), ARRAYS, {})
    os.utime(file_of(store, digest(1)), (time.time() + ahead,) * 2)
    listed = Store(str(tmp_path)).entries()
    assert all(entry.last_used <= time.time() for entry in listed)
    found = verify_store(store)
    assert [each.kind for each in found.findings] == ["dated ahead"]
    assert found.is_sound
    for number in (4, 5, 6):
        store.put(digest(number), ARRAYS, {})
    assert {entry.key for entry in store.entries()} == {digest(number) for number in (4, 5, 6)}


def test_a_clock_that_jumps_and_comes_back_keeps_the_order_of_use(tmp_path, monkeypatch):
    size = sum(map(len, encode(KEY, ARRAYS, {})))
    store = Store(str(tmp_path), max_bytes=3 * size + 300)
    store.put(digest(1), ARRAYS, {})
    with monkeypatch.context() as patch:
        now, now_ns = time.time() + 1e7, time.time_ns() + 10**16
        patch.setattr(time, "time", lambda: now)
        patch.setattr(time, "time_ns", lambda: now_ns)
        store.put(digest(2), ARRAYS, {})
        now_ns += 10**9
        store.put(digest(3), ARRAYS, {})
    store.put(digest(4), ARRAYS, {})
    assert {entry.key for entry in store.entries()} == {digest(number) for number in (2, 3, 4)}
    store.put(digest(5), ARRAYS, {})
    assert {entry.key for entry in store.entries()} == {digest(number) for number in (3, 4, 5)}


# Other people's records


@pytest.fixture
def shared(tmp_path):
    """A folder that all may write to."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)
    return tmp_path / "shared"


@pytest.fixture
def keys(monkeypatch, tmp_path):
    """The user's own key in a folder of this test's."""
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    monkeypatch.setattr(signing, "user_data_path", lambda name: tmp_path / "data" / name)
    signing._own_key.cache_clear()
    yield tmp_path / "data" / "ncviz" / "store.key"
    signing._own_key.cache_clear()


@pytest.mark.parametrize("place", ["folder", "url"])
def test_where_others_write_only_signed_records_count(shared, keys, monkeypatch, place):
    if place == "url":
        from ncviz.store.remote import RemoteFolder

        monkeypatch.setattr(RemoteFolder, "find_fault", lambda self, name="": "it is shared with others")
        store = Store(f"memory://{shared}")
        fsspec.filesystem("memory").pipe(f"{shared}/{KEY}.ncviz", b"".join(encode(KEY, ARRAYS, {})))
    else:
        store = Store(str(shared))
        file_of(store).write_bytes(b"".join(encode(KEY, ARRAYS, {})))
    with pytest.warns(StoreWarning, match=f"not signed; set {KEY_VARIABLE}"):
        assert store.get(KEY) is None
    assert not store.has(KEY)
    (found,) = verify_store(store).findings
    assert (found.kind, found.is_fault) == ("not ours", True)
    store.put(KEY, ARRAYS, {"mine": 1})
    assert keys.stat().st_mode & 0o777 == 0o600
    signing._own_key.cache_clear()
    assert store.get(KEY).meta == {"mine": 1}
    assert type(store)(store.where).has(KEY)
    assert verify_store(store).is_sound
    monkeypatch.setenv(KEY_VARIABLE, "the key of a workspace")
    with pytest.warns(StoreWarning, match="signed with another key"):
        assert store.get(KEY) is None
    assert not type(store)(store.where).has(KEY)
    store.put(KEY, ARRAYS, {"ours": 1})
    assert store.get(KEY).meta == {"ours": 1}
    # In a folder of one's own it does not matter who signed.
    if place == "folder":
        monkeypatch.delenv(KEY_VARIABLE)
        shared.chmod(0o700)
        assert store.get(KEY).meta == {"ours": 1}
    store.clear()


def test_a_signature_covers_every_byte(keys):
    from ncviz.store.record import DamagedError, ForeignError, decode

    whole = b"".join(encode(KEY, {"x": np.arange(3.0)}, {}, b"k" * 16))
    decode(KEY, whole, b"k" * 16)
    for place in range(len(whole)):
        data = bytearray(whole)
        data[place] ^= 0x01
        with pytest.raises((DamagedError, ForeignError)):
            decode(KEY, bytes(data), b"k" * 16)


def test_a_key_is_kept_in_a_home_that_others_may_write_to(keys, monkeypatch):
    keys.parent.mkdir(parents=True)
    keys.parent.chmod(0o777)
    own = signing.signing_key()
    signing._own_key.cache_clear()
    assert signing.signing_key() == own == keys.read_bytes()


def spoil_mode(path):
    path.chmod(0o640)


def spoil_owner(path):
    os.chown(path, NOBODY, NOBODY)


def spoil_link(path):
    path.rename(path.parent / "elsewhere")
    path.symlink_to("elsewhere")


def spoil_size(path):
    path.write_bytes(b"k" * 31)


def spoil_place(path):
    path.unlink()
    path.mkdir()


@needs_root
@pytest.mark.parametrize("spoil", [spoil_mode, spoil_owner, spoil_link, spoil_size, spoil_place])
def test_a_key_that_others_know_or_made_is_not_used_and_that_is_said_once(keys, spoil):
    own = signing.signing_key()
    spoil(keys)
    signing._own_key.cache_clear()
    with pytest.warns(ProcessKeyWarning, match=f"after this process ends: set {KEY_VARIABLE}"):
        other = signing.signing_key()
    assert other != own
    assert len(other) == 32
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert signing.signing_key() == other


@pytest.mark.parametrize(
    "error", [RuntimeError("no home"), PermissionError(errno.EACCES, "Permission denied")]
)
def test_without_a_place_for_a_key_it_lasts_as_long_as_the_process(keys, monkeypatch, error):
    monkeypatch.setattr(signing, "user_data_path", Mock(side_effect=error))
    with pytest.warns(ProcessKeyWarning, match="no home folder|Permission denied"):
        assert signing.signing_key() == signing.signing_key()


def test_a_key_that_is_no_secret_is_refused(shared, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "short")
    with pytest.raises(StoreError, match="5 characters, expected at least 16"):
        Store(str(shared)).put(KEY, ARRAYS, {})


@needs_root
def test_a_second_users_record_with_a_right_checksum_is_not_used(store, tmp_path, keys):
    store.put(digest(2), ARRAYS, {})
    path = file_of(store)
    path.write_bytes(b"".join(encode(KEY, ARRAYS, {"from": "another"})))
    os.chown(path, NOBODY, NOBODY)
    with pytest.warns(StoreWarning, match="belongs to another user and it is not signed"):
        assert store.get(KEY) is None
    os.chown(path, 0, 0)
    assert store.get(KEY).meta == {"from": "another"}
    path.chmod(0o666)
    with pytest.warns(StoreWarning, match="all users may write to"):
        assert store.get(KEY) is None


@needs_root
def test_others_who_come_first_between_the_look_and_the_reading_are_not_believed(tmp_path, monkeypatch):
    public = tmp_path / "public"
    public.mkdir()
    public.chmod(0o1777)
    store = Store(str(public / "results"))
    look = store.folder.find_fault

    def come_first(name=""):
        found = look(name)
        if not (public / "results").exists():
            (public / "results").mkdir()
            file_of(store).write_bytes(b"".join(encode(KEY, ARRAYS, {})))
            for each in (public / "results", file_of(store)):
                os.chown(each, NOBODY, NOBODY)
        return found

    monkeypatch.setattr(store.folder, "find_fault", come_first)
    with pytest.warns(StoreWarning, match="is not used"):
        assert store.get(KEY) is None


@needs_root
def test_a_folder_of_ones_own_is_made_before_it_is_asked_whose_it_is(tmp_path):
    tmp_path.chmod(0o1777)
    store = Store(str(tmp_path / "results"))
    assert "could make" in store.folder.find_fault()
    store.put(KEY, ARRAYS, {})
    assert file_of(store).read_bytes().startswith(b"ncviz-record 1\n")
    assert not store.folder.find_fault()
    assert store.get(KEY) is not None


def test_what_others_wrote_is_no_order_to_the_terminal(store, monkeypatch):
    monkeypatch.setenv("NCVIZ_CACHE", store.where)
    store.put(KEY, ARRAYS, {"kind": "\x1b]0;a\x07", "title": "\x1b[2J"})
    (file_of(store).parent / ".\x1b[2J.ncviz-tmp").write_bytes(b"x")
    for command in ("list", "verify"):
        run = CliRunner().invoke(cli, ["cache", command])
        assert run.exit_code == 0
        assert "?[2J" in run.output
        assert "\x1b]" not in run.output
        assert "\x1b[2J" not in run.output


def test_verify_says_all_of_it(store, monkeypatch):
    monkeypatch.setenv("NCVIZ_CACHE", store.where)
    store.put(KEY, ARRAYS, {})
    run = CliRunner().invoke(cli, ["cache", "verify"])
    assert run.exit_code == 0
    assert "are whole and ours; 0 are not" in run.output
    make_fifo(file_of(store, digest(2)), None)
    file_of(store, digest(3)).write_bytes(b"junk")
    (file_of(store).parent / ".x.ncviz-tmp").write_bytes(b"x")
    run = CliRunner().invoke(cli, ["cache", "verify", "--json"])
    assert run.exit_code == 1
    found = json.loads(run.output)
    assert {each["kind"] for each in found["findings"]} == {"no file", "damaged", "left behind"}
    assert not found["is_sound"]
    assert file_of(store, digest(3)).exists()
    assert "2 are not" in " ".join(CliRunner().invoke(cli, ["cache", "verify"]).output.split())
