"""Files made to harm: each must end in one ModelError, having run nothing and reserved nothing."""

import io
import json
import os
import pickle
import struct
import threading
import zipfile
from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from ncviz.errors import ModelError
from ncviz.limits import LIMITS
from ncviz.models import files
from ncviz.models.catalogue.architectures import build_seeded
from ncviz.models.files.state_dict import archive
from ncviz.models.files.state_dict.rewriting import rewrite_pickle
from ncviz.models.loading import load_checkpoint, save_checkpoint

NAME = "mlp-digits-relu"


def torch_bytes(value, **options):
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


GOOD = torch_bytes(build_seeded(NAME, 1).state_dict())
BUFFER = io.BytesIO()
save_checkpoint(build_seeded(NAME, 1), BUFFER)
GOOD_SAFETENSORS = BUFFER.getvalue()


def refusal(content, architecture=NAME):
    with pytest.raises(ModelError) as caught:
        load_checkpoint(content, architecture)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 400
    return message


def zip_of(entries, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as packed:
        for name, data in entries:
            packed.writestr(name, data)
    return buffer.getvalue()


def changed(change, compression=zipfile.ZIP_STORED):
    """A good checkpoint whose entries went through ``change(name, data)``, which may drop them by None."""
    with zipfile.ZipFile(io.BytesIO(GOOD)) as good:
        entries = [(name, change(name, good.read(name))) for name in good.namelist()]
    return zip_of([(name, data) for name, data in entries if data is not None], compression)


def with_pickle(data):
    return changed(lambda name, old: data if name.endswith("data.pkl") else old)


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("is_zip", [True, False])
@pytest.mark.parametrize(
    "wrap", [lambda evil: evil, lambda evil: {"1.weight": evil}, lambda evil: {"epoch": evil}]
)
def test_code_is_never_run(tmp_path, is_zip, wrap):
    target = tmp_path / "pwned"
    message = refusal(torch_bytes(wrap(Evil(target)), _use_new_zipfile_serialization=is_zip))
    assert not target.exists()
    if is_zip:
        assert f"`{os.system.__module__}.system`" in message
        assert "runs nothing" in message
    with pytest.raises(ModelError):
        load_checkpoint(pickle.dumps(wrap(Evil(target))), NAME)
    assert not target.exists()


def test_the_trap_would_have_worked(tmp_path):
    pickle.loads(pickle.dumps(Evil(tmp_path / "pwned")))
    assert (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    "instructions",
    [
        b"\x80\x02cbuiltins\neval\n(X\x01\x00\x00\x001tR.",
        b"\x80\x02cbuiltins\nbytearray\n(\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x0ftR.",
        b"\x80\x02ctorch\nFloatTensor\n(\x8a\x05\x00\x00\x00\x00\x7ftR.",
        b"\x80\x02(ios\nsystem\n.",
    ],
)
def test_calls_outside_a_state_dict_are_named(instructions):
    assert "it refers to `" in refusal(with_pickle(instructions))


@pytest.mark.parametrize(
    "call",
    [
        b"ctorch.storage\nTypedStorage\nJ\x00\x94\x35\x77\x85R",
        b"ctorch\nFloatStorage\nJ\x00\x94\x35\x77\x85R",
        b"ctorch.storage\nUntypedStorage\nJ\x00\x94\x35\x77\x85\x81",
        b"ccollections\nOrderedDict\n](K\x01K\x02\x86e\x85R",
    ],
)
def test_calls_that_reserve_memory_or_copy_are_not_made(call):
    with pytest.raises(ModelError, match="is damaged"):
        rewrite_pickle(b"\x80\x02}X\x01\0\0\0a" + call + b"s.", "it")


def test_many_names_for_few_tensors():
    # Each name takes a few bytes of the file, and time for every architecture.
    one = torch.ones(1)
    assert "more than 10,000 tensors" in refusal(torch_bytes({str(at): one for at in range(10_001)}))


def test_pickled_module_is_told_how_to_save():
    message = refusal(torch_bytes(build_seeded(NAME, 1)))
    assert "refers to `torch.nn.modules.container.Sequential`" in message
    assert "torch.onnx.export(net, (images,), 'net.onnx')" in message
    assert "torch.save(net.state_dict(), path)" in message


def test_tuples_nested_to_overflow_the_stack():
    deep = b"\x80\x02})" + b"\x85" * 1_000_000 + b"K\x01s."
    failures = []

    def attempt():
        try:
            load_checkpoint(with_pickle(deep), NAME)
        except ModelError as error:
            failures.append(str(error))

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    assert "nested values" in failures[0]


def test_pickle_of_many_bytes():
    assert "describes its tensors in" in refusal(with_pickle(b"\x80\x02" + b"N0" * 2_500_000 + b"}."))


def test_other_protocols():
    assert "pickle protocol 6, expected 2 to 5" in refusal(with_pickle(b"\x80\x06}."))


@pytest.mark.parametrize("size", [(10**6, 10**6), (32, 64), (2**31, 2**31)])
def test_strides_bomb(size):
    bomb = build_seeded(NAME, 1).state_dict()
    tiny = torch.ones(1)
    bomb["1.weight"] = tiny.as_strided(size, (0, 0))
    content = torch_bytes(bomb)
    assert len(content) < 20_000
    message = refusal(content)
    assert "`1.weight` in The checkpoint claims" in message or "cannot be read" in message


def test_storage_that_the_file_does_not_hold():
    content = changed(lambda name, data: data[:8] if name.endswith("data/0") else data)
    assert "cannot be read as a PyTorch checkpoint" in refusal(content)
    content = changed(lambda name, data: None if name.endswith("data/0") else data)
    assert "cannot be read as a PyTorch checkpoint" in refusal(content)


def test_zip_bomb_by_ratio():
    state = {**build_seeded(NAME, 1).state_dict(), "1.weight": torch.zeros(5_000_000)}
    with zipfile.ZipFile(io.BytesIO(torch_bytes(state))) as packed:
        bomb = zip_of([(name, packed.read(name)) for name in packed.namelist()], zipfile.ZIP_DEFLATED)
    assert len(bomb) < 100_000
    assert "holds an entry that grows from" in refusal(bomb)


def test_zip_bomb_by_size(monkeypatch):
    monkeypatch.setattr(archive, "LIMITS", replace(LIMITS, file_bytes=len(GOOD) // 2))
    assert "would grow to" in refusal(changed(lambda name, data: data, zipfile.ZIP_DEFLATED))


def test_zip_whose_directory_lies_about_the_size():
    content = bytearray(changed(lambda name, data: data * 1000 if name == "archive/version" else data, 8))
    directory = content.index(b"PK\x01\x02")
    for entry in range(directory, len(content) - 46):
        if content[entry : entry + 4] == b"PK\x01\x02":
            content[entry + 24 : entry + 28] = struct.pack("<I", 7)
    assert "damaged or incomplete zip archive" in refusal(bytes(content))


def test_zip_of_many_entries():
    assert "at most 10,000 are read" in refusal(zip_of([(f"archive/{i}", b"") for i in range(10_001)]))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_zip_with_two_entries_of_one_name():
    assert "overlap" in refusal(
        zip_of([("archive/data.pkl", b"\x80\x02}."), ("archive/data.pkl", b"\x80\x02}.")])
    )


def test_encrypted_zip():
    content = bytearray(GOOD)
    directory = content.index(b"PK\x01\x02")
    content[directory + 8] |= 1
    assert "encrypted" in refusal(bytes(content))


def test_recompressed_checkpoint_is_read():
    net = load_checkpoint(changed(lambda name, data: data, zipfile.ZIP_DEFLATED), NAME)
    assert torch.equal(net[1].weight, build_seeded(NAME, 1)[1].weight)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (zip_of([("word/document.xml", b"<w/>")]), "no PyTorch checkpoint"),
        (zip_of([]), "no checkpoint"),
        (zip_of([("archive/data.pkl", b"")]), "damaged"),
        (zip_of([("archive/data.pkl", b"\x80\x02}.")]), "cannot be read as a PyTorch checkpoint"),
        (b"", "is empty"),
        (b"import torch\nprint('hello')\n", "is no checkpoint, expected a .pt"),
        ("Gewichte: κ, α".encode("utf-16"), "is no checkpoint"),
        (b"{}", "is no checkpoint"),
        (b'{"a": [ {"b": "a JSON file that is no safetensors"}]}', "announces a header of"),
        (b"PK\x03\x04", "damaged or incomplete zip"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 100, "is no checkpoint"),
    ],
)
def test_other_files(content, expected):
    assert expected in refusal(content)


def test_torchscript():
    content = zip_of(
        [("net/data.pkl", b"\x80\x02}."), ("net/constants.pkl", b"\x80\x02)."), ("net/version", b"3")]
    )
    assert "TorchScript" in refusal(content)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "make",
    [
        lambda tensor: tensor.to_sparse(),
        lambda tensor: tensor.to_sparse_csr(),
        lambda tensor: torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8),
        lambda tensor: tensor.to("meta"),
        lambda tensor: torch.nested.nested_tensor([tensor, tensor[:1]]),
    ],
)
def test_tensors_that_are_not_dense(make):
    state = build_seeded(NAME, 1).state_dict()
    state["1.weight"] = make(state["1.weight"])
    assert "sparse, quantised or without data" in refusal(torch_bytes(state))


