from __future__ import annotations

import numpy as np

from spallmap.results.ome_tiff import SD_SUFFIX, write_ome_tiff
from spallmap.results.section_images import read_counts, read_grey_image

RNG = np.random.default_rng(5)


def test_grey_values_come_with_their_mask(tmp_path):
    grey, mask = RNG.uniform(0, 255, (6, 9)).astype(np.float32), RNG.uniform(size=(6, 9)) > 0.3
    write_ome_tiff(tmp_path / "image.ome.tif", np.stack([grey, mask]), ("grey", "mask"), (0.25, 0.5))
    image = read_grey_image(tmp_path / "image.ome.tif")
    np.testing.assert_array_equal(image.data, grey)
    np.testing.assert_array_equal(image.mask, mask)
    assert (image.axes, image.spacing_um) == (("y", "x"), (0.25, 0.5))


def test_counts_come_without_their_errors(tmp_path):
    names = ("Na", "Al", f"Na{SD_SUFFIX}", f"Al{SD_SUFFIX}")
    stack = RNG.uniform(0, 50, (4, 6, 9)).astype(np.float32)
    write_ome_tiff(tmp_path / "elements.ome.tif", stack, names, (2.0, 2.0))
    counts = read_counts(tmp_path / "elements.ome.tif")
    np.testing.assert_array_equal(counts.data, stack[:2])
    assert counts.meta["channels"] == ("Na", "Al")
    assert counts.axes == ("channel", "y", "x")
    assert counts.mask is None
