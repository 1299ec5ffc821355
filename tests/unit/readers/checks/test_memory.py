from __future__ import annotations

import pytest

from spallmap.errors import InputError
from spallmap.readers.checks.memory import (
    LARGEST_IMAGE_BYTES,
    MOST_PACKED,
    check_fits,
    check_held,
    image_bytes,
)


def test_bytes_are_exact_however_large():
    assert image_bytes((2**40, 2**40), "float32") == 2**82


def test_the_largest_image_fits_and_no_larger_one():
    check_fits("a", (LARGEST_IMAGE_BYTES,), "uint8")
    with pytest.raises(InputError, match=r"a: found 1073741825 samples of uint8, 1074 MB; .* crop or bin it"):
        check_fits("a", (LARGEST_IMAGE_BYTES + 1,), "uint8")
    with pytest.raises(InputError, match="at least one sample along each axis"):
        check_fits("a", (10, 0), "uint8")


def test_a_header_may_announce_what_the_file_can_hold():
    check_held("a", 1000, 1000, packed=False)
    check_held("a", 1000 * MOST_PACKED, 1000, packed=True)
    with pytest.raises(InputError, match="announces 1001 bytes of samples in 1000 bytes"):
        check_held("a", 1001, 1000, packed=False)
    with pytest.raises(InputError, match="in 1000 compressed bytes"):
        check_held("a", 1000 * MOST_PACKED + 1, 1000, packed=True)


def test_deflate_packs_no_better_than_the_limit():
    import zlib

    zeros = bytes(1 << 24)
    assert len(zeros) / len(zlib.compress(zeros, 9)) < MOST_PACKED
