"""The store: fingerprints that see every bit, files whole or absent, damage noticed, the oldest out first."""

from __future__ import annotations

import ast
import errno
import math
import os
import re
import subprocess
import sys
import time
import uuid
import warnings
from pathlib import Path
from unittest.mock import Mock

import fsspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ncviz.errors import StoreError
from ncviz.fingerprint import digest
from ncviz.store import Store, StoreWarning, opening
from ncviz.store import folder as folder_module
from ncviz.store.local import LocalFolder
from ncviz.store.record import DamagedError, _stamp, decode, encode

ROOT = Path(__file__).parents[1]
ARRAYS = {"weights": np.arange(12.0).reshape(3, 4), "alive": np.array([True, False])}
META = {"kind": "curvature", "alpha": 0.9, "classes": ["null", "één"], "nested": {"n": None}}


def key_of(number):
    return digest(number)


@pytest.fixture(params=["local", "memory"])
def url(request, tmp_path):
    if request.param == "local":
        yield str(tmp_path / "results")
        return
    name = f"memory://{uuid.uuid4().hex}/results"
    yield name
    Store(name).clear()


def file_of(store, key):
    return Path(store.where) / f"{key}.ncviz"


def assert_same(record, arrays, meta):
    assert list(record.arrays) == list(arrays)
    for name, array in arrays.items():
        found = record.arrays[name]
        assert found.dtype == array.dtype.newbyteorder("=")
        assert found.shape == array.shape
        np.testing.assert_array_equal(found, array)
    assert record.meta == meta


# Fingerprints

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
parts = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
arrays = hnp.arrays(
    st.sampled_from(["f4", ">f8", "i2", "u1", "bool", "c8", "U3"]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0),
)


def typed(part):
    """A value that Python compares as strictly as the fingerprint should."""
    if isinstance(part, (list, tuple)):
        return ("sequence", *(typed(item) for item in part))
    if isinstance(part, dict):
        return ("mapping", frozenset((name, typed(value)) for name, value in part.items()))
    return (type(part), part.hex() if isinstance(part, float) else part)


@pytest.mark.slow
@given(parts, parts)
def test_digests_are_equal_exactly_when_the_values_are(left, right):
    assert (digest(left) == digest(right)) == (typed(left) == typed(right))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((1,), (1.0,)), ((1,), (True,)), ((1,), ("1",)), (("1",), (b"1",)), ((0.0,), (-0.0,)), ((None,), ()),
        (("ab", "c"), ("a", "bc")), (("a", "b"), (("a", "b"),)), ((["a"], "b"), (["a", "b"],)), (([[]],), ([],)),
        (({"a": 1, "b": 2},), ({"a": 2, "b": 1},)), (({},), ([],)), (("l1:",), (["1:"],)),
    ],
)  # fmt: skip
def test_digest_tells_look_alikes_apart(left, right):
    assert digest(*left) != digest(*right)


def test_digest_is_stable_across_processes_and_versions():
    assert digest("curvature", 1, 0.9, None, [True, b"x"], {"b": 1, "a": np.arange(3, dtype="<i4")}) == GOLDEN
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest((1, 2)) == digest([1, 2])
    assert digest(float("nan")) == digest(-math.nan)
    assert digest(10**6000) != digest(10**6000 + 1)
    assert digest("\ud800") != digest("?")


GOLDEN = "6e48354f225794c8782b2223e7f4ecb767a5a6af537e712fda46251c4e025007"


@given(arrays, st.data())
def test_digest_sees_dtype_shape_and_every_byte(array, data):
    seen = digest(array)
    assert digest(array.copy(order="F")) == seen
    assert digest(array.reshape(*array.shape, 1)) != seen
    if array.dtype.newbyteorder() != array.dtype:
        assert digest(array.view(array.dtype.newbyteorder())) != seen
    if array.nbytes:
        raw = bytearray(array.tobytes())
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        assert digest(np.frombuffer(bytes(raw), array.dtype).reshape(array.shape)) != seen


def test_digest_samples_nothing_of_a_large_array():
    array = np.zeros(1_000_000, dtype=np.float32)
    seen = {digest(array)}
    for place in np.random.default_rng(0).integers(0, array.size, 20):
        array[place] += 1.0
        seen.add(digest(array))
    assert len(seen) == 21


