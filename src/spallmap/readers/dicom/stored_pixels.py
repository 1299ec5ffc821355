"""The pixels of a DICOM file: held to what its header announces before they are read."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import InputError
from spallmap.readers.checks.memory import check_fits, check_held
from spallmap.readers.dicom.opened_file import UNDEFINED, OpenedFile

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

# No MR image in one file has more frames (256 slices x 32 echoes x 8).
MOST_FRAMES = 1 << 16
# A frame that is packed alone: 2048 x 2048 pixels of 32 bits. Run lengths make up to 64 times of it.
LARGEST_PACKED_FRAME = 1 << 24
# What fragments, their headers and a table of them take besides the pixels.
PACKED_EXTRA, PACKED_EXTRA_FRAME = 1 << 20, 1 << 12
# Lossy by their nature, whatever the header says of it.
LOSSY = (
    "1.2.840.10008.1.2.4.50",  # JPEG baseline
    "1.2.840.10008.1.2.4.51",  # JPEG extended
    "1.2.840.10008.1.2.4.81",  # JPEG-LS near-lossless
)
WITH_LOSS = ("pixels compressed with loss", "the original values: loss changes the noise")
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
J2K_START, J2K_SIZE, J2K_CODING = b"\xff\x4f", b"\xff\x51", b"\xff\x52"


@dataclass(frozen=True)
class PixelFormat:
    """How the pixels of one file are stored.

    Parameters
    ----------
    n_frames, rows, columns : int
        How many there are.
    bits_stored : int
        Bits in use.
    dtype : str
        Numpy's name of their type in the machine's byte order.
    """

    n_frames: int
    rows: int
    columns: int
    bits_stored: int
    dtype: str

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame, unpacked."""
        return self.rows * self.columns * np.dtype(self.dtype).itemsize


def check_pixels(file: OpenedFile) -> PixelFormat:
    """Read how pixels are stored, and hold it to what the file holds.

    Parameters
    ----------
    file : OpenedFile
        A file with Rows and Columns in its header.

    Returns
    -------
    PixelFormat
        What it announces.

    Raises
    ------
    InputError
        If the pixels are missing, cut short, more or less than announced, of another kind than grey images,
        compressed with loss or in a way that nothing here decodes.
    """
    label = str(file.path)
    pixels = file.pixels
    if pixels is None:
        raise InputError(label, "no pixel data", "a complete DICOM file of images")
    form = _format(file.path, file.header, pixels.keyword)
    check_fits(label, (form.n_frames, form.rows, form.columns), form.dtype)
    expected = form.n_frames * form.frame_bytes
    syntax = _decodable_syntax(file.path, file.header)
    if syntax.is_encapsulated:
        if form.frame_bytes > LARGEST_PACKED_FRAME:
            found = f"compressed frames of {form.rows}x{form.columns} pixels"
            raise InputError(label, found, f"uncompressed, or at most {LARGEST_PACKED_FRAME} bytes a frame")
        check_held(label, expected, file.stored_bytes, packed=True)
        if pixels.length != UNDEFINED or 8 * form.n_frames > file.stored_bytes:
            found = f"compressed pixels of {form.n_frames} frames that are not in fragments of their own"
            raise InputError(label, found, "a complete DICOM file")
        return form
    if pixels.length == UNDEFINED:
        raise InputError(label, "uncompressed pixels without a length", "a complete DICOM file")
    check_held(label, expected, file.stored_bytes, packed=file.inflated is not None)
    held = pixels.length
    if file.inflated is None:
        held = min(held, max(0, file.stored_bytes - pixels.start))
    row_bytes = form.frame_bytes // form.rows
    if held < expected:
        raise InputError(label, f"{held} bytes of pixels", f"{expected} bytes, as its header says")
    if pixels.length >= expected + max(row_bytes, 2):
        found = f"{pixels.length} bytes of pixels where Rows, Columns and NumberOfFrames make {expected}"
        raise InputError(label, found, "a header that says how many there are")
    return form


