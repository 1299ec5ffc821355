from __future__ import annotations

import pytest
import tifffile

from spallmap.readers import open_image
from tests.unit.readers.sem.images import section


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