@pytest.mark.parametrize(
    "part",
    [
        object(),
        {1, 2},
        {1: 2},
        1j,
        np.float32(1),
        [np.int64(1)],
        np.array([object()]),
        np.zeros(1, "i4,f8"),
        range(2),
    ],
    ids=lambda part: re.sub(r" at 0x[0-9a-f]+", "", repr(part)),
)
def test_digest_refuses_what_it_cannot_write_down(part):
    with pytest.raises(TypeError):
        digest(part)


# Round trips


def test_put_then_get(url):
    store = Store(url)
    assert store.get(key_of(1)) is None
    assert not store.has(key_of(1))
    store.put(key_of(1), ARRAYS, META)
    assert store.has(key_of(1))
    assert_same(Store(url).get(key_of(1)), ARRAYS, META)
    store.put(key_of(1), {"b": np.zeros(2), "a": np.float32([[1]])}, {})
    assert_same(store.get(key_of(1)), {"b": np.zeros(2), "a": np.float32([[1]])}, {})
    assert store.problems == []


numeric = hnp.arrays(
    st.sampled_from(["?", "i1", "i2", ">i4", "i8", "u1", "u2", ">u4", "u8", "f2", ">f4", "f8", "c8"]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(st.text().filter(lambda name: name != "__metadata__"), numeric, max_size=4), json_values
)
def test_any_arrays_and_meta_survive(given_arrays, value):
    stamp, body = encode(key_of(0), given_arrays, {"value": value})
    assert_same(decode(key_of(0), stamp + body), given_arrays, {"value": value})


def test_views_are_stored_as_they_look(tmp_path):
    store = Store(str(tmp_path))
    base = np.arange(24.0).reshape(4, 6)
    views = {"T": base.T, "step": base[::-2, 1::2], "one": np.broadcast_to(np.float32(3), (2, 2))}
    store.put(key_of(1), views, {})
    assert_same(store.get(key_of(1)), views, {})


def test_got_arrays_can_be_written_without_harm(tmp_path):
    store = Store(str(tmp_path))
    store.put(key_of(1), ARRAYS, META)
    store.get(key_of(1)).arrays["weights"][:] = -1
    assert_same(store.get(key_of(1)), ARRAYS, META)


@pytest.mark.parametrize(
    ("bad_arrays", "meta"),
    [
        ({"x": np.array(["text"])}, {}), ({"x": np.array([None])}, {}), ({"x": [1, 2]}, {}),
        ({"x": np.zeros(1, np.complex128)}, {}), ({"__metadata__": np.zeros(1)}, {}),
        ({}, {"x": math.nan}), ({}, {"x": np.float32(1)}), ({}, {"x": {1, 2}}),
    ],
)  # fmt: skip
def test_what_cannot_be_stored_is_refused_before_anything_is_written(tmp_path, bad_arrays, meta):
    with pytest.raises(TypeError):
        Store(str(tmp_path / "new")).put(key_of(1), bad_arrays, meta)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "key", ["", "../" + "a" * 61, "A" * 64, "a" * 63, "a" * 65, "a" * 64 + "\n", "g" * 64, None, 7]
)
def test_keys_are_64_hex_characters(tmp_path, key):
    store = Store(str(tmp_path))
    for call in (store.get, store.has, store.remove, lambda key: store.put(key, ARRAYS, META)):
        with pytest.raises(StoreError, match="64 lower-case hex"):
            call(key)
    assert list(tmp_path.iterdir()) == []


# Damage


def assert_damage_is_noticed(store, key):
    path = file_of(store, key)
    with pytest.warns(StoreWarning, match="damaged"):
        assert store.get(key) is None
    assert not path.exists()


@pytest.fixture(scope="module")
def whole_file():
    return b"".join(encode(key_of(1), ARRAYS, META))


def test_every_flipped_byte_is_noticed(whole_file):
    for place in range(len(whole_file)):
        for mask in (0x01, 0x20, 0xFF):
            data = bytearray(whole_file)
            data[place] ^= mask
            with pytest.raises(DamagedError):
                decode(key_of(1), bytes(data))


@pytest.mark.parametrize("place", [0, 13, 20, 78, 79, 80, 88, 120, -1])
def test_a_flipped_byte_on_disk_is_reported_and_removed(tmp_path, whole_file, place):
    store = Store(str(tmp_path))
    data = bytearray(whole_file)
    data[place] ^= 0x10
    file_of(store, key_of(1)).write_bytes(data)
    assert_damage_is_noticed(store, key_of(1))
    assert len(store.problems) == 1
    assert str(tmp_path) in store.problems[0]
    store.put(key_of(1), ARRAYS, META)
    assert_same(store.get(key_of(1)), ARRAYS, META)


