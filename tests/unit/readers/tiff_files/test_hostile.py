"""Whatever stands in a file, an InputError is all that comes out."""

from __future__ import annotations

import contextlib
import math
import tempfile
from pathlib import Path

import numpy as np
import tifffile
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from spallmap.readers.sem.fei import fei_pixel_size_um
from spallmap.readers.sem.vendor_tag import positive
from spallmap.readers.sem.zeiss import zeiss_pixel_size_um
from spallmap.readers.tiff_files.descriptions import (
    imagej_calibration,
    imagej_lines,
    slice_range,
    slice_scale,
)
from spallmap.readers.tiff_files.directories import read_directories
from spallmap.readers.tiff_files.main_image import segment_samples
from spallmap.readers.tiff_files.pixel_sizes import imagej_length, imagej_sizes
from tests.unit.readers.tiff_files.test_ome_xml import planes, xml

FEW = settings(max_examples=max(40, settings().max_examples // 4), deadline=None)
NUMBERS = st.one_of(
    st.floats(),
    st.integers(-(10**400), 10**400),
    st.sampled_from(["", "nan", "-1", "1e999", "1,5", "0x1F", "1_0", "١", "five", "0" * 5000]),
)
WORDS = st.sampled_from(
    [
        "cf=0", "cf=", "cf=٣", "c0=", "c1=", "unit=", "yunit=mm", "spacing=", "images=", "slices=", "frames=",
        "channels=", "min=", "offset = ", "slope = ", "intercept: ", "ImageJ=1.5", "\n", "\\u00B5m", "=", " ",
    ]
)  # fmt: skip
PIECES = st.one_of(WORDS, NUMBERS.map(lambda value: str(value)[:6000]), st.text(max_size=9))
TEXTS = st.lists(PIECES, max_size=9).map("".join)
FEI_KEYS = st.sampled_from(["PixelWidth", "PixelHeight", "HorFieldsize", "VerFieldsize"])
OTHER_LETTERS = st.sampled_from(["0", "-1", "9" * 30, "", '"', "<", "&x;", "\0", "Z"])


@FEW
@given(TEXTS)
@example("ImageJ=1\ncf=0\nc0=1e308\nc1=1e308")
@example("slope=1e999 offset=0")
def test_descriptions(text):
    with contextlib.suppress(InputError):
        line = slice_scale("a", text)
        assert line is None or (math.isfinite(line.slope) and math.isfinite(line.offset) and line.slope != 0)
    slice_range(text)
    lines = imagej_lines((f"ImageJ=1\n{text}",))
    assert lines is not None
    with contextlib.suppress(InputError):
        imagej_calibration("a", lines)
    for size in imagej_sizes(lines, 0.25, 3.0).values():
        assert math.isfinite(size)
        assert size > 0


@FEW
@given(st.floats(), st.floats(), st.text(max_size=9))
def test_units(per_x, per_y, unit):
    imagej_length(per_x, unit)
    sizes = imagej_sizes({"unit": "um", "yunit": unit, "spacing": str(per_x)}, per_x, per_y)
    assert all(math.isfinite(size) and size > 0 for size in sizes.values())


@FEW
@given(
    st.dictionaries(FEI_KEYS, NUMBERS),
    st.dictionaries(st.sampled_from(["ResolutionX", "ResolutionY"]), NUMBERS),
    NUMBERS,
    NUMBERS,
)
def test_vendors(scan, image, one, other):
    spacing, warnings = fei_pixel_size_um("a", {"Scan": scan, "Image": image}, (200, 260))
    assert spacing is None or all(math.isfinite(s) and s > 0 for s in spacing) or warnings
    positive(one)
    tag = {"ap_width": ("Width", one, "µm"), "ap_pixel_size": ("Pixel", other, "nm")}
    size = zeiss_pixel_size_um(tag, 260)
    assert size is None or size > 0


@FEW
@given(st.binary(max_size=80), st.sampled_from([7, 34712, 34887, 33003]))
def test_segments(head, compression):
    for begin in (b"", b"\xff\xd8", b"Lerc2 ", b"\xff\x4f\xff\x51"):
        found = segment_samples(begin + head, compression)
        assert found is None or found >= 0


def _tried(path: Path) -> None:
    for modality in ("sem", "xct"):
        with contextlib.suppress(InputError):
            probe_image(path, modality)
        with contextlib.suppress(InputError):
            open_image(path, modality, 1.0)


@FEW
@given(st.lists(st.tuples(st.integers(0, 10**6), OTHER_LETTERS), max_size=4))
def test_ome_xml_that_was_changed(changes):
    text = xml(planes("a.ome.tif", "1"))
    for at, what in changes:
        at %= len(text)
        text = text[:at] + what + text[at + 1 :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.ome.tif")
        content = text.encode()
        data = np.zeros((6, 9, 7), np.uint16)
        tifffile.imwrite(path, data, metadata=None, description=content, photometric="minisblack")
        _tried(path)


@FEW
@given(TEXTS)
def test_imagej_files(text):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.tif")
        content = f"ImageJ=1.53t\n{text}".encode("utf-8", errors="replace")
        data = np.zeros((2, 9, 7), np.uint16)
        tifffile.imwrite(path, data, metadata=None, description=content, photometric="minisblack")
        _tried(path)


@FEW
@given(
    st.sampled_from(["plain", "packed", "imagej", "fei"]),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_files_with_changed_bytes(kind, changes):
    """Bytes of the directories, above all: the samples stand before them, and are few."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.tif")
        data = np.arange(96, dtype=np.uint16).reshape(2, 6, 8)
        options = {
            "plain": {"photometric": "minisblack", "metadata": None},
            "packed": {"photometric": "minisblack", "compression": "zlib", "tile": (16, 16)},
            "imagej": {"imagej": True, "metadata": {"axes": "ZYX", "unit": "um", "spacing": 3.0}},
            "fei": {"metadata": None, "extratags": [(34682, "s", 0, b"[Scan]\r\nPixelWidth=1e-7\r\n", True)]},
        }[kind]
        tifffile.imwrite(path, data, **options)
        content = bytearray(path.read_bytes())
        for at, value in changes:
            content[at % len(content)] = value
        path.write_bytes(content)
        with contextlib.suppress(InputError):
            read_directories(path)
        _tried(path)
