from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from spallmap.readers.dicom import bounded_stream, opened_file
from spallmap.readers.dicom.bounded_stream import BoundedStream, InflatedFile
from tests.unit.readers.dicom.dicom_writer import images, write_slice

PIXELS = b"\xe0\x7f\x10\x00"
PRIVATE = struct.pack("<HH2sH", 0x7FDF, 0x1001, b"OB", 0)
SEQUENCE = struct.pack("<HH2sH", 0x5200, 0x9230, b"SQ", 0)
ITEM = b"\xfe\xff\x00\xe0"
UNDEFINED = b"\xff" * 4


def cut_open(path: Path) -> tuple[bytes, bytes]:
    """What stands before the pixel data, and the pixel data."""
    write_slice(path, images(0))
    content = path.read_bytes()
    at = content.index(PIXELS)
    return content[:at], content[at:]


def write_sparse(path: Path, element: bytes, n_zeros: int, *, pixels: bool = True) -> None:
    """Put an element of zeros, which take no room on the disk, before the pixels."""
    head, tail = cut_open(path)
    with path.open("wb") as stream:
        stream.write(head + element)
        stream.seek(n_zeros, io.SEEK_CUR)
        stream.truncate()
        stream.write(tail if pixels else b"")


def deflated(path: Path, insert: bytes, n_zeros: int) -> None:
    """Write the slice deflated, with an element of many zeros in front of its pixels."""
    head, tail = cut_open(path)
    ds = pydicom.dcmread(path)
    ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    ds.save_as(path)
    content = path.read_bytes()
    meta = content[: 144 + struct.unpack("<L", content[140:144])[0]]
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(head[head.index(b"\x08\x00\x16\x00") :] + insert)
    for _ in range(n_zeros >> 20):
        packed += packer.compress(bytes(1 << 20))
    path.write_bytes(meta + packed + packer.compress(tail) + packer.flush())


def test_a_deflated_file_is_read(tmp_path):
    deflated(tmp_path / "a.dcm", b"", 0)
    np.testing.assert_array_equal(open_image(tmp_path, "mri").data[0], images(0))
    content = (tmp_path / "a.dcm").read_bytes()
    for length in range(len(content) - 10, len(content) - 400, -13):
        (tmp_path / "a.dcm").write_bytes(content[:length])
        with pytest.raises(InputError, match=r"a\.dcm"):
            open_image(tmp_path, "mri")


@pytest.mark.parametrize("keyword", ["private", "pixels"])
def test_deflated_data_are_unpacked_no_further_than_an_image_takes(tmp_path, monkeypatch, keyword):
    monkeypatch.setattr(opened_file, "LARGEST_HEADER", 2 << 20)
    n = 8 << 20
    element = {"private": PRIVATE, "pixels": struct.pack("<HH2sH", 0x7FE0, 0x0010, b"OW", 0)}[keyword]
    deflated(tmp_path / "a.dcm", element + struct.pack("<L", n), n)
    for call in (probe_image, open_image):
        with pytest.raises(InputError, match=r"unpack to more than 2097152|8388608 bytes of pixels where"):
            call(tmp_path, "mri")


def test_large_private_values_are_passed_over(tmp_path):
    size = 3_000_000_000
    write_sparse(tmp_path / "a.dcm", PRIVATE + struct.pack("<L", size), size)
    np.testing.assert_array_equal(open_image(tmp_path, "mri").data[0], images(0))


def test_a_value_without_an_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(bounded_stream, "LARGEST_HEADER", 1 << 20)
    write_sparse(tmp_path / "a.dcm", PRIVATE + UNDEFINED, 1_000_000_000, pixels=False)
    with pytest.raises(InputError, match="more than 1048576 bytes of header"):
        probe_image(tmp_path, "mri")
    write_sparse(tmp_path / "a.dcm", PRIVATE + UNDEFINED, 1000, pixels=False)
    with pytest.raises(InputError, match="without Rows and Columns"):
        probe_image(tmp_path, "mri")


def test_a_header_of_zeros_and_of_tiny_elements_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(bounded_stream, "MOST_READS", 20_000)
    write_sparse(tmp_path / "a.dcm", b"", 1_000_000_000)
    with pytest.raises(InputError, match="a header of more than 10000 elements"):
        probe_image(tmp_path, "mri")


@pytest.mark.parametrize("n_items", [100, bounded_stream.MOST_ITEMS + 1])
def test_a_description_of_many_frames_is_refused(tmp_path, n_items):
    head, tail = cut_open(tmp_path / "a.dcm")
    items = (ITEM + bytes(4)) * n_items
    (tmp_path / "a.dcm").write_bytes(head + SEQUENCE + struct.pack("<L", len(items)) + items + tail)
    with pytest.raises(InputError, match=r"descriptions of 100 frames|300000 items"):
        probe_image(tmp_path, "mri")


def test_a_description_that_is_too_large_is_refused(tmp_path):
    head, tail = cut_open(tmp_path / "a.dcm")
    size = bounded_stream.LARGEST_VALUE + 8
    (tmp_path / "a.dcm").write_bytes(head + SEQUENCE + struct.pack("<L", size) + bytes(size) + tail)
    with pytest.raises(InputError, match=f"{size} bytes of descriptions of frames"):
        probe_image(tmp_path, "mri")


@pytest.mark.parametrize("defined", [True, False])
def test_sequences_in_sequences_have_an_end(tmp_path, defined):
    head, tail = cut_open(tmp_path / "a.dcm")
    nested = (SEQUENCE + UNDEFINED + ITEM + UNDEFINED) * 5000
    if defined:
        nested = b""
        for _ in range(2000):
            item = ITEM + struct.pack("<L", len(nested)) + nested
            nested = SEQUENCE + struct.pack("<L", len(item)) + item
    (tmp_path / "a.dcm").write_bytes(head + nested + tail)
    if not defined:
        with pytest.raises(InputError, match="a damaged DICOM"):
            probe_image(tmp_path, "mri")
        return
    # nobody asks for what lies deep in the sequence
    np.testing.assert_array_equal(open_image(tmp_path, "mri").data[0], images(0))


def test_an_inflated_file_can_be_read_in_any_order(tmp_path):
    content = np.random.default_rng(1).integers(0, 20, 100_000).astype(np.uint8).tobytes()
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = io.BytesIO(packer.compress(content) + packer.flush())
    file = InflatedFile(tmp_path, b"before", packed, 1 << 20)
    stream = BoundedStream(tmp_path, file)
    assert stream.read(10) == b"before" + content[:4]
    stream.seek(50_000)
    assert stream.read(5) == content[49_994:49_999]
    stream.seek(-5, io.SEEK_CUR)
    assert (stream.tell(), stream.read(5)) == (50_000, content[49_994:49_999])
    stream.seek(100_000)
    assert stream.read(50) == content[-6:]
    assert stream.read(1) == b""
    with pytest.raises(io.UnsupportedOperation):
        stream.seek(0, io.SEEK_END)
    with pytest.raises(io.UnsupportedOperation):
        file.read()
