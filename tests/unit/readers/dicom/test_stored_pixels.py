from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRBigEndian, JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from tests.unit.readers.dicom.dicom_writer import TE_MS, images, write_multiframe, write_slice


def bits(
    allocated: int, stored: int | None = None, high: int | None = None, signed: int = 0
) -> dict[str, int]:
    stored = allocated if stored is None else stored
    high = max(stored - 1, 0) if high is None else high
    return {"BitsAllocated": allocated, "BitsStored": stored, "HighBit": high, "PixelRepresentation": signed}


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"NumberOfFrames": 10**9}, "1000000000 frames"),
        ({"NumberOfFrames": 10**9, "Rows": 1, "Columns": 1}, "1000000000 frames"),
        ({"NumberOfFrames": 2}, "80 bytes of samples|40 bytes of pixels"),
        ({"NumberOfFrames": -3}, "-3 frames"),
        ({"Rows": 65535, "Columns": 65535}, "8590 MB"),
        ({"Rows": 10_000, "Columns": 10_000}, "200000000 bytes of samples"),
        ({"Rows": 0}, "0x4 pixels"),
        ({"Rows": 4}, "40 bytes of pixels where Rows, Columns and NumberOfFrames make 32"),
        (bits(1), "BitsAllocated 1"),
        (bits(12), "BitsAllocated 12"),
        (bits(24), "BitsAllocated 24"),
        (bits(64), "BitsAllocated 64"),
        (bits(0), "HighBit 0"),
        (bits(16, 17), "BitsStored 17"),
        (bits(16, 12, 15), "HighBit 15"),
        (bits(16, 12, signed=2), "PixelRepresentation 2"),
        ({"PhotometricInterpretation": "MONOCHROME1"}, "MONOCHROME1: white is 0"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "PALETTE COLOR"),
        ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, "3 samples per pixel"),
        ({"skip": ("PixelData",)}, "no pixel data"),
        ({"RescaleSlope": 0}, "slope 0"),
        ({"RescaleSlope": -2}, "slope -2"),
        ({"RescaleSlope": 1e300}, "beyond single precision"),
        ({"PixelSpacing": [0, 1]}, "two positive lengths"),
        ({"PixelSpacing": [0.1, 1e9]}, "a pixel size of"),
        ({"ImageOrientationPatient": [1, 0, 0, 0, 2, 0]}, "unit vectors at right angles"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "unit vectors at right angles"),
    ],
)
def test_headers_that_lie_are_refused(tmp_path, said, found):
    write_slice(tmp_path / "a.dcm", images(0), **said)
    with pytest.raises(InputError, match=found):
        open_image(tmp_path, "mri")


@pytest.mark.parametrize("text", [b"nan ", b"inf ", b"1e9,"])
def test_a_slope_that_is_no_number_is_refused(tmp_path, text):
    write_slice(tmp_path / "a.dcm", images(0), RescaleSlope="1.25", RescaleIntercept=0)
    content = (tmp_path / "a.dcm").read_bytes()
    assert content.count(b"1.25") == 1
    (tmp_path / "a.dcm").write_bytes(content.replace(b"1.25", text))
    with pytest.raises(InputError, match=r"a\.dcm.*(slope|damaged)"):
        probe_image(tmp_path, "mri")


def test_a_picture_of_8_bits_is_refused(tmp_path):
    stored = images(0).astype(np.uint8)
    write_slice(tmp_path / "a.dcm", stored, **bits(8))
    np.testing.assert_array_equal(open_image(tmp_path, "mri").data[0], stored)
    write_slice(tmp_path / "a.dcm", stored, **bits(8), SOPClassUID="1.2.840.10008.5.1.4.1.1.7")
    with pytest.raises(InputError, match="a secondary capture"):
        probe_image(tmp_path, "mri")


@pytest.mark.parametrize("said", [bits(16, 12), bits(16, 12, signed=1)])
def test_values_beyond_the_bits_in_use_are_refused(tmp_path, said):
    """An overlay in the high bits, or a header that somebody changed."""
    stored = images(0)
    stored[0, 0] = 4096 + 7
    write_slice(tmp_path / "a.dcm", stored, **said)
    with pytest.raises(InputError, match="where BitsStored 12 allows"):
        open_image(tmp_path, "mri")


