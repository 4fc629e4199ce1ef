"""What the tests of users' own data write: real image files, zips and arrays."""

import io
import zipfile

import numpy as np
from PIL import Image

from ncviz.data.image_settings import ImageSettings

SMALL = ImageSettings(size=(8, 8), channels=3)
GREY = ImageSettings(size=(8, 8), channels=1)


def pixels(seed=0, size=(8, 8), channels=3):
    return np.random.default_rng(seed).integers(0, 256, (*size, channels), dtype=np.uint8)


def image_file(array, kind="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array).save(file, kind, **options)
    return file.getvalue()


def zip_of(files, method=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def tree(folders, per_class=2, size=(8, 8)):
    """Return image files by path, and their pixels [n, 3, H, W] in the order of the paths."""
    files, arrays = {}, {}
    for number, folder in enumerate(folders):
        for index in range(per_class):
            path = f"{folder}/{index}.png" if folder else f"{index}.png"
            arrays[path] = pixels(100 * number + index, size)
            files[path] = image_file(arrays[path])
    return files, np.stack([arrays[path].transpose(2, 0, 1) for path in sorted(arrays)])


def npz_of(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def npy_of(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()
