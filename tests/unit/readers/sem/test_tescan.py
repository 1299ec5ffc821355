from __future__ import annotations

import pytest
import tifffile

from spallmap.readers import open_image, probe_image
from tests.unit.readers.sem.images import section

THUMBNAIL = b"Y\x14\0\0\x01\0\0\0\0\x0cjP  \r\n\x87\n" + bytes(range(256))


def write(path, text: bytes, image=None):
    content = THUMBNAIL + text
    tag = (50431, "B", len(content), content, True)
    tifffile.imwrite(path, section() if image is None else image, extratags=[tag], metadata=None)


def test_size_and_data_bar_behind_a_thumbnail(tmp_path):
    write(
        tmp_path / "a.tif",
        b"\0\0AccFrames=1\r\nImageStripSize=30\r\nPixelSizeX=2.5e-7\r\nPixelSizeY=3e-7\r\n",
    )
    image = open_image(tmp_path / "a.tif", "sem")
    assert image.spacing_um == pytest.approx((0.3, 0.25))
    assert image.meta["data_bar_row"] == 170
    assert image.meta["format"] == "Tescan SEM TIFF"
    assert image.warnings == ()


@pytest.mark.parametrize("size", [b"0", b"-1e-6", b"nan", b"n/a", b"1e400"])
def test_a_size_that_is_none_is_reported(tmp_path, size):
    write(tmp_path / "a.tif", b"\nPixelSizeX=" + size + b"\nPixelSizeY=3e-7\n")
    info = probe_image(tmp_path / "a.tif", "sem")
    assert info.spacing_um is None
    assert "PixelSizeX" in info.warnings[0].source_label


def test_another_content_of_the_tag_is_left_alone(tmp_path):
    write(tmp_path / "a.tif", b"nothing of the kind")
    assert probe_image(tmp_path / "a.tif", "sem").format == "TIFF"