@pytest.mark.parametrize("keyword", ["FloatPixelData", "DoubleFloatPixelData"])
def test_floating_point_pixels_are_read(tmp_path, keyword):
    stored = np.abs(np.random.default_rng(1).normal(size=(5, 4))).astype("f4" if keyword[0] == "F" else "f8")
    write_slice(
        tmp_path / "a.dcm",
        images(0),
        skip=("PixelData", "BitsStored", "HighBit", "PixelRepresentation"),
        **{keyword: stored.tobytes(), "BitsAllocated": 8 * stored.itemsize},
    )
    np.testing.assert_array_equal(open_image(tmp_path, "mri").data[0], stored.astype(np.float32))
    write_slice(
        tmp_path / "a.dcm", images(0), skip=("PixelData",), **{keyword: stored.tobytes(), "BitsAllocated": 16}
    )
    with pytest.raises(InputError, match=f"BitsAllocated 16 of {keyword}"):
        probe_image(tmp_path, "mri")


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16, np.uint32])
def test_big_endian_pixels_are_read(tmp_path, kind):
    stored = np.arange(20).reshape(5, 4).astype(kind)
    ds = write_slice(tmp_path / "a.dcm", stored, **bits(8 * stored.itemsize, signed=int(kind == np.int16)))
    ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    ds.PixelData = stored.astype(stored.dtype.newbyteorder(">")).tobytes()
    ds["PixelData"].VR = "OB" if kind == np.uint8 else "OW"
    pydicom.dcmwrite(tmp_path / "a.dcm", ds, implicit_vr=False, little_endian=False)
    np.testing.assert_array_equal(open_image(tmp_path, "mri").data[0], stored)


def compressed(path: Path, syntax: Any, frame: bytes, stored: np.ndarray, **said: Any) -> None:
    ds = write_slice(path, stored, **said)
    ds.file_meta.TransferSyntaxUID = syntax
    ds.PixelData = encapsulate([frame])
    ds["PixelData"].VR = "OB"
    ds.save_as(path, enforce_file_format=True)


def codestream(rows: int, columns: int, transform: int = 1) -> bytes:
    """The beginning of a JPEG 2000 image."""
    size = struct.pack(">HH8I", 47, 0, columns, rows, 0, 0, columns, rows, 0, 0) + b"\0\1\x0f\1\1"
    coding = struct.pack(">HBBHBBBBBB", 12, 0, 0, 1, 0, 0, 4, 4, 0, transform)
    return b"\xff\x4f\xff\x51" + size + b"\xff\x52" + coding + b"\xff\xd9"


@pytest.mark.parametrize(
    ("syntax", "frame", "said", "found"),
    [
        (JPEG2000Lossless, codestream(60_000, 60_000), {}, "a JPEG 2000 image of 60000x60000 pixels"),
        (JPEG2000Lossless, codestream(5, 4, transform=0), {}, "with loss"),
        (JPEG2000Lossless, b"\x89PNG no codestream", {}, "0 JPEG 2000 images"),
        (JPEG2000Lossless, codestream(5, 4), {}, "a damaged DICOM"),
        (JPEGBaseline8Bit, b"\xff\xd8", {}, "with loss"),
        (RLELossless, b"\0" * 64, {"NumberOfFrames": 60_000}, "bytes of samples|not in fragments"),
        (RLELossless, b"\0" * 64, {"Rows": 20_000, "Columns": 20_000}, "compressed frames of 20000x20000"),
        (RLELossless, b"\0" * 64, {}, "a damaged DICOM"),
    ],
)
def test_compressed_pixels_that_lie_are_refused(tmp_path, syntax, frame, said, found):
    compressed(tmp_path / "a.dcm", syntax, frame, images(0), **said)
    with pytest.raises(InputError, match=found):
        open_image(tmp_path, "mri")


def test_an_unknown_transfer_syntax_is_refused(tmp_path):
    write_slice(tmp_path / "a.dcm", images(0))
    content = (tmp_path / "a.dcm").read_bytes()
    for uid in (b"1.2.840.10008.1.2.9", b"1.2.3.4.5.6.7.8.9.1"):
        (tmp_path / "a.dcm").write_bytes(content.replace(b"1.2.840.10008.1.2.1", uid))
        with pytest.raises(InputError, match=rf"transfer syntax {uid.decode()}"):
            probe_image(tmp_path, "mri")


