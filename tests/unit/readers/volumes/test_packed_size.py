from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import zlib
from contextlib import suppress

import imagecodecs
import numcodecs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spallmap.readers.volumes import packed_size
from spallmap.readers.volumes.packed_size import TooLargeError, check_packed
from tests.unit.readers.volumes.volume_files import FUZZ_EXAMPLES

CONTENT = bytes(range(256)) * 40
ENCODERS = {
    "zlib": zlib.compress,
    "gzip": gzip.compress,
    "zstd": lambda content: imagecodecs.zstd_encode(content),
    "lz4": numcodecs.LZ4().encode,
    "blosc": numcodecs.Blosc().encode,
    "bz2": bz2.compress,
    "lzma": lzma.compress,
}


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("n_bytes", [0, 1, 255, 256, 300, 10_240])
def test_what_fits_passes_and_one_byte_more_does_not(monkeypatch, kind, n_bytes):
    monkeypatch.setattr(packed_size, "_HARMLESS", 0)
    packed = bytes(ENCODERS[kind](CONTENT[:n_bytes]))
    check_packed(kind, packed, max(n_bytes, 1))
    if n_bytes > 1:
        with pytest.raises(TooLargeError, match=rf"in a chunk of {n_bytes - 1}"):
            check_packed(kind, packed, n_bytes - 1)


def test_a_frame_of_zstandard_that_does_not_say_its_size_is_unpacked_into_what_is_allowed():
    # a frame without a content size: one raw block of five bytes, the last
    frame = b"\x28\xb5\x2f\xfd" + bytes([0x00, 0x58]) + struct.pack("<I", (5 << 3) | 1)[:3] + b"hello"
    assert imagecodecs.zstd_decode(frame, out=5) == b"hello"
    check_packed("zstd", frame, 5)
    with pytest.raises(ValueError, match="does not fit into 4 bytes"):
        check_packed("zstd", frame, 4)


@pytest.mark.parametrize("kind", ["zstd", "lz4", "blosc"])
def test_a_header_that_is_cut_is_refused(kind):
    with pytest.raises(ValueError, match="cut short"):
        check_packed(kind, b"\x01", 10)


@settings(max_examples=FUZZ_EXAMPLES, deadline=None)
@given(kind=st.sampled_from(sorted(ENCODERS)), packed=st.binary(max_size=60), cut=st.integers(0, 60))
def test_nothing_but_value_errors_comes_out_of_any_bytes(kind, packed, cut):
    for content in (packed, bytes(ENCODERS[kind](packed))[:cut]):
        with suppress(ValueError):
            check_packed(kind, content, 10_000)