@pytest.mark.parametrize("length", [0, 1, 14, 15, 50, 80, 81, 88, 100, 300, -1])
def test_a_file_cut_short_is_noticed(tmp_path, whole_file, length):
    store = Store(str(tmp_path))
    file_of(store, key_of(1)).write_bytes(whole_file[:length])
    assert store.entries() == [] or length in (300, -1)
    assert_damage_is_noticed(store, key_of(1))


def test_a_file_with_more_at_its_end_is_noticed(tmp_path, whole_file):
    store = Store(str(tmp_path))
    file_of(store, key_of(1)).write_bytes(whole_file + b"\0")
    assert_damage_is_noticed(store, key_of(1))


def test_a_file_under_another_key_is_noticed(tmp_path, whole_file):
    store = Store(str(tmp_path))
    file_of(store, key_of(2)).write_bytes(whole_file)
    assert_damage_is_noticed(store, key_of(2))


def test_a_file_that_only_claims_to_be_sound_is_noticed(tmp_path):
    store = Store(str(tmp_path))
    for body in (b"", b"\xff" * 8, (2).to_bytes(8, "little") + b"{}", (4).to_bytes(8, "little") + b"[[[["):
        file_of(store, key_of(1)).write_bytes(_stamp(body) + body)
        assert store.entries() == []
        assert_damage_is_noticed(store, key_of(1))


def test_damage_in_memory_is_noticed():
    store = Store(f"memory://{uuid.uuid4().hex}")
    store.put(key_of(1), ARRAYS, META)
    fs, name = fsspec.filesystem("memory"), f"{store.where}/{key_of(1)}.ncviz"
    fs.pipe_file(name, fs.cat_file(name)[:-3])
    with pytest.warns(StoreWarning, match="damaged"):
        assert store.get(key_of(1)) is None
    assert store.size() == 0


def test_unreadable_file_is_reported_and_kept(tmp_path, monkeypatch):
    store = Store(str(tmp_path))
    store.put(key_of(1), ARRAYS, META)

    def refuse(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(LocalFolder, "read", refuse)
        with pytest.warns(StoreWarning, match="could not be read: Permission denied"):
            assert store.get(key_of(1)) is None
    assert_same(store.get(key_of(1)), ARRAYS, META)


def test_problems_are_bounded(tmp_path):
    store = Store(str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StoreWarning)
        for number in range(60):
            file_of(store, key_of(number)).write_bytes(b"junk")
            assert store.get(key_of(number)) is None
    assert len(store.problems) == 50


# Failing writes


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "no space left: free some, or set NCVIZ_CACHE"),
        (errno.EDQUOT, "no space left"),
        (errno.EACCES, "may not be written"),
        (errno.EROFS, "may not be written"),
        (errno.EIO, "could not be written"),
    ],
)
@pytest.mark.parametrize("step", ["_write_parts", "_move"])
def test_a_failed_write_changes_nothing_and_says_why(url, monkeypatch, code, words, step):
    store = Store(url)
    store.put(key_of(1), ARRAYS, META)
    kind = type(store.folder)
    genuine = kind._write_parts

    def fail(self, path, *args):
        if step == "_write_parts":
            genuine(self, path, (b"half of it",))
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(kind, step, fail)
        with pytest.raises(StoreError, match=words) as caught:
            store.put(key_of(1), {"x": np.zeros(3)}, {})
    assert store.where in str(caught.value)
    assert str(caught.value).count("\n") == 0
    assert [item.name for item in store.folder.items()] == [f"{key_of(1)}.ncviz"]
    assert_same(store.get(key_of(1)), ARRAYS, META)