def test_too_large_file(monkeypatch, tmp_path):
    monkeypatch.setattr(files.content, "LIMITS", replace(LIMITS, file_bytes=len(GOOD) - 9))
    path = tmp_path / "large.pt"
    path.write_bytes(GOOD)
    for source in (path, GOOD, io.BytesIO(GOOD)):
        message = refusal(source)
        assert f"at most {(len(GOOD) - 9) / 1e6:,.0f} MB are read" in message
        assert "without the optimiser's states" in message
        assert "file_bytes in ncviz/limits.py" in message
    assert f"has {len(GOOD) / 1e6:,.1f} MB" in refusal(path)


def test_unreadable_source():
    closed = io.BytesIO()
    closed.close()
    assert "cannot be read (ValueError)" in refusal(closed)


def header(value):
    text = json.dumps(value).encode() if not isinstance(value, bytes) else value
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    "content",
    [
        header({"1.weight": {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 4 * 10**12]}})
        + b"\0" * 16,
        header({"1.weight": {"dtype": "F32", "shape": [32, 64], "data_offsets": [0, 16]}}) + b"\0" * 16,
        header({"1.weight": {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 0]}}),
        header({"1.weight": {"dtype": "F32", "shape": [0, 2**62], "data_offsets": [0, 0]}}),
        header({"1.weight": {"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]}}) + b"\0" * 16,
        header({"1.weight": {"dtype": "F99", "shape": [4], "data_offsets": [0, 16]}}) + b"\0" * 16,
        header({"1.weight": [1, 2]}),
        header(b"{" + b"[" * 100_000),
        header(b"{\xff\xfe}"),
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 5_000_000) + b"{" + b" " * 5_000_000,
        GOOD_SAFETENSORS[:-1],
        GOOD_SAFETENSORS + b"\0",
    ],
)
def test_lying_safetensors(content):
    refusal(content)


@pytest.mark.parametrize("content", [GOOD, GOOD_SAFETENSORS])
def test_truncated_anywhere(content):
    for length in range(0, len(content), 97):
        refusal(content[:length])


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=400), st.sampled_from([b"", b"PK\x03\x04", b"\x80\x02", struct.pack("<Q", 20) + b"{"])
)
def test_random_bytes(junk, start):
    refusal(start + junk)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200))
def test_random_pickles(junk):
    refusal(with_pickle(b"\x80\x02" + junk))


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=300, deadline=None)
@given(st.sampled_from([GOOD, GOOD_SAFETENSORS]), st.data())
def test_flipped_bytes_load_or_are_refused(content, data):
    position = data.draw(st.integers(0, 1500) | st.integers(0, len(content) - 1))
    flipped = bytearray(content)
    flipped[position] = data.draw(st.integers(0, 255))
    try:
        net = load_checkpoint(bytes(flipped), NAME)
    except ModelError:
        return
    assert isinstance(net, nn.Sequential)


@pytest.mark.parametrize("packing", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_packings_that_reserve_memory_as_they_ask_are_refused(packing):
    assert "packed by a method other than deflate" in refusal(changed(lambda name, data: data, packing))