def _format(path: Path, header: FileDataset, keyword: str) -> PixelFormat:
    label = str(path)
    samples = int(header.get("SamplesPerPixel") or 1)
    shown = str(header.get("PhotometricInterpretation") or "MONOCHROME2")
    if samples != 1:
        raise InputError(label, f"{samples} samples per pixel ({shown})", "grey images")
    if shown != "MONOCHROME2":
        found = f"PhotometricInterpretation {shown}"
        if shown == "MONOCHROME1":
            found += ": white is 0, and nothing says whether the values are inverted"
        raise InputError(label, found, "MONOCHROME2: grey values that rise with the signal")
    n_frames, rows, columns = (
        int(header.get(key) or default)
        for key, default in (("NumberOfFrames", 1), ("Rows", 0), ("Columns", 0))
    )
    if not 1 <= n_frames <= MOST_FRAMES or rows < 1 or columns < 1:
        found = f"{n_frames} frames of {rows}x{columns} pixels"
        raise InputError(label, found, f"1 to {MOST_FRAMES} frames of at least one pixel")
    allocated = int(header.get("BitsAllocated") or 16)
    if keyword != "PixelData":
        wanted = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}[keyword]
        if allocated != wanted:
            raise InputError(label, f"BitsAllocated {allocated} of {keyword}", f"{wanted}")
        return PixelFormat(n_frames, rows, columns, wanted, f"float{wanted}")
    stored = int(header.get("BitsStored") or allocated)
    high = header.get("HighBit")
    signed = int(header.get("PixelRepresentation") or 0)
    if (
        allocated not in (8, 16, 32)
        or not 1 < stored <= allocated
        or (high is not None and int(high) != stored - 1)
        or signed not in (0, 1)
    ):
        found = (
            f"BitsAllocated {allocated}, BitsStored {stored}, HighBit {high}, PixelRepresentation {signed}"
        )
        raise InputError(label, found, "8, 16 or 32 bits, the lowest of them in use, signed (1) or not (0)")
    if allocated == 8 and str(header.get("SOPClassUID", "")).startswith(SECONDARY_CAPTURE):
        raise InputError(
            label, "a secondary capture of 8 bits: a picture", "the images as they were measured"
        )
    return PixelFormat(n_frames, rows, columns, stored, f"{'int' if signed else 'uint'}{allocated}")


def _decodable_syntax(path: Path, header: FileDataset) -> Any:
    from pydicom.pixels.decoders.base import get_decoder

    label, syntax = str(path), header.file_meta.get("TransferSyntaxUID")
    if syntax is None:
        raise InputError(label, "no transfer syntax", "a complete DICOM file")
    if str(header.get("LossyImageCompression") or "") == "01" or syntax in LOSSY:
        raise InputError(label, "pixels compressed with loss", "the original values: loss changes the noise")
    if syntax.is_private or not syntax.is_transfer_syntax:
        raise InputError(label, f"transfer syntax {str(syntax)[:64]}", "one that pydicom knows")
    if not syntax.is_encapsulated:
        return syntax
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if not available:
        allowed = (
            "uncompressed DICOM (dcmtk's dcmdjpeg and dcmdjpls, or gdcmconv --raw, take the compression off)"
        )
        raise InputError(label, f"pixels compressed as {syntax.name}", allowed)
    return syntax


def read_pixels(file: OpenedFile, form: PixelFormat) -> NDArray[Any]:
    """Read the stored values.

    Parameters
    ----------
    file : OpenedFile
        The file.
    form : PixelFormat
        What :func:`check_pixels` says of it.

    Returns
    -------
    ndarray, shape (n_frames, rows, columns)
        In the type of `form`.

    Raises
    ------
    InputError
        If they are damaged, another number than announced, or beyond the bits that are said to be in use.
    """
    label, pixels, header = str(file.path), file.pixels, file.header
    if pixels is None:
        raise InputError(label, "no pixel data", "a complete DICOM file of images")
    expected = form.n_frames * form.frame_bytes
    if file.inflated is not None:
        file.inflated.largest = pixels.start + expected + PACKED_EXTRA
    file.stream.seek(pixels.start)
    if pixels.length == UNDEFINED:
        value = _fragments(file, expected + PACKED_EXTRA + PACKED_EXTRA_FRAME * form.n_frames)
        _refuse_other_codestreams(label, header, value, form)
        header.add_new(pixels.keyword, "OB", value)
        header[pixels.keyword].is_undefined_length = True
        stored = np.asarray(header.pixel_array)
    else:
        file.stream.allow(expected)
        little = header.file_meta.TransferSyntaxUID.is_little_endian
        dtype = np.dtype(form.dtype).newbyteorder("<" if little else ">")
        value = file.stream.read(expected)
        if dtype.itemsize == 1 and pixels.vr == "OW" and not little:
            value = np.frombuffer(value.ljust(len(value) + len(value) % 2, b"\0"), "u2").byteswap().tobytes()
        stored = np.frombuffer(value[:expected], dtype)
    if stored.size != form.n_frames * form.rows * form.columns:
        found = f"{stored.size} pixels where the header announces {form.n_frames}x{form.rows}x{form.columns}"
        raise InputError(label, found, "a complete DICOM file")
    stored = stored.reshape(form.n_frames, form.rows, form.columns).astype(form.dtype, copy=False)
    _check_bits(label, stored, form)
    return stored