def decay(top: float, noise: float, shape: tuple[int, ...] = (5, 40, 40)) -> np.ndarray:
    """Echoes of a disc, T2 of three echo spacings, in air."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[: shape[1], : shape[2]] / shape[1] - 0.5
    disc = (x**2 + y**2 < 0.1) * (1 + 0.3 * x)
    signal = top * disc * np.exp(-np.arange(shape[0]) / 3)[:, None, None]
    return np.abs(signal + rng.normal(0, noise, shape) + 1j * rng.normal(0, noise, shape))


@pytest.mark.parametrize("n_bits", [12, 16])
@pytest.mark.parametrize("header_bits", ["stored", "allocated"])
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("multiframe", [False, True])
def test_samples_cut_off_at_an_end_are_found(tmp_path, n_bits, header_bits, scaled, multiframe):
    end = 2**n_bits - 1
    echoes = decay(1.5 * end, 0.02 * end)
    stored = np.minimum(echoes, end).astype(np.uint16)
    expected = echoes >= end
    said: dict[str, Any] = bits(16, n_bits if header_bits == "stored" else 16)
    frames = [{"te_ms": 2.0 + 4 * e, "position": (0, 0, 0), "slope": 2.5 if scaled else 1} for e in range(5)]
    if multiframe:
        write_multiframe(tmp_path / "a.dcm", frames, stored, **said)
    else:
        slope = {"RescaleSlope": 2.5, "RescaleIntercept": 0} if scaled else {}
        for e in range(5):
            write_slice(tmp_path / f"{e}.dcm", stored[e], 2.0 + 4 * e, **said, **slope)
    image = open_image(tmp_path, "mri")
    np.testing.assert_array_equal(image.clipped, expected)
    (warning,) = image.warnings
    assert f"cut off at {end}" in warning.found
    assert warning.source_label == str(tmp_path)


@pytest.mark.parametrize("n_bits", [12, 16])
def test_samples_below_an_end_are_no_alarm(tmp_path, n_bits):
    stored = decay(0.9 * 2**n_bits, 0.01 * 2**n_bits).astype(np.uint16)
    for e in range(5):
        write_slice(tmp_path / f"{e}.dcm", stored[e], 2.0 + 4 * e, **bits(16, n_bits))
    image = open_image(tmp_path, "mri")
    assert image.clipped is None
    assert not image.warnings


def test_real_and_imaginary_parts_are_cut_off_at_both_ends(tmp_path):
    rng = np.random.default_rng(1)
    parts = rng.normal(0, 30_000, (6, 40, 40))
    parts[2:] *= 0.2
    stored = np.clip(parts, -32768, 32767).astype(np.int16)
    kinds = ["REAL", "IMAGINARY"] * 3
    frames = [
        {"te_ms": TE_MS[n // 2], "position": (0, 0, 0), "component": kind} for n, kind in enumerate(kinds)
    ]
    write_multiframe(tmp_path / "a.dcm", frames, stored, **bits(16, signed=1))
    image = open_image(tmp_path, "mri")
    expected = (np.abs(parts + 0.5) >= 32767.5).reshape(3, 2, 40, 40).any(axis=1)
    assert image.clipped is not None
    np.testing.assert_array_equal(image.clipped[1:], False)
    assert np.mean(image.clipped[0] == expected[0]) > 0.999


def test_magnitudes_below_zero_are_refused(tmp_path):
    """Unsigned samples that a header calls signed."""
    stored = decay(60_000, 500).astype(np.uint16)
    for e in range(5):
        write_slice(tmp_path / f"{e}.dcm", stored[e], 2.0 + 4 * e, **bits(16, signed=1))
    with pytest.raises(InputError, match="magnitudes from -"):
        open_image(tmp_path, "mri")


def test_swapped_bytes_are_refused(tmp_path):
    stored = decay(4000, 100).astype(np.uint16).byteswap()
    for e in range(5):
        write_slice(tmp_path / f"{e}.dcm", stored[e], 2.0 + 4 * e)
    with pytest.raises(InputError, match="in the other byte order alone"):
        open_image(tmp_path, "mri")
