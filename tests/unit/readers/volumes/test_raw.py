from __future__ import annotations

import gzip
import shutil
import struct
import tempfile
import zlib

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from spallmap.readers.volumes import raw
from tests.unit.readers.volumes.volume_files import LAYOUTS, volume


@pytest.mark.parametrize("layout", ["mhd", "nhdr", "vgi", "mhd compressed", "nhdr compressed"])
def test_a_missing_raw_file_is_named(tmp_path, layout):
    path, _ = LAYOUTS[layout](tmp_path, volume())
    (other,) = (p for p in tmp_path.iterdir() if p != path)
    other.unlink()
    for call in (probe_image, open_image):
        with pytest.raises(InputError, match=rf"{path.name}.*no file.*{other.name}"):
            call(path, "xct", 1.0)


@pytest.mark.parametrize("layout", ["mhd", "nhdr", "vgi"])
def test_a_raw_file_of_another_size_is_reported_with_both_sizes(tmp_path, layout):
    path, _ = LAYOUTS[layout](tmp_path, volume())
    (other,) = (p for p in tmp_path.iterdir() if p != path)
    size = other.stat().st_size
    other.write_bytes(other.read_bytes() + b"more")
    with pytest.raises(InputError, match=rf"{other.name}: found {size + 4} bytes; allowed: {size} bytes"):
        probe_image(path, "xct", 1.0)


SHAPE = (11, 30, 40)
PACKED = ["mhd compressed", "nhdr compressed", "mha compressed", "nrrd compressed", "nii.gz"]


@pytest.mark.parametrize("layout", PACKED)
def test_a_stream_without_end_is_unpacked_no_further_than_announced(tmp_path, monkeypatch, layout):
    path, _ = LAYOUTS[layout](tmp_path, volume(shape=SHAPE))
    bulk = max(tmp_path.iterdir(), key=lambda p: p.stat().st_size)
    head = b"" if bulk != path or layout == "nii.gz" else path.read_bytes().split(b"LOCAL\n")[0]
    if layout == "nrrd compressed":
        head = path.read_bytes().split(b"\n\n")[0] + b"\n\n"
    elif head:
        head += b"LOCAL\n"
    packer = zlib.compressobj(9, zlib.DEFLATED, 15 if layout.startswith("mh") else 31)
    if layout == "nii.gz":
        packer_head = gzip.decompress(path.read_bytes())[:352]
    else:
        packer_head = b""
    zeros = bytes(1 << 24)
    stream = (
        packer.compress(packer_head) + b"".join(packer.compress(zeros) for _ in range(16)) + packer.flush()
    )
    bulk.write_bytes(head + stream)
    written = []
    original = tempfile.TemporaryFile

    def counted(**options):
        file = original(**options)
        written.append(file)
        return file

    monkeypatch.setattr(tempfile, "TemporaryFile", counted)
    monkeypatch.setattr(raw, "_check_room", lambda _layout: None)
    with pytest.raises(InputError, match=rf"{bulk.name}.*bytes or more when unpacked; allowed: \d+ bytes"):
        open_image(path, "xct", 5.0)
    assert len(written) == 1


@pytest.mark.parametrize("layout", PACKED)
def test_more_than_compressed_bytes_can_hold_is_refused_at_once(tmp_path, layout):
    path, _ = LAYOUTS[layout](tmp_path, np.zeros((40, 30, 20), np.uint16))
    if layout == "nii.gz":
        content = bytearray(gzip.decompress(path.read_bytes()))
        content[42:48] = struct.pack("<3h", 20_000, 30_000, 30_000)
        path.write_bytes(gzip.compress(content))
    else:
        content = path.read_bytes()
        assert b"20 30 40" in content
        path.write_bytes(content.replace(b"20 30 40", b"20000 30000 30000"))
    for call in (probe_image, open_image):
        with pytest.raises(InputError, match=r"scan.*(announces 36\d+ bytes of samples in|at most 1074 MB)"):
            call(path, "xct", 5.0)


def test_a_disk_without_room_is_reported_before_anything_is_unpacked(tmp_path, monkeypatch):
    path, _ = LAYOUTS["mha compressed"](tmp_path, volume())
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=1000))
    with pytest.raises(InputError, match=r"scan\.mha.*1386 bytes into .*1000 bytes are free.*TMPDIR"):
        open_image(path, "xct", 5.0)


@pytest.mark.parametrize("layout", ["mha compressed", "nii.gz", "nrrd compressed"])
def test_several_streams_and_bytes_behind_the_last_are_read(tmp_path, layout):
    data = volume(shape=SHAPE)
    path, _ = LAYOUTS[layout](tmp_path, data)
    path.write_bytes(path.read_bytes() + b"padding")
    np.testing.assert_array_equal(open_image(path, "xct", 5.0).data, data)
    if layout == "nii.gz":
        content = gzip.decompress(path.read_bytes()[:-7])
        path.write_bytes(b"".join(gzip.compress(content[k : k + 5000]) for k in range(0, len(content), 5000)))
        np.testing.assert_array_equal(open_image(path, "xct", 5.0).data, data)


@pytest.mark.parametrize("cut", [1, 4, 7])
def test_a_stream_that_lost_its_checksum_is_refused(tmp_path, cut):
    path, _ = LAYOUTS["nii.gz"](tmp_path, volume(shape=SHAPE))
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(InputError, match=r"scan\.nii\.gz: found a stream that is cut behind the last voxel"):
        open_image(path, "xct", 5.0)


@pytest.mark.parametrize("layout", ["mha", "nrrd", "nii", "mhd", "nhdr", "vgi"])
@pytest.mark.parametrize("change", [-1, 1, 100])
def test_a_file_that_is_larger_or_smaller_than_announced_is_refused(tmp_path, layout, change):
    path, _ = LAYOUTS[layout](tmp_path, volume(shape=SHAPE))
    bulk = max(tmp_path.iterdir(), key=lambda p: p.stat().st_size)
    content = bulk.read_bytes()
    bulk.write_bytes(content[:change] if change < 0 else content + bytes(change))
    # NIfTI's header is held to its file before the voxels are
    words = rf"(found \d+ bytes; allowed: \d+ bytes, as {path.name}|announces \d+ bytes .* in \d+ bytes)"
    with pytest.raises(InputError, match=rf"{bulk.name}: .*{words}"):
        probe_image(path, "xct", 5.0)


def test_a_large_volume_that_packs_better_than_any_tomogram_is_refused_unpacked(tmp_path):
    path = tmp_path / "a.nrrd"
    head = "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 2048 1024 1024\nencoding: gzip\n\n"
    path.write_bytes(head.encode() + bytes(3_000_000))
    with pytest.raises(
        InputError, match=r"3000000 compressed bytes for 2147483648, 716 for one.*at most 100"
    ):
        probe_image(path, "xct", 5.0)
