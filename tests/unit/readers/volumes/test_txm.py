from __future__ import annotations

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from tests.unit.readers.volumes.ole_writer import write_ole
from tests.unit.readers.volumes.volume_files import txm_streams, volume


def test_more_than_a_hundred_slices_of_a_txm_stand_in_several_storages(tmp_path):
    data = volume("float32", (203, 4, 5))
    write_ole(tmp_path / "a.txm", txm_streams(data))
    np.testing.assert_array_equal(open_image(tmp_path / "a.txm", "xct").data, data)


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
