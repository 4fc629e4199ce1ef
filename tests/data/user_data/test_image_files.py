"""Zips, folders and single images of the user's own, well-meant and hostile."""

import io
import os
import stat
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest

from ncviz.data.image_settings import ImageSettings
from ncviz.data.images import read_image
from ncviz.data.user_data import image_files, zip_archives
from ncviz.data.user_data.image_files import read_images, read_tree, read_zip
from ncviz.data.user_data.uploads import read_uploads, shared_size
from ncviz.errors import CancelledError, DataError
from tests.examples.image_files import SMALL, image_file, npy_of, npz_of, pixels, tree, zip_of


def refusal(content, match, settings=SMALL):
    with pytest.raises(DataError, match=match) as caught:
        read_zip(content, settings, "pets.zip")
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


def write(root, files):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


LAYOUTS = {
    "flat": ([""], (), {"all": None}),
    "one folder": (["holiday"], (), {"all": None}),
    "classes": (["cat", "dog"], ("cat", "dog"), {"all": [0, 0, 1, 1]}),
    "wrapped": (["pets/dog", "pets/cat"], ("cat", "dog"), {"all": [0, 0, 1, 1]}),
    "splits": (
        ["train/a", "train/b", "test/b"],
        ("a", "b"),
        {"train": [0, 0, 1, 1], "test": [1, 1]},
    ),
    "wrapped splits": (["x/y/Training/a", "x/y/valid/b"], ("a", "b"), {"train": [0, 0], "test": [1, 1]}),
    "test alone": (["test/a", "test/b"], ("a", "b"), {"all": [0, 0, 1, 1]}),
    "splits without classes": (["train", "val"], (), {"train": None, "test": None}),
    "one class below a split": (["train/a"], ("a",), {"all": [0, 0]}),
}


