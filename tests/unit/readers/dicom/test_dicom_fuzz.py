"""Any bytes end in an image or in an InputError."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import RLELossless

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from tests.unit.readers.any_bytes import FUZZ
from tests.unit.readers.dicom.dicom_writer import TE_MS, images, write_multiframe, write_slice

# Values of elements that the reader asks for, as text or as bytes.
NONSENSE = st.one_of(
    st.sampled_from(
        [
            b"",
            b"0",
            b"-1",
            b"nan",
            b"inf",
            b"1e999",
            b"1\\2",
            b"1\\2\\3",
            b"x",
            b"\\" * 50,
            b"\xff" * 8,
            b"9" * 400,
        ]
    ),
    st.binary(max_size=40),
)


@pytest.fixture(scope="module")
def contents(tmp_path_factory) -> list[bytes]:
    """One slice, one multi-frame file, one slice with run lengths."""
    folder = tmp_path_factory.mktemp("whole")
    said = {
        "RescaleSlope": 2,
        "EchoNumbers": 1,
        "ImageType": ["ORIGINAL", "PRIMARY", "M"],
        "SliceThickness": 1,
    }
    write_slice(folder / "a", images(0), ScanningSequence="SE", RepetitionTime=100, FlipAngle=90, **said)
    frames = [{"te_ms": te, "position": (0, 0, 0), "component": "MAGNITUDE"} for te in TE_MS]
    write_multiframe(folder / "b", frames, images(0, 3), AcquisitionDateTime="20260101", **said)
    ds = write_slice(folder / "c", images(0))
    ds.compress(RLELossless, generate_instance_uid=False)
    ds.save_as(folder / "c", enforce_file_format=True)
    return [(folder / name).read_bytes() for name in "abc"]


def read_or_refuse(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for call in (probe_image, open_image):
        try:
            call(path, "mri")
        except InputError as error:
            assert error.source_label.startswith(str(path))  # noqa: PT017 - an image is as good


@FUZZ
@given(data=st.data())
def test_bytes_changed_anywhere(tmp_path, contents, data):
    content = bytearray(data.draw(st.sampled_from(contents)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(132, len(content) - 1))
        new = data.draw(st.binary(min_size=1, max_size=8))
        length = data.draw(st.sampled_from([0, len(new), 2 * len(new)]))
        content[at : at + length] = new
    read_or_refuse(tmp_path / "a.dcm", bytes(content))


@FUZZ
@given(data=st.data())
def test_values_replaced_with_their_lengths(tmp_path, contents, data):
    """Every element with a short value representation may hold anything."""
    content = data.draw(st.sampled_from(contents))
    starts = [
        at
        for at in range(132, len(content) - 8)
        if content[at + 4 : at + 6].isalpha() and content[at + 4 : at + 6].isupper()
    ]
    for at in sorted(data.draw(st.sets(st.sampled_from(starts), max_size=3)), reverse=True):
        value = data.draw(NONSENSE)
        value += b" " * (len(value) % 2)
        (length,) = struct.unpack_from("<H", content, at + 6)
        content = content[: at + 6] + struct.pack("<H", len(value)) + value + content[at + 8 + length :]
    read_or_refuse(tmp_path / "a.dcm", content)


@FUZZ
@given(content=st.binary(max_size=300), prefix=st.booleans())
def test_any_bytes(tmp_path, contents, content, prefix):
    read_or_refuse(tmp_path / "a.dcm", (contents[0][:400] if prefix else bytes(128) + b"DICM") + content)