def _check_bits(label: str, stored: NDArray[Any], form: PixelFormat) -> None:
    """Refuse values that need more bits than the header says: an overlay above them, or a wrong header."""
    if stored.dtype.kind == "f":
        return
    low, high = 0, 2**form.bits_stored - 1
    if stored.dtype.kind == "i":
        low, high = -(2 ** (form.bits_stored - 1)), 2 ** (form.bits_stored - 1) - 1
    lowest, highest = int(stored.min()), int(stored.max())
    if lowest < low or highest > high:
        found = (
            f"values from {lowest} to {highest} where BitsStored {form.bits_stored} allows {low} to {high}"
        )
        allowed = "a header that says how many bits hold the values (the others may hold an overlay)"
        raise InputError(label, found, allowed)


def _fragments(file: OpenedFile, largest: int) -> bytes:
    """Read compressed pixels up to the delimiter of their sequence."""
    from pydicom.fileutil import read_undefined_length_value
    from pydicom.tag import SequenceDelimiterTag

    file.stream.allow(largest)
    little = bool(file.header.file_meta.TransferSyntaxUID.is_little_endian)
    value = read_undefined_length_value(cast("BinaryIO", file.stream), little, SequenceDelimiterTag)
    return value or b""


def _refuse_other_codestreams(label: str, header: FileDataset, value: bytes, form: PixelFormat) -> None:
    """Refuse JPEG 2000 whose own size is another than the header's, or that is lossy."""
    if "JPEG 2000" not in header.file_meta.TransferSyntaxUID.name:
        return
    at, n_found = value.find(J2K_START + J2K_SIZE), 0
    while at >= 0:
        n_found += 1
        x1, y1, x0, y0 = struct.unpack_from(">4I", value, at + 8)
        if (y1 - y0, x1 - x0) != (form.rows, form.columns):
            found = f"a JPEG 2000 image of {y1 - y0}x{x1 - x0} pixels"
            raise InputError(label, found, f"{form.rows}x{form.columns}, as the header says")
        coding = value.find(J2K_CODING, at, at + 4096)
        if 0 <= coding < len(value) - 13 and value[coding + 13] == 0:
            raise InputError(
                label, "pixels compressed with loss", "the original values: loss changes the noise"
            )
        at = value.find(J2K_START + J2K_SIZE, at + 2)
    if n_found != form.n_frames:
        raise InputError(label, f"{n_found} JPEG 2000 images", f"{form.n_frames}, one for each frame")


def scaled(stored: NDArray[Any], slope: float, intercept: float) -> NDArray[np.float32]:
    """Scale stored values; infinite where single precision does not hold them.

    Parameters
    ----------
    stored : ndarray
        Stored values of a frame.
    slope, intercept : float
        Scaled value = slope * stored value + intercept.

    Returns
    -------
    ndarray of float32
        Scaled values.

    Examples
    --------
    >>> scaled(np.array([1, 2]), 0.5, 1.0).tolist()
    [1.5, 2.0]
    """
    if not (math.isfinite(slope) and math.isfinite(intercept)):
        return np.full(stored.shape, np.nan, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        return (stored * slope + intercept).astype(np.float32)
