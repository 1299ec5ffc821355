from __future__ import annotations

import numpy as np
import pytest
import tifffile

from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, probe_image


@pytest.fixture
def counts() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    return {name: rng.poisson(3, (8, 10)).astype(np.uint16) for name in ("Na", "Al", "C", "O")}


@pytest.fixture
def folder(tmp_path, counts):
    for name, samples in counts.items():
        tifffile.imwrite(tmp_path / f"{name}.tif", samples)
    return tmp_path


def test_channels_come_by_atomic_number(folder, counts):
    image = open_image(folder, "edx", 2.0)
    assert image.axes == ("channel", "y", "x")
    assert image.meta["channels"] == ("C", "O", "Na", "Al")
    for channel, name in enumerate(image.meta["channels"]):
        np.testing.assert_array_equal(image.data[channel], counts[name])
    assert image.spacing_um == (2.0, 2.0)
    assert [p.stem for p in input_files(folder, "edx")] == ["C", "O", "Na", "Al"]
    assert probe_image(folder, "edx").spacing_um is None


def test_whole_numbers_in_floats_are_counts(folder, counts):
    tifffile.imwrite(folder / "Na.tif", counts["Na"].astype(np.float32))
    np.testing.assert_array_equal(open_image(folder, "edx", 1).data[2], counts["Na"])


@pytest.mark.parametrize(
    ("name", "samples", "words"),
    [
        ("Xx", np.zeros((8, 10), np.uint8), "'Xx'"),
        ("sum", np.zeros((8, 10), np.uint8), "'sum'"),
        ("Si", np.zeros((8, 11), np.uint8), "8x11"),
        ("Si", np.full((8, 10), -1, np.int16), "values from -1"),
        ("Si", np.full((8, 10), 0.5, np.float32), "not whole"),
        ("Si", np.full((8, 10), np.nan, np.float32), "not whole"),
        ("Si", np.zeros((2, 8, 10), np.uint8), "axes"),
    ],
)
def test_what_is_no_count_map_is_refused(folder, name, samples, words):
    tifffile.imwrite(folder / f"{name}.tif", samples, photometric="minisblack")
    with pytest.raises(InputError, match=words):
        open_image(folder, "edx", 1)


def test_sizes_in_the_files_must_agree(folder, counts):
    for number, (name, samples) in enumerate(counts.items()):
        size = 2.0 if number < 3 else 2.5
        metadata = {"axes": "YX", "unit": "um"}
        tifffile.imwrite(
            folder / f"{name}.tif", samples, imagej=True, resolution=(1 / size, 1 / size), metadata=metadata
        )
    with pytest.raises(InputError, match="pixel size"):
        probe_image(folder, "edx")
    (folder / "O.tif").unlink()
    assert probe_image(folder, "edx").spacing_um == pytest.approx((2.0, 2.0))
