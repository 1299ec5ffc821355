"""What is wrong with a tomogram of any format is reported with the file and the position in it."""

from __future__ import annotations

import tempfile

import numpy as np
import pytest

from spallmap.blocks import whole
from spallmap.errors import InputError
from spallmap.readers import open_image, open_volume, probe_image
from tests.unit.readers.volume_files import LAYOUTS, itk, nifti, volume

SINGLE = [name for name in LAYOUTS if not name.startswith(("OME-Zarr", "TIFF folder", "vgi"))]


@pytest.mark.parametrize("layout", SINGLE)
@pytest.mark.parametrize("fraction", [0.3, 0.9])
def test_a_file_that_was_cut_short_is_named(tmp_path, layout, fraction):
    path, _ = LAYOUTS[layout](tmp_path, volume("uint16", (11, 30, 40)))
    bulk = max((p for p in tmp_path.iterdir() if p.is_file()), key=lambda p: p.stat().st_size)
    content = bulk.read_bytes()
    bulk.write_bytes(content[: int(fraction * len(content))])
    with pytest.raises(InputError, match=bulk.name.replace(".", r"\.")):
        open_image(path, "xct", 1.0)


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


@pytest.mark.parametrize("suffix", [".mha", ".nrrd", ".nii.gz"])
def test_a_broken_compressed_stream_is_reported(tmp_path, suffix):
    writer = nifti(suffix) if suffix == ".nii.gz" else itk(suffix, True)
    path, _ = writer(tmp_path, volume("uint16", (11, 30, 40)))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = b"\xff" * 400
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"scan\{suffix}"):
        open_image(path, "xct", 1.0)


def test_no_room_to_unpack_is_reported(tmp_path, monkeypatch):
    path, _ = itk(".mha", True)(tmp_path, volume())
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: (tmp_path / "full").open("w+b", buffering=0))
    (tmp_path / "full").symlink_to("/dev/full")
    with pytest.raises(InputError, match=r"scan\.mha.*No space left.*TMPDIR"):
        open_image(path, "xct")


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    """The unpacked copy of a compressed file goes when the volume is closed."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    path, _ = itk(".mha", True)(tmp_path, volume())
    with open_volume(path) as source:
        np.testing.assert_array_equal(source.data[whole(source.data.shape)], volume())
    assert list(scratch.iterdir()) == []
