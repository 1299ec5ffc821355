from __future__ import annotations

import numpy as np
import pytest
import tifffile

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image


def section(seed: int = 0, bar: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    image = np.clip(rng.normal(120, 20, (200, 260)), 0, 255).astype(np.uint8)
    if bar:
        image[-bar:] = 0
        image[-bar + 10 : -bar + 14, 20:90] = 255
    return image


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


def test_fei_size_and_bar_from_the_tag(tmp_path):
    text = (
        "[Scan]\r\nPixelWidth=2e-07\r\nPixelHeight=3e-07\r\n[Image]\r\nResolutionX=260\r\nResolutionY=180\r\n"
    )
    tag = (34682, "s", 0, text.encode(), True)
    tifffile.imwrite(tmp_path / "a.tif", section(), extratags=[tag], metadata=None)
    image = open_image(tmp_path / "a.tif", "sem")
    assert image.spacing_um == pytest.approx((0.3, 0.2))
    assert image.mask is not None
    assert image.mask.sum() == 180 * 260


def test_equal_colours_are_grey_and_others_refused(tmp_path):
    grey = section()
    colours = np.stack([grey] * 3, axis=-1)
    tifffile.imwrite(tmp_path / "a.tif", colours, photometric="rgb")
    np.testing.assert_array_equal(open_image(tmp_path / "a.tif", "sem", 1).data, grey)
    colours[5, 5, 0] ^= 1
    tifffile.imwrite(tmp_path / "a.tif", colours, photometric="rgb")
    with pytest.raises(InputError, match="coloured"):
        open_image(tmp_path / "a.tif", "sem", 1)


def test_stack_is_no_image(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3, 20, 20), np.uint8), photometric="minisblack")
    with pytest.raises(InputError, match="one grey image"):
        probe_image(tmp_path / "a.tif", "sem", 1)
