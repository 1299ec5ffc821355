"""How much memory an announced image may take: no more than the file can hold, and than one image may."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from spallmap.errors import InputError

# What is read as a whole (echoes, sections, element maps). A mosaic of 32 000 x 32 000 pixels of 8 bits just
# fits; a tomogram is read part by part and has no such limit.
LARGEST_IMAGE_BYTES = 1 << 30
# Deflate packs at most 1032 equal bytes into one; LZW, Zstandard and run lengths of real images stay below.
MOST_PACKED = 1032


def image_bytes(shape: Sequence[int], dtype: object) -> int:
    """Bytes that samples take in memory.

    Parameters
    ----------
    shape : sequence of int
        Length of every axis.
    dtype : dtype or str
        Type of a sample.

    Returns
    -------
    int
        Exact, however large.

    Examples
    --------
    >>> image_bytes((60_000, 60_000), "uint8")
    3600000000
    """
    return math.prod(int(n) for n in shape) * np.dtype(dtype).itemsize  # type: ignore[call-overload,no-any-return]


def check_fits(source_label: str, shape: Sequence[int], dtype: object) -> None:
    """Refuse an image that is read as a whole and would take more memory than any image may.

    Parameters
    ----------
    source_label : str
        The file, for the message.
    shape : sequence of int
        Length of every axis.
    dtype : dtype or str
        Type of a sample.

    Raises
    ------
    InputError
        Above ``LARGEST_IMAGE_BYTES``, or with a length below 1.

    Examples
    --------
    >>> check_fits("a.tif", (60_000, 60_000), "uint8")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: a.tif: found 60000x60000 samples of uint8, 3600 MB; allowed: at most 1074 ...
    """
    size = image_bytes(shape, dtype)
    said = f"{'x'.join(map(str, shape))} samples of {np.dtype(dtype)}"  # type: ignore[call-overload]
    if any(n < 1 for n in shape):
        raise InputError(source_label, said, "at least one sample along each axis")
    if size > LARGEST_IMAGE_BYTES:
        allowed = (
            f"at most {LARGEST_IMAGE_BYTES / 1e6:.0f} MB for an image that is read as a whole: crop or bin it"
        )
        raise InputError(source_label, f"{said}, {size / 1e6:.0f} MB", allowed)


def check_held(
    source_label: str,
    announced_bytes: int,
    stored_bytes: int,
    *,
    packed: bool,
    most_packed: float = MOST_PACKED,
) -> None:
    """Refuse a header that announces more than the file can hold.

    Parameters
    ----------
    source_label : str
        The file, for the message.
    announced_bytes : int
        What the samples take when unpacked, as the header has it.
    stored_bytes : int
        What the file holds.
    packed : bool
        Whether the samples are compressed.
    most_packed : float
        How many bytes one stored byte can stand for.

    Raises
    ------
    InputError
        If the announced samples cannot come out of the stored bytes.

    Examples
    --------
    >>> check_held("a.nii.gz", 10_000, 500, packed=True)
    >>> check_held("a.nii", 10_000, 500, packed=False)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: a.nii: found a header that announces 10000 bytes of samples in 500 bytes; ...
    """
    if announced_bytes > stored_bytes * (most_packed if packed else 1):
        how = "compressed " if packed else ""
        found = f"a header that announces {announced_bytes} bytes of samples in {stored_bytes} {how}bytes"
        raise InputError(source_label, found, "a whole file whose header tells the truth")
