from __future__ import annotations

import numpy as np
import pytest
import tifffile

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image, sem
from spallmap.readers.sem.vendor_tag import VendorTag
from tests.unit.readers.sem.images import section


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


def test_a_new_vendor_is_one_module_and_one_line(tmp_path, monkeypatch):
    """The recipe: a module whose ``read_tag`` gives a VendorTag, or None; its line in VENDORS."""

    def read_tag(page: tifffile.TiffPage, shape: tuple[int, int]) -> VendorTag | None:
        tag = page.tags.get(65000)
        if tag is None:
            return None
        meta = {"data_bar_row": shape[0] - 20}
        return VendorTag("Acme SEM TIFF", (tag.value / 1000, tag.value / 1000), meta)

    monkeypatch.setattr(sem, "VENDORS", (*sem.VENDORS, read_tag))
    tifffile.imwrite(tmp_path / "acme.tif", section(), extratags=[(65000, "I", 1, 125, True)], metadata=None)
    image = open_image(tmp_path / "acme.tif", "sem")
    assert image.spacing_um == (0.125, 0.125)
    assert image.meta["format"] == "Acme SEM TIFF"
    assert image.mask is not None
    assert image.mask[:180].all()
    assert not image.mask[180:].any()
    tifffile.imwrite(tmp_path / "another.tif", section(), metadata=None)
    assert probe_image(tmp_path / "another.tif", "sem").spacing_um is None


def test_an_image_of_one_grey_is_said(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.full((40, 60), 7, np.uint8))
    [warning] = open_image(tmp_path / "a.tif", "sem", 0.5).warnings
    assert "all pixels 7" in warning.found


def test_pixels_that_are_no_number_are_refused(tmp_path):
    image = np.random.default_rng(1).random((40, 60), np.float32)
    image[3, 4] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", image)
    with pytest.raises(InputError, match="1 pixels that are no number"):
        open_image(tmp_path / "a.tif", "sem", 0.5)


def test_a_pixel_width_that_stands_twice_is_no_size(tmp_path):
    text = "[Scan]\r\nPixelWidth=1e-7\r\nPixelWidth=2e-7\r\nPixelHeight=1e-7\r\n"
    tag = (34682, "s", 0, text, True)
    tifffile.imwrite(tmp_path / "a.tif", np.eye(40, 60, dtype=np.uint8), metadata=None, extratags=[tag])
    info = probe_image(tmp_path / "a.tif", "sem")
    assert info.spacing_um is None
    assert "PixelWidth twice" in info.warnings[0].found
