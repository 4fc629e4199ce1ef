"""What a TIFF says of itself before its decoder believes it."""

import io
import struct

import pytest
from PIL import Image

from ncviz.data.image_layout import check_layout


def tiff(*entries, rows=1, size=0):
    """A TIFF of nothing but its tags: (tag, kind, count, value)."""
    entries = ((256, 4, 1, 8), (257, 4, 1, rows), *entries)
    tags = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + tags + bytes(4 + size)


@pytest.mark.parametrize("kind", [1, 6, 8, 9, 13, 16])
def test_sides_of_a_tile_count_in_whatever_kind_they_are(kind):
    with pytest.raises(ValueError, match="tile width is no whole number"):
        check_layout(tiff((322, kind, 1, 60_000), (323, kind, 1, 60_000)))
    with pytest.raises(ValueError, match="tiles have"):
        check_layout(tiff((322, 4, 1, 60_000), (323, 4, 1, 60_000)))


def test_layers_beside_the_pixels_pass_and_bytes_that_tags_share_do_not():
    check_layout(tiff((37724, 7, 12_000_000, 100), size=12_000_000))
    with pytest.raises(ValueError, match="says more beside"):
        check_layout(tiff(*((60_000 + number, 7, 9_000_000, 100) for number in range(4)), size=9_000_000))
    with pytest.raises(ValueError, match="says more beside"):
        check_layout(tiff((60_000, 4, 3_000_000, 100), size=12_000_000))


def test_a_strip_of_each_row_passes_and_more_strips_than_rows_do_not():
    check_layout(tiff((273, 4, 12_000, 100), (279, 4, 12_000, 100), rows=12_000, size=96_000))
    for rows, count in ((8, 12_000), (120_000, 120_000)):
        with pytest.raises(ValueError, match="cut into"):
            check_layout(tiff((273, 4, count, 100), rows=rows))


@pytest.mark.parametrize("options", [{}, {"compression": "tiff_lzw"}, {"compression": "jpeg"}])
def test_what_pillow_writes_passes(options):
    file = io.BytesIO()
    Image.new("RGB", (300, 200)).save(file, "TIFF", **options)
    check_layout(file.getvalue())
