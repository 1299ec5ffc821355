from __future__ import annotations

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image

ROWS, COLUMNS = np.mgrid[:120, :160]
PATTERN = np.sin(COLUMNS / 15) * np.cos(ROWS / 11) + 1.2


def counts(mean: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).poisson(mean * PATTERN)


def stretched(image: np.ndarray) -> np.ndarray:
    low, high = image.min(), image.max()
    return np.round((image - low) * 255 / (high - low)).astype(np.uint8)


def write(folder, image, **options):
    tifffile.imwrite(folder / "Na.tif", image, **options)


@pytest.mark.parametrize("mean", [0.3, 1, 3, 12, 50, 200, 2000])
def test_counts_are_counts(tmp_path, mean):
    data = counts(mean)
    write(tmp_path, data.astype(np.uint16))
    image = open_image(tmp_path, "edx", 1.0)
    np.testing.assert_array_equal(image.data[0], data)
    assert image.warnings == ()
    assert image.clipped is None


@pytest.mark.parametrize("mean", [0.3, 1, 3, 12, 50, 400, 2000])
def test_a_map_stretched_to_8_bits_is_refused(tmp_path, mean):
    write(tmp_path, stretched(counts(mean)))
    with pytest.raises(InputError, match=r"Na\.tif.*a picture, no counts"):
        open_image(tmp_path, "edx", 1.0)


@pytest.mark.parametrize("percent", [0.5, 2])
def test_a_map_stretched_between_percentiles_is_refused(tmp_path, percent):
    data = counts(12)
    low, high = np.percentile(data, [percent, 100 - percent])
    write(tmp_path, ((data - low) * 255 / (high - low)).clip(0, 255).astype(np.uint8))
    with pytest.raises(InputError, match="a picture"):
        open_image(tmp_path, "edx", 1.0)


def test_a_smoothed_map_stretched_to_8_bits_is_refused(tmp_path):
    write(tmp_path, stretched(ndimage.gaussian_filter(counts(25).astype(float), 1)))
    with pytest.raises(InputError, match="neighbours differ"):
        open_image(tmp_path, "edx", 1.0)


def test_counts_cut_off_at_255_are_reported(tmp_path):
    data = counts(150)
    clipped = np.minimum(data, 255).astype(np.uint8)
    write(tmp_path, clipped)
    image = open_image(tmp_path, "edx", 1.0)
    np.testing.assert_array_equal(image.data[0], clipped)
    (warning,) = image.warnings
    assert f"{100 * np.mean(data >= 255):.2g} % of the counts at 255" in warning.found
    assert image.clipped is not None
    np.testing.assert_array_equal(image.clipped[0], data >= 255)


def test_counts_that_just_reach_255_are_reported(tmp_path):
    data = counts(80)
    data[data >= 255] = 254
    data[3, 4], data[5, 6] = 255, 0
    write(tmp_path, data.astype(np.uint8))
    (warning,) = open_image(tmp_path, "edx", 1.0).warnings
    assert "exactly 255" in warning.found


def test_pictures_in_colours_are_refused(tmp_path):
    grey = stretched(counts(3))
    ramp = np.stack([np.arange(256) * 257] * 3).astype(np.uint16)
    write(tmp_path, grey, photometric="palette", colormap=ramp)
    with pytest.raises(InputError, match=r"Na\.tif.*colour table.*not as a picture"):
        probe_image(tmp_path, "edx")
    write(tmp_path, np.stack([grey] * 3, axis=-1), photometric="rgb")
    with pytest.raises(InputError, match=r"Na\.tif.*3 colours.*not as a picture"):
        probe_image(tmp_path, "edx")


def test_two_phases_of_many_counts_are_no_picture(tmp_path):
    rng = np.random.default_rng(3)
    rich = ndimage.gaussian_filter(rng.normal(0, 1, (192, 256)), 12) > 0
    for mean in (100, 2000):
        write(tmp_path, rng.poisson(np.where(rich, mean, mean / 6)).astype(np.uint16))
        assert not open_image(tmp_path, "edx", 2.0).warnings


@pytest.mark.parametrize("mean", [4, 40, 2000])
def test_a_map_stretched_to_16_bits_is_refused(tmp_path, mean):
    picture = counts(mean).astype(np.float64)
    write(tmp_path, np.rint(65535 * picture / picture.max()).astype(np.uint16))
    with pytest.raises(InputError, match="a picture, no counts"):
        open_image(tmp_path, "edx", 2.0)


def test_a_map_compressed_as_jpeg_is_refused(tmp_path):
    write(tmp_path, counts(12).astype(np.uint8), compression="jpeg")
    with pytest.raises(InputError, match="compressed as JPEG"):
        probe_image(tmp_path, "edx")


def test_a_map_under_two_names_is_said(tmp_path):
    for name in ("Na", "Al"):
        tifffile.imwrite(tmp_path / f"{name}.tif", counts(12).astype(np.uint16))
    [warning] = open_image(tmp_path, "edx", 2.0).warnings
    assert warning.found == "the counts of Na.tif"
