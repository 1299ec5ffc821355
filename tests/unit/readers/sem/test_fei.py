from __future__ import annotations

import pytest
import tifffile

from spallmap.readers import open_image, probe_image
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


def write(path, image, scan: dict[str, float], rows: dict[str, float], code: int = 34682):
    lines = [
        "[Scan]",
        *(f"{k}={v:g}" for k, v in scan.items()),
        "[Image]",
        *(f"{k}={v:g}" for k, v in rows.items()),
    ]
    tag = (code, "s", 0, ("\r\n".join(lines) + "\r\n").encode(), True)
    tifffile.imwrite(path, image, extratags=[tag], metadata=None)


SCAN = {"PixelWidth": 1e-7, "PixelHeight": 1e-7, "HorFieldsize": 520e-7, "VerFieldsize": 360e-7}
ROWS = {"ResolutionX": 520, "ResolutionY": 360}


@pytest.mark.parametrize(
    ("scan", "rows"),
    [
        (SCAN, ROWS),
        (SCAN, {}),
        ({k: v for k, v in SCAN.items() if "Field" not in k}, ROWS),
    ],
)
def test_an_image_stored_at_half_its_size(tmp_path, scan, rows):
    """260 columns of a scan of 520: by the field, by the columns, or by both."""
    write(tmp_path / "a.tif", section(), scan, rows)
    image = open_image(tmp_path / "a.tif", "sem")
    assert image.spacing_um == pytest.approx((0.2, 0.2))
    assert "another size" in image.warnings[0].found
    if rows:
        assert image.meta["data_bar_row"] == 180


def test_sizes_that_agree_have_no_warning(tmp_path):
    scan = SCAN | {"HorFieldsize": 260e-7, "VerFieldsize": 180e-7}
    write(tmp_path / "a.tif", section(), scan, {"ResolutionX": 260, "ResolutionY": 180})
    image = open_image(tmp_path / "a.tif", "sem")
    assert image.spacing_um == pytest.approx((0.1, 0.1))
    assert image.warnings == ()


def test_a_field_that_contradicts_the_pixels_decides(tmp_path):
    write(tmp_path / "a.tif", section(), SCAN, {"ResolutionX": 260, "ResolutionY": 180})
    image = open_image(tmp_path / "a.tif", "sem")
    assert image.spacing_um == pytest.approx((0.2, 0.2))
    assert len(image.warnings) == 1


def test_a_height_of_its_own(tmp_path):
    scan = {"PixelWidth": 1e-7, "PixelHeight": 1e-7, "HorFieldsize": 260e-7, "VerFieldsize": 270e-7}
    write(tmp_path / "a.tif", section(), scan, {"ResolutionX": 260, "ResolutionY": 180})
    image = open_image(tmp_path / "a.tif", "sem")
    assert image.spacing_um == pytest.approx((0.15, 0.1))
    assert "VerFieldsize" in image.warnings[0].found


def test_a_cropped_image_has_no_size(tmp_path):
    write(tmp_path / "a.tif", section()[:60], SCAN, ROWS)
    info = probe_image(tmp_path / "a.tif", "sem")
    assert info.spacing_um is None
    assert "cropped" in info.warnings[0].found


@pytest.mark.parametrize("value", [0.0, -1e-7, float("nan"), float("inf")])
def test_sizes_that_are_no_number(tmp_path, value):
    write(tmp_path / "a.tif", section(), SCAN | {"PixelWidth": value}, ROWS)
    assert probe_image(tmp_path / "a.tif", "sem").spacing_um is None
