from __future__ import annotations

import numpy as np
import pytest
import tifffile

from spallmap.readers import open_image, open_volume, probe_image

RNG = np.random.default_rng(4)


@pytest.mark.parametrize("end", [255, 1023, 4095, 16383, 65535])
def test_a_section_cut_off_at_the_bright_end_is_reported_with_its_fraction(tmp_path, end):
    image = np.minimum(RNG.normal(0.7, 0.2, (200, 260)).clip(0) * end, end)
    image = image.astype(np.uint8 if end == 255 else np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", image)
    opened = open_image(tmp_path / "a.tif", "sem", 1.0)
    fraction = 100 * np.mean(image == end)
    (warning,) = opened.warnings
    assert f"{fraction:.1f} % of the samples at {end}" in warning.found
    assert opened.clipped is not None
    np.testing.assert_array_equal(opened.clipped, image == end)


def test_a_section_cut_off_at_the_dark_end(tmp_path):
    image = (RNG.normal(0.0, 0.2, (200, 260)).clip(0, 0.9) * 255).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", image)
    (warning,) = open_image(tmp_path / "a.tif", "sem", 1.0).warnings
    assert "at 0" in warning.found


def test_good_sections_drawings_and_data_bars_are_left_in_peace(tmp_path):
    good = (RNG.normal(0.5, 0.15, (200, 260)).clip(0, 1) * 255).astype(np.uint8)
    good[:2, :] = 255  # a charging edge
    bar = good.copy()
    bar[150:] = 255
    bar[160:170, 20:120] = 0
    mask = np.where(good > 128, 255, 0).astype(np.uint8)
    for name, image in (("good", good), ("bar", bar), ("mask", mask), ("floats", good / np.float32(255))):
        tifffile.imwrite(tmp_path / f"{name}.tif", image)
        opened = open_image(tmp_path / f"{name}.tif", "sem", 1.0)
        assert opened.warnings == ()
        assert opened.clipped is None


@pytest.mark.parametrize("kind", ["folder", "stack", "packed", "white"])
def test_a_tomogram_cut_off_at_the_bright_end(tmp_path, kind):
    volume = np.minimum(RNG.normal(0.75, 0.2, (8, 60, 70)).clip(0) * 4095, 4095).astype(np.uint16)
    path = tmp_path / "scan"
    if kind == "folder":
        path.mkdir()
        for number, plane in enumerate(volume):
            tifffile.imwrite(path / f"{number}.tif", plane)
    else:
        path = tmp_path / "scan.tif"
        stored = 65535 - volume if kind == "white" else volume
        photometric = "miniswhite" if kind == "white" else "minisblack"
        compression = "zlib" if kind == "packed" else None
        tifffile.imwrite(path, stored, photometric=photometric, compression=compression)
    assert probe_image(path, "xct").warnings == ()  # headers alone
    with open_volume(path, 4.0) as source:
        (warning,) = source.info.warnings
    assert "at 4095" in warning.found


def test_tomograms_that_are_whole_have_no_warning(tmp_path):
    volume = (RNG.normal(0.5, 0.1, (8, 60, 70)).clip(0, 0.95) * 65535).astype(np.uint16)
    volume[:, :20] = 0  # outside the field
    volume[0, 30, 30:34] = 65535
    for name, data in (
        ("a", volume),
        ("floats", volume.astype(np.float32)),
        ("labels", volume // 16384 * 21845),
    ):
        tifffile.imwrite(tmp_path / f"{name}.tif", data, photometric="minisblack")
        with open_volume(tmp_path / f"{name}.tif", 4.0) as source:
            assert source.info.warnings == ()
