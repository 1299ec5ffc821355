"""Files of Zeiss microscopes that hold no volume, or not all of one."""

from __future__ import annotations

import pytest

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from tests.unit.readers.ole_writer import write_ole
from tests.unit.readers.volume_files import txm_streams, volume


def test_projections_of_a_zeiss_microscope_are_refused_in_words(tmp_path):
    write_ole(tmp_path / "a.txrm", txm_streams(volume()))
    with pytest.raises(InputError, match=r"a\.txrm: found projections"):
        probe_image(tmp_path / "a.txrm", "xct")


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("ImageData1/Image5", None, "ImageData1/Image5.*nothing"),
        ("ImageData1/Image5", b"short", "ImageData1/Image5.*5 bytes"),
        ("ImageInfo/DataType", b"\x07\0\0\0", "DataType.*7"),
        ("ImageInfo/ImageWidth", None, "ImageWidth"),
        ("ImageInfo/ImageWidth", b"\x07", "ImageWidth"),
    ],
)
def test_a_txm_that_lacks_something_is_reported_with_the_stream(tmp_path, name, content, found):
    streams = {**txm_streams(volume()), name: content}
    write_ole(tmp_path / "a.txm", {k: v for k, v in streams.items() if v is not None})
    with pytest.raises(InputError, match=rf"a\.txm.*{found}"):
        open_image(tmp_path / "a.txm", "xct")


def test_a_txm_without_pixel_size_needs_one(tmp_path):
    write_ole(tmp_path / "a.txm", txm_streams(volume(), 0.0))
    assert probe_image(tmp_path / "a.txm", "xct").spacing_um is None
    (tmp_path / "b.txm").write_bytes(b"no OLE")
    with pytest.raises(InputError, match=r"b\.txm.*OLE"):
        probe_image(tmp_path / "b.txm", "xct")
