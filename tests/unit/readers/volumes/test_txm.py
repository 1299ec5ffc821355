from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spallmap.errors import InputError
from spallmap.readers import open_image, open_volume, probe_image
from tests.unit.readers.volumes.ole_writer import write_ole
from tests.unit.readers.volumes.volume_files import (
    FUZZ_EXAMPLES,
    opened_or_refused,
    txm_streams,
    volume,
)


def test_more_than_a_hundred_slices_of_a_txm_stand_in_several_storages(tmp_path):
    data = volume("float32", (203, 4, 5))
    write_ole(tmp_path / "a.txm", txm_streams(data))
    np.testing.assert_array_equal(open_image(tmp_path / "a.txm", "xct").data, data)


def test_projections_of_a_zeiss_microscope_are_refused_in_words(tmp_path):
    write_ole(tmp_path / "a.txrm", txm_streams(volume()))
    with pytest.raises(InputError, match=r"a\.txrm: found projections"):
        probe_image(tmp_path / "a.txrm", "xct")


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("ImageData1/Image5", None, "ImageData1/Image5.*nothing"),
        ("ImageData1/Image5", b"short", "ImageData1/Image5.*5 bytes"),
        ("ImageInfo/DataType", b"\x07\0\0\0", "DataType.*7"),
        ("ImageInfo/ImageWidth", None, "ImageWidth"),
        ("ImageInfo/ImageWidth", b"\x07", "ImageWidth"),
    ],
)
def test_a_txm_that_lacks_something_is_reported_with_the_stream(tmp_path, name, content, found):
    streams = {**txm_streams(volume()), name: content}
    write_ole(tmp_path / "a.txm", {k: v for k, v in streams.items() if v is not None})
    with pytest.raises(InputError, match=rf"a\.txm.*{found}"):
        open_image(tmp_path / "a.txm", "xct")


def test_a_txm_without_pixel_size_needs_one(tmp_path):
    write_ole(tmp_path / "a.txm", txm_streams(volume(), 0.0))
    assert probe_image(tmp_path / "a.txm", "xct").spacing_um is None
    (tmp_path / "b.txm").write_bytes(b"no OLE")
    with pytest.raises(InputError, match=r"b\.txm.*OLE"):
        probe_image(tmp_path / "b.txm", "xct")


def entry_of(content, name):
    """Where the directory entry of a stream stands; the writer puts names into entries of 128 bytes."""
    at = content.find((name + "\0").encode("utf-16-le"))
    assert at > 0
    return at


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ImageInfo/NoOfImages", 10**9),
        ("ImageInfo/NoOfImages", 12),
        ("ImageInfo/NoOfImages", 0),
        ("ImageInfo/ImageWidth", 0xFFFFFFFF),
        ("ImageInfo/ImageHeight", 0),
        ("ImageInfo/ImageHeight", 10),
    ],
)
def test_numbers_that_lie_are_refused_at_once(tmp_path, name, value):
    write_ole(tmp_path / "a.txm", {**txm_streams(volume()), name: struct.pack("<I", value)})
    with pytest.raises(InputError, match=r"a\.txm"):
        open_image(tmp_path / "a.txm", "xct")


def test_chains_of_sectors_that_bite_their_tail_or_meet_are_refused(tmp_path):
    data = volume("uint16", (3, 70, 70))  # three sectors of 4096 bytes for a slice
    path = tmp_path / "a.txm"
    write_ole(path, txm_streams(data))
    np.testing.assert_array_equal(open_image(path, "xct").data, data)
    content = bytearray(path.read_bytes())
    (table,) = struct.unpack_from("<I", content, 76)
    first = 4096 * (table + 1)  # the table of sectors; the first slice takes sectors 0 to 2
    assert struct.unpack_from("<3I", content, first) == (1, 2, 0xFFFFFFFE)
    for sectors, found in (
        ((0, 0, 0), "sector 0, which belongs"),
        ((4, 2, 0xFFFFFFFE), "sector 4, which belongs"),
    ):
        changed = bytearray(content)
        struct.pack_into("<3I", changed, first, *sectors)
        path.write_bytes(changed)
        with pytest.raises(InputError, match=rf"a\.txm.*{found}"), open_volume(path):
            pass


def test_a_size_beyond_the_file_is_refused(tmp_path):
    path = tmp_path / "a.txm"
    write_ole(path, txm_streams(volume()))
    content = bytearray(path.read_bytes())
    for name in ("ImageWidth", "Image4"):
        changed = bytearray(content)
        struct.pack_into("<Q", changed, entry_of(content, name) + 120, 1 << 40)
        path.write_bytes(changed)
        with pytest.raises(InputError, match=rf"a\.txm, stream .*{name}.*1099511627776 bytes"):
            open_image(path, "xct")


@pytest.mark.parametrize("size", [4660.0, 1e-4, float("nan"), -4.66, float("inf")])
def test_a_pixel_size_that_no_microscope_has_is_refused(tmp_path, size):
    write_ole(tmp_path / "a.txm", txm_streams(volume(), size))
    with pytest.raises(InputError, match=r"stream 'ImageInfo/PixelSize'"):
        open_image(tmp_path / "a.txm", "xct")
    assert open_image(tmp_path / "a.txm", "xct", 4.66).spacing_um == (4.66,) * 3


@settings(max_examples=FUZZ_EXAMPLES, deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), min_size=1, max_size=8),
    words=st.lists(
        st.tuples(st.integers(0, 1 << 14), st.sampled_from([0, 1, 0xFFFFFFFE, 0xFFFFFFFF])), max_size=3
    ),
    cut=st.integers(0, 1 << 17),
)
def test_nothing_but_input_errors_comes_out_of_any_compound_file(tmp_path_factory, changes, words, cut):
    path = tmp_path_factory.getbasetemp() / "fuzz.txm"
    write_ole(path, txm_streams(volume()))
    content = bytearray(path.read_bytes())
    for position, value in changes:
        content[position % len(content)] = value
    for position, value in words:
        struct.pack_into("<I", content, 4 * (position % (len(content) // 4)), value)
    path.write_bytes(content[: cut or None] if cut < len(content) else content)
    opened_or_refused(path)
