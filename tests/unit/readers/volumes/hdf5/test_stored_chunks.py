"""What was never written, and chunks that are not what they say."""

from __future__ import annotations

import resource
import zlib

import h5py
import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers import open_image, open_volume, probe_image
from tests.unit.readers.volumes.volume_files import volume

DATA = volume()
CHUNKS = (4, 9, 7)


@pytest.mark.parametrize("options", [{}, {"compression": "gzip"}, {"fillvalue": 7}])
@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_chunk_that_was_never_written_is_refused(tmp_path, options, missing):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("v", DATA.shape, DATA.dtype, chunks=CHUNKS, **options)
        for k in range(3):
            if k != missing:
                dataset[4 * k : 4 * k + 4] = DATA[4 * k : 4 * k + 4]
    start = 4 * missing
    found = (
        rf"2 of 3 chunks; the rest .* read as {options.get('fillvalue', 0)} \(the first in samples {start} to"
    )
    for call in (probe_image, open_image):
        with pytest.raises(InputError, match=rf"a\.h5, /v: found {found}"):
            call(tmp_path / "a.h5", "xct", 4.66)


@pytest.mark.parametrize("chunks", [None, CHUNKS])
def test_a_dataset_without_any_sample_is_refused(tmp_path, chunks):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("v", (10**6, 10**6, 10**6), "u2", chunks=chunks)
    with pytest.raises(InputError, match=r"0 of \d+ (bytes|chunks); the rest .*never written"):
        probe_image(tmp_path / "a.h5", "xct", 4.66)


def test_a_source_that_was_never_written_is_refused(tmp_path):
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file.create_dataset("v", DATA.shape, DATA.dtype, chunks=CHUNKS)[:4] = DATA[:4]
    layout = h5py.VirtualLayout(DATA.shape, DATA.dtype)
    layout[:] = h5py.VirtualSource("s.h5", "v", DATA.shape)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_virtual_dataset("v", layout)
    with pytest.raises(InputError, match=r"1 of 3 chunks"):
        probe_image(tmp_path / "a.h5", "xct", 4.66)


def test_one_huge_chunk_is_refused_with_what_to_do(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        shape = (4000, 1000, 1000)
        dataset = file.create_dataset("v", shape, "u2", chunks=shape, compression="gzip")
        dataset.id.write_direct_chunk((0, 0, 0), zlib.compress(bytes(1000)))
    with pytest.raises(
        InputError, match=r"chunks of 8000 MB each.*at most 268 MB.*h5repack -l /v:CHUNK=64x64x64"
    ):
        probe_image(tmp_path / "a.h5", "xct", 4.66)


def test_a_chunk_that_holds_more_than_it_announces_is_refused_unpacked(tmp_path):
    packer = zlib.compressobj(9)
    bomb = b"".join([packer.compress(bytes(1 << 24)) for _ in range(32)]) + packer.flush()
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("v", (4, 64, 64), "u2", chunks=(2, 64, 64), compression="gzip")
        dataset[:] = 3
        dataset.id.write_direct_chunk((2, 0, 0), bomb)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open_volume(tmp_path / "a.h5", 4.66) as source:
        assert (source.data[0:2, 0:64, 0:64] == 3).all()
        with pytest.raises(InputError, match=r"slices 1 to 3 \(.* bytes in a chunk of 16384"):
            source.data[1:4, 0:5, 0:5]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_chunks_that_deflate_did_not_help_are_read(tmp_path):
    data = np.random.default_rng(1).integers(0, 65_535, (2, 500, 500)).astype("u2")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("v", data.shape, "u2", chunks=(1, 500, 500), compression="gzip")
        dataset[1] = data[1]
        dataset.id.write_direct_chunk((0, 0, 0), data[0].tobytes(), filter_mask=1)
    np.testing.assert_array_equal(open_image(tmp_path / "a.h5", "xct", 4.66).data, data)


def test_nan_is_refused(tmp_path):
    data = DATA.astype("f4")
    data[5, 2, 2] = np.nan
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["v"] = data
    with open_volume(tmp_path / "a.h5", 4.66) as source:
        assert source.data[0:5, :, :].shape == (5, 9, 7)
        with pytest.raises(InputError, match=r"1 voxels that are no number .* in slices 3 to 6"):
            source.data[3:7, :, :]
