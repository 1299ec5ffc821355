from __future__ import annotations

import pytest
import tifffile

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from tests.unit.readers.sem.images import section


def zeiss(path, image, text: str):
    tag = (34118, "s", 0, text.encode("cp1252"), True)
    tifffile.imwrite(path, image, extratags=[tag], metadata=None)


def test_zeiss_size_and_bar(tmp_path):
    zeiss(tmp_path / "a.tif", section(bar=30), "\r\nAP_IMAGE_PIXEL_SIZE\r\nImage Pixel Size = 250 nm\r\n\0")
    image = open_image(tmp_path / "a.tif", "sem")
    assert image.axes == ("y", "x")
    assert image.spacing_um == (0.25, 0.25)
    assert image.meta["data_bar_row"] == 170
    assert image.mask is not None
    assert image.mask[:170].all()
    assert not image.mask[170:].any()
    assert image.data.shape == (200, 260)


def test_zeiss_width_decides_against_the_pixel_size_of_another_scan(tmp_path):
    text = "\r\nAP_PIXEL_SIZE\r\nPixel Size = 5.0 nm\r\nAP_WIDTH\r\nWidth = 2.600 µm\r\n\0"
    zeiss(tmp_path / "a.tif", section(), text)
    assert probe_image(tmp_path / "a.tif", "sem").spacing_um == pytest.approx((0.01, 0.01))


def test_zeiss_without_a_size_needs_one(tmp_path):
    zeiss(tmp_path / "a.tif", section(), "\r\nAP_ACTUALKV\r\nEHT = 5 kV\r\n\0")
    assert probe_image(tmp_path / "a.tif", "sem").spacing_um is None
    with pytest.raises(InputError, match="no pixel size"):
        open_image(tmp_path / "a.tif", "sem")
    assert open_image(tmp_path / "a.tif", "sem", 0.5).spacing_um == (0.5, 0.5)


def test_zeiss_width_and_height_that_contradict_are_no_size(tmp_path):
    text = "\r\nAP_WIDTH\r\nWidth = 2.600 µm\r\nAP_HEIGHT\r\nHeight = 1.000 µm\r\n\0"
    zeiss(tmp_path / "a.tif", section(), text)
    info = probe_image(tmp_path / "a.tif", "sem")
    assert info.spacing_um is None
    assert "AP_HEIGHT" in info.warnings[0].source_label
    zeiss(tmp_path / "a.tif", section(), text.replace("1.000", "2.000"))
    assert probe_image(tmp_path / "a.tif", "sem").spacing_um == pytest.approx((0.01, 0.01))