@pytest.mark.parametrize(("folders", "classes", "labels"), LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("way", ["zip", "stored", "folder"])
def test_layouts(tmp_path, folders, classes, labels, way):
    files, arrays = tree(folders)
    if way == "folder":
        own = read_tree(write(tmp_path, files), SMALL, "mine")
    else:
        own = read_zip(
            zip_of(files, zipfile.ZIP_STORED if way == "stored" else zipfile.ZIP_DEFLATED), SMALL, "mine"
        )
    assert own.classes == classes
    assert {
        split: None if part.labels is None else part.labels.tolist() for split, part in own.parts.items()
    } == labels
    stands_for = {"training": "train", "valid": "test", "val": "test"}
    for split, part in own.parts.items():
        folders_above = [path.lower().split("/")[:-1] for path in sorted(files)]
        chosen = [
            split == "all" or split in [stands_for.get(folder, folder) for folder in above]
            for above in folders_above
        ]
        assert np.array_equal(part.images, arrays[chosen])


def test_validation_beside_test_is_left_out_and_said():
    files, _ = tree(["train/a", "val/a", "test/a", "val/b"])
    own = read_zip(zip_of(files), SMALL, "mine")
    assert own.classes == ("a",)
    assert set(own.parts) == {"train", "test"}
    assert own.notes == ("4 validation images were left out, since there are test images.",)


def test_clutter_is_passed_over():
    files, arrays = tree(["cat", "dog"])
    clutter = {
        "__MACOSX/cat/._0.png": b"junk",
        "cat/.DS_Store": b"junk",
        "cat/Thumbs.db": b"junk",
        ".hidden/x/y/0.png": b"junk",
        "README.md": b"hello",
        "labels.csv": b"0,1",
    }
    own = read_zip(zip_of({**files, **clutter}), SMALL, "mine")
    assert np.array_equal(own.parts["all"].images, arrays)
    assert own.description("train") == "all 4 images of mine, which serve both to calibrate and to evaluate"


def test_fewer_images_are_drawn_once_and_for_all():
    content = zip_of(tree(["cat", "dog"], per_class=20)[0])
    few, again = (read_zip(content, SMALL, "mine", most=10) for _ in range(2))
    assert few.name == again.name
    assert len(few.parts["all"]) == 10
    assert 0 < few.parts["all"].labels.sum() < 10
    assert few.description("test").startswith("10 of the 40 images")
    for wrong in (0, 1.5):
        with pytest.raises(DataError, match="whole number from 1"):
            read_zip(content, SMALL, "mine", most=wrong)


def test_progress_and_cancel():
    content = zip_of(tree([""], per_class=120)[0])
    said = []
    read_zip(content, SMALL, "mine", progress=lambda fraction, message: said.append((fraction, message)))
    assert said[0] == (0.0, "image 1 of 120")
    assert [fraction for fraction, _ in said] == sorted(fraction for fraction, _ in said)
    assert len(said) == 3

    def stop(fraction, message):
        raise CancelledError

    with pytest.raises(CancelledError):
        read_zip(content, SMALL, "mine", progress=stop)


@pytest.mark.parametrize(
    ("files", "match"),
    [
        ({}, "holds no images, but 0 other files"),
        ({"a.txt": b"x"}, "holds no images, but 1 other files"),
        ({"a.png": b"x", "cat/a.png": b"x"}, "different depths, such as a.png and cat/a.png"),
        ({"a/cat/1.png": b"x", "b/dog/1.png": b"x"}, "nested too deep"),
        ({"cat/a.png": b"junk", "dog/b.png": b"junk"}, "image cat/a.png cannot be read"),
        ({"cat/a.png": b"", "dog/b.png": b""}, "image cat/a.png cannot be read"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, files, match):
    refusal(zip_of(files), match)
    with pytest.raises(DataError, match=match):
        read_tree(write(tmp_path, files), SMALL)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9])
def test_a_truncated_image_is_named(kind, cut):
    content = image_file(pixels(0, (32, 32)), kind)
    with pytest.raises(DataError, match="The image cat/1 cannot be read"):
        read_image(content[: int(cut * len(content))], "cat/1", ImageSettings(size=(32, 32)))


def test_an_image_that_is_something_else_is_not_opened():
    file = io.BytesIO()
    from PIL import Image

    Image.new("RGB", (8, 8)).save(file, "PPM")
    with pytest.raises(DataError, match="none of PNG, JPEG, BMP"):
        read_image(file.getvalue(), "a.png", SMALL)


def huge_png(width, height):
    """A PNG whose header declares a size that its few bytes never had."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0"))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(30_000, 30_000), (2**31 - 1, 2**31 - 1), (100_000_000, 1)])
def test_a_huge_declared_image_costs_no_memory(size):
    content = zip_of({"a.png": huge_png(*size)})
    tracemalloc.start()
    refusal(content, "25,000,000 (are|pixels that are) read")
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


def test_a_line_of_pixels_does_not_grow_without_bounds():
    line = image_file(np.zeros((1, 200_000, 3), dtype=np.uint8))
    with pytest.raises(DataError, match="would grow to"):
        read_image(line, "line.png", ImageSettings(size=(224, 224)))


@pytest.mark.parametrize(
    "name",
    ["../a.png", "/etc/a.png", "cat/../../a.png", "C:/a.png", "cat\\a.png", "a\0b.png", "x" * 400 + ".png"],
)
def test_paths_that_lead_out_are_refused(name):
    content = zip_of({"X" * len(name): image_file(pixels())})
    raw = name.encode()
    assert content.count(b"X" * len(raw)) == 2
    refusal(content.replace(b"X" * len(raw), raw), "holds a path that leads out of it")


def test_an_entry_without_a_name_is_refused():
    # What follows a NUL is cut off.
    content = zip_of({"Q": b"x"}).replace(b"Q", b"\0")
    assert [entry.filename for entry in zipfile.ZipFile(io.BytesIO(content)).infolist()] == [""]
    refusal(content, "leads out of it")


def test_a_name_of_several_lines_is_told_on_one():
    refusal(zip_of({"cat/a\nb.png": b"junk", "cat/c.png": b"junk"}), "The image cat/a b.png cannot be read")
    refusal(zip_of({"cat/a\nb.png": b"junk", "c.png": b"junk"}), "such as c.png and cat/a b.png")


def test_links_are_refused(tmp_path):
    entry = zipfile.ZipInfo("a.png")
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    refusal(file.getvalue(), "holds a link")

    secret = tmp_path / "secret.png"
    secret.write_bytes(image_file(pixels()))
    root = write(tmp_path / "mine", {"cat/a.png": image_file(pixels()), "dog/a.png": image_file(pixels())})
    (root / "dog" / "b.png").symlink_to(root / "cat" / "a.png")
    assert len(read_tree(root, SMALL).parts["all"]) == 3
    (root / "dog" / "c.png").symlink_to(secret)
    with pytest.raises(DataError, match="link that leads out of it"):
        read_tree(root, SMALL)
    (root / "dog" / "c.png").unlink()
    (root / "bird").symlink_to(tmp_path, target_is_directory=True)
    assert len(read_tree(root, SMALL).parts["all"]) == 3


def test_a_bomb_is_refused_before_it_is_unpacked():
    content = zip_of({"a.png": b"\0" * 50_000_000})
    tracemalloc.start()
    refusal(content, "grows from .* at most 50-fold is read")
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


def test_many_small_bombs_are_refused(monkeypatch):
    content = zip_of({f"{number}.png": b"\0" * 900_000 for number in range(500)})
    refusal(content, "would grow to 450 MB")


def test_lying_sizes_do_not_grow():
    packed = zip_of({"a.png": b"\0" * 50_000_000})
    at = packed.rindex(b"PK\x01\x02")
    lying = packed[: at + 24] + struct.pack("<I", 1000) + packed[at + 28 :]
    tracemalloc.start()
    refusal(lying, "is damaged|cannot be read")
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


def test_overlapping_entries_are_refused():
    content = zip_of({"a.png": image_file(pixels(0)), "b.png": image_file(pixels(1))}, zipfile.ZIP_STORED)
    first, second = content.index(b"PK\x01\x02"), content.rindex(b"PK\x01\x02")
    crafted = bytearray(content)
    crafted[second + 42 : second + 46] = content[first + 42 : first + 46]
    refusal(bytes(crafted), "entries overlap|damaged")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.png", image_file(pixels(0)))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.png", image_file(pixels(1)))
    refusal(file.getvalue(), "two entries of one name")


def test_too_many_entries_are_refused_before_the_directory_is_read(monkeypatch):
    monkeypatch.setattr(zip_archives, "LIMITS", zip_archives.LIMITS.__class__(images=10))
    content = zip_of({f"{number}.png": b"" for number in range(21)})
    monkeypatch.setattr(zip_archives.zipfile, "ZipInfo", lambda *_: pytest.fail("parsed"))
    refusal(content, "more than 20 entries")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_packing_is_refused(method):
    refusal(zip_of({"a.png": image_file(pixels())}, method), "other than deflate")


def test_encrypted_is_refused():
    content = bytearray(zip_of({"a.png": image_file(pixels())}))
    at = content.index(b"PK\x01\x02")
    content[at + 8] |= 1
    refusal(bytes(content), "encrypted")


@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04" + b"\0" * 100, b"PK\x05\x06" + b"\xff" * 18])
def test_no_zip_is_one_sentence(content):
    refusal(content, "damaged or incomplete zip archive|holds no images")


def test_a_damaged_entry_is_named():
    content = bytearray(zip_of({"cat/a.png": image_file(pixels(0, (32, 32)))}, zipfile.ZIP_STORED))
    content[200] ^= 0xFF
    refusal(bytes(content), "cat/a.png in pets.zip is damaged")


def test_files_and_sets_that_are_too_large(monkeypatch, tmp_path):
    content = zip_of(tree([""], per_class=3)[0])
    with pytest.raises(DataError, match="larger than the 0 MB"):
        zip_archives.read_source(content, "pets.zip", 10)
    monkeypatch.setattr(image_files, "LIMITS", image_files.LIMITS.__class__(image_values=2 * 3 * 64))
    refusal(content, r"has 3 images, at 3 × 8 × 8 at most 2 are held at once")
    with pytest.raises(DataError, match="3 images, at 3 × 8 × 8"):
        read_images([(f"{number}.png", image_file(pixels())) for number in range(3)], SMALL)
    monkeypatch.setattr(image_files, "LIMITS", image_files.LIMITS.__class__(images=2))
    for number in range(5):
        (tmp_path / f"{number}.txt").touch()
    with pytest.raises(DataError, match="more than 4 files"):
        read_tree(tmp_path, SMALL)


def test_a_path_that_is_no_folder(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    for path in (tmp_path / "missing", tmp_path / "a.png"):
        with pytest.raises(DataError, match="is not a folder that can be read"):
            read_tree(path, SMALL)
    with pytest.raises(DataError, match="cannot be read .*check the path"):
        read_zip(tmp_path / "missing.zip", SMALL, "missing.zip")


def test_a_named_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(DataError, match="holds no images"):
        read_tree(tmp_path, SMALL)


def test_single_images():
    files = [(f"{number}.png", image_file(pixels(number))) for number in range(3)]
    own = read_images(files, SMALL)
    assert not own.has_labels
    assert own.title == "3 images"
    assert np.array_equal(own.parts["all"].images, np.stack([pixels(n).transpose(2, 0, 1) for n in range(3)]))
    own = read_images(files, SMALL, labels={"0.png": "cat", "1.png": "ant", "2.png": "cat"})
    assert own.classes == ("ant", "cat")
    assert own.parts["all"].labels.tolist() == [1, 0, 1]
    with pytest.raises(DataError, match=r"1\.png has no class, but others have"):
        read_images(files, SMALL, labels={"0.png": "cat"})
    with pytest.raises(DataError, match="No image was given"):
        read_images([], SMALL)


def test_whatever_is_dropped_in():
    image = image_file(pixels())
    assert read_uploads([("a.png", image), ("b.JPG", image)], SMALL).title == "2 images"
    assert read_uploads([("a.png", image)], SMALL, label="cat").classes == ("cat",)
    assert read_uploads([("pets.ZIP", zip_of({"a.png": image}))], SMALL).title == "pets.ZIP"
    arrays = np.stack([pixels(number) for number in range(4)])
    assert len(read_uploads([("a.npz", npz_of(x=arrays))], SMALL).parts["all"]) == 4
    labels = ("y.npy", npy_of(np.array([0, 1, 1, 0])))
    own = read_uploads([labels, ("x.npy", npy_of(arrays))], SMALL)
    assert own.parts["all"].labels.tolist() == [0, 1, 1, 0]
    for files in ([("a.zip", b""), ("a.png", image)], [("a.exe", b"x")], [("a.npy", b""), ("b.npz", b"")]):
        with pytest.raises(DataError, match="cannot be read beside the others"):
            read_uploads(files, SMALL)
    with pytest.raises(DataError, match="No image was given"):
        read_uploads([], SMALL)


def test_the_size_that_images_have_in_common():
    image, other = (image_file(pixels(size=size)) for size in ((5, 7), (6, 7)))
    pets = {f"{name}/{at}.png": image for name in ("cat", "dog") for at in range(30)}
    assert shared_size([("pets.zip", zip_of(pets | {"notes.txt": b"none"}))]) == (5, 7)
    assert shared_size([("a.png", image), ("b.png", image)]) == (5, 7)
    assert shared_size([("a.png", image), ("b.png", other)]) is None
    for files in [("pets.zip", b"no zip"), ("pets.zip", zip_of({})), ("a.png", b"no image")]:
        assert shared_size([files]) is None


@pytest.mark.parametrize("name", ["a.npz", "a.png"])
def test_arrays_and_single_images_are_cancelled_as_archives_are(name):
    content = npz_of(x=np.zeros((3, 3, 9, 9), np.uint8)) if name == "a.npz" else image_file(pixels())

    def cancel(done, text):
        raise CancelledError

    with pytest.raises(CancelledError):
        read_uploads([(name, content)], SMALL, progress=cancel)