def test_interrupted_write_leaves_no_temporary_file(tmp_path, monkeypatch):
    def interrupt(self, source, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(LocalFolder, "_move", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Store(str(tmp_path)).put(key_of(1), ARRAYS, META)
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "file").write_text("")
    store = Store(str(tmp_path / "file"))
    assert store.entries() == []
    with pytest.raises(StoreError, match="could not be written"):
        store.put(key_of(1), ARRAYS, META)


def test_only_stale_temporary_files_are_swept(tmp_path):
    store = Store(str(tmp_path))
    old, new, foreign = tmp_path / ".a.ncviz-tmp", tmp_path / ".b.ncviz-tmp", tmp_path / "notes.tmp"
    for path in (old, new, foreign):
        path.write_bytes(b"x")
    hour_ago = time.time() - folder_module.STALE_TEMP_SECONDS - 1
    os.utime(old, (hour_ago, hour_ago))
    os.utime(foreign, (hour_ago, hour_ago))
    store.put(key_of(1), ARRAYS, META)
    assert (old.exists(), new.exists(), foreign.exists()) == (False, True, True)
    assert store.clear()[0] == 1
    assert foreign.exists()


# Size and order


def record_size():
    return sum(map(len, encode(key_of(0), {"x": np.zeros(1000)}, {})))


def put_numbers(store, *numbers):
    for number in numbers:
        store.put(key_of(number), {"x": np.full(1000, float(number))}, {"kind": f"n{number}"})


def test_the_least_recently_used_go_first(url):
    store = Store(url, max_bytes=4 * record_size() + 200)
    put_numbers(store, 1, 2, 3)
    store.get(key_of(1))
    put_numbers(store, 4)
    assert [entry.kind for entry in store.entries()] == ["n4", "n1", "n3", "n2"]
    put_numbers(store, 5)
    assert [entry.kind for entry in store.entries()] == ["n5", "n4", "n1", "n3"]
    store.get(key_of(3))
    put_numbers(store, 6, 7)
    assert [entry.kind for entry in store.entries()] == ["n7", "n6", "n3", "n5"]
    assert store.size() <= store.max_bytes


def test_another_process_sees_what_was_used(tmp_path):
    store = Store(str(tmp_path))
    put_numbers(store, 1, 2)
    Store(str(tmp_path)).get(key_of(1))
    assert [entry.kind for entry in Store(str(tmp_path)).entries()] == ["n1", "n2"]


def test_a_record_beyond_the_cap_is_declined_and_the_rest_kept(url):
    store = Store(url, max_bytes=record_size() + 100)
    put_numbers(store, 1)
    with pytest.raises(StoreError, match="raise that limit"):
        store.put(key_of(2), {"x": np.zeros(2000)}, {})
    assert [entry.kind for entry in store.entries()] == ["n1"]
    put_numbers(store, 3)
    assert [entry.kind for entry in store.entries()] == ["n3"]


def test_a_failed_eviction_does_not_fail_the_put(tmp_path, monkeypatch):
    store = Store(str(tmp_path), max_bytes=record_size() + 100)
    put_numbers(store, 1)

    def refuse(self, name):
        raise StoreError("no")

    monkeypatch.setattr(LocalFolder, "remove", refuse)
    put_numbers(store, 2)
    assert store.has(key_of(2))


def test_entries_read_headers_only(url, monkeypatch):
    store = Store(url)
    before = time.time()
    store.put(key_of(1), {"x": np.zeros(100_000)}, META)
    store.put(key_of(2), {}, {"note": "long" * 10_000})
    kind = type(store.folder)
    genuine = kind.read

    def measured(self, name, end=None):
        data = genuine(self, name, end)
        assert len(data) < 60_000
        return data

    monkeypatch.setattr(kind, "read", measured)
    second, first = store.entries()
    assert (first.key, first.kind, first.meta, first.is_bundled) == (key_of(1), "curvature", META, False)
    assert (second.key, second.kind) == (key_of(2), "")
    assert first.bytes + second.bytes == store.size()
    for entry in (first, second):
        assert before - 1 <= entry.created <= entry.last_used + 1 <= time.time() + 2


def test_remove_and_clear(url):
    store = Store(url)
    assert store.clear() == (0, 0)
    put_numbers(store, 1, 2, 3)
    assert store.remove(key_of(1))
    assert not store.remove(key_of(1))
    size = store.size()
    assert store.clear() == (2, size)
    assert (store.entries(), store.size()) == ([], 0)


# Places


def test_place_from_the_environment_and_the_default(tmp_path, monkeypatch):
    monkeypatch.setenv("NCVIZ_CACHE", str(tmp_path / "mine"))
    Store().put(key_of(1), ARRAYS, META)
    assert len(list((tmp_path / "mine").iterdir())) == 1
    assert Store(str(tmp_path / "other")).get(key_of(1)) is None
    monkeypatch.delenv("NCVIZ_CACHE")
    monkeypatch.setattr(opening, "user_cache_path", lambda name: tmp_path / name)
    assert Store().where == str(tmp_path / "ncviz")


def test_without_a_home_folder_a_sentence_says_what_to_set(monkeypatch):
    monkeypatch.delenv("NCVIZ_CACHE")
    for unknown in (lambda name: Path("~/.cache") / name, Mock(side_effect=RuntimeError("no home"))):
        monkeypatch.setattr(opening, "user_cache_path", unknown)
        with pytest.raises(StoreError, match="no home folder: set NCVIZ_CACHE to a folder"):
            Store()


def test_file_urls_and_relative_paths_name_the_same_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Store("results").put(key_of(1), ARRAYS, META)
    assert Store(f"file://{tmp_path}/results/").has(key_of(1))
    assert Store("results").where == str(tmp_path / "results")


@pytest.mark.parametrize("url", ["nosuch://user:secret@host/place", "gs://bucket/x", "hdfs://host/x"])
def test_a_missing_protocol_is_one_sentence_without_secrets(url):
    with pytest.raises(StoreError, match="cannot be opened by the protocol") as caught:
        Store(url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bundled_records_are_found_and_never_removed(tmp_path):
    shipped = tmp_path / "shipped"
    put_numbers(Store(str(shipped)), 1, 2)
    store = Store(str(tmp_path / "own"), bundled=shipped, max_bytes=record_size() + 100)
    assert store.has(key_of(1))
    assert store.get(key_of(1)).meta == {"kind": "n1"}
    assert (store.entries(), store.size()) == ([], 0)
    put_numbers(store, 3)
    listed = store.entries(with_bundled=True)
    assert {(entry.kind, entry.is_bundled) for entry in listed} == {("n1", True), ("n2", True), ("n3", False)}
    assert store.clear()[0] == 1
    assert not store.remove(key_of(1))
    assert store.get(key_of(2)).meta == {"kind": "n2"}
    store.put(key_of(1), {}, {"kind": "own"})
    assert store.get(key_of(1)).meta == {"kind": "own"}


def test_bundled_record_stands_in_for_a_damaged_one(tmp_path):
    shipped = tmp_path / "shipped"
    put_numbers(Store(str(shipped)), 1)
    store = Store(str(tmp_path / "own"), bundled=shipped)
    put_numbers(store, 1)
    file_of(store, key_of(1)).write_bytes(b"junk")
    with pytest.warns(StoreWarning):
        assert store.get(key_of(1)).meta == {"kind": "n1"}
    (shipped / f"{key_of(1)}.ncviz").write_bytes(b"junk")
    with pytest.warns(StoreWarning):
        assert store.get(key_of(1)) is None
    assert (shipped / f"{key_of(1)}.ncviz").exists()


# Processes

WRITER = """
import sys
import numpy as np
from ncviz.store import Store
folder, key, number = sys.argv[1], sys.argv[2], float(sys.argv[3])
store = Store(folder)
print("ready", flush=True)
sys.stdin.readline()
for _ in range(25):
    store.put(key, {"x": np.full(20_000, number)}, {"number": number})
    record = store.get(key)
    assert record is not None and not store.problems, store.problems
    assert (record.arrays["x"] == record.meta["number"]).all()
"""


@pytest.mark.slow
def test_processes_writing_the_same_key_never_disturb_a_reader(tmp_path):
    command = [sys.executable, "-W", "error", "-c", WRITER, str(tmp_path), key_of(1)]
    writers = [
        subprocess.Popen(
            [*command, str(number)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    store = Store(str(tmp_path))
    while any(writer.poll() is None for writer in writers):
        record = store.get(key_of(1))
        assert record is None or (record.arrays["x"] == record.meta["number"]).all()
    for writer in writers:
        assert writer.communicate(timeout=60)[1] == ""
        assert writer.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == [f"{key_of(1)}.ncviz"]


# What the files are not


def test_nothing_here_unpickles():
    for path in [*(ROOT / "ncviz" / "store").glob("*.py"), ROOT / "ncviz" / "fingerprint.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [alias.name for alias in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
            )
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"} & {
                name.split(".")[0] for name in names
            }, path
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id in {"np", "numpy"}
            ):
                assert node.attr not in {"load", "save", "savez"}, path


def test_the_store_needs_no_torch_and_no_streamlit():
    code = "import sys, ncviz.store, ncviz.jobs; assert not {'torch', 'streamlit'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)
