"""The readers of tomograms and SEM images on the instruments' own files."""

from __future__ import annotations

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image

pytestmark = pytest.mark.real


@pytest.mark.parametrize(
    ("name", "size_um", "bar_row"), [("zeiss-crack.tif", 0.01165, 349), ("zeiss-grains.tif", 2.615, 691)]
)
def test_zeiss_images(shared, name, size_um, bar_row):
    image = open_image(shared(f"data/sem/{name}"), "sem")
    assert image.spacing_um == pytest.approx((size_um, size_um), rel=1e-3)
    assert abs(image.meta["data_bar_row"] - bar_row) <= 2
    assert image.mask is not None
    assert image.mask[: bar_row - 3].all()
    assert not image.mask[bar_row + 2 :].any()
    assert image.mask.shape == image.data.shape


def test_other_vendors(shared):
    fei = open_image(shared("data/sem/fei-blank-8bit.tif"), "sem")
    assert fei.spacing_um == pytest.approx((3.3724, 3.3724))
    assert fei.meta["data_bar_row"] == 442
    tescan = open_image(shared("data/sem/tescan.tif"), "sem")
    assert tescan.spacing_um == pytest.approx((2.5012, 2.5012))
    assert tescan.meta["data_bar_row"] == 768
    for name, bar_row in (("fei-navcam-no-scan-section", 512), ("jeol_example_sem", None)):
        path = shared(f"data/sem/{name}.tif")
        assert probe_image(path, "sem").spacing_um is None
        with pytest.raises(InputError, match="pixel size"):
            open_image(path, "sem")
        assert open_image(path, "sem", 1.0).meta["data_bar_row"] == bar_row


def test_tomogram_without_a_pixel_size(shared):
    path = shared("data/xct/cylindrical-cell/cell_vol")
    with pytest.raises(InputError, match="pixel size"):
        open_image(path, "xct")
    image = open_image(path, "xct", 3.5)
    assert image.data.shape == (24, 728, 728)
    assert image.data.dtype == np.uint8
    assert image.spacing_um == (3.5, 3.5, 3.5)
    assert image.data.std() > 5
    with pytest.raises(InputError, match="stack"):
        open_image(shared("data/xct/cylindrical-cell/im_1.tif"), "xct", 3.5)


def test_edx_of_a_vendor_is_refused_with_what_is_read(shared):
    for foreign in ("data/edx", "data/edx/mineral-p45.bcf"):
        with pytest.raises(InputError, match="one TIFF of counts for each element"):
            probe_image(shared(foreign), "edx")
