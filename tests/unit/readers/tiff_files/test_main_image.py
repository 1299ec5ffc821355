from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tifffile

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image

RNG = np.random.default_rng(5)
DATA = RNG.integers(100, 60000, (40, 60)).astype(np.uint16)
GREY_RGB = np.repeat((DATA[::2, ::2] >> 8).astype(np.uint8)[..., None], 3, axis=-1)


def write(path, *images):
    """Images with options: (samples, photometric, subfiletype, further options)."""
    with tifffile.TiffWriter(path) as writer:
        for samples, options in images:
            kind = {"photometric": "rgb" if samples.shape[-1] == 3 else "minisblack", "metadata": None}
            writer.write(samples, **(kind | options))


def test_a_preview_before_or_behind_the_data_is_left_out(tmp_path):
    small = (DATA[::4, ::4] >> 8).astype(np.uint8)
    full = np.repeat((DATA >> 8).astype(np.uint8)[..., None], 3, axis=-1)
    for number, preview in enumerate(
        ((GREY_RGB, {}), (GREY_RGB, {"subfiletype": 1}), (small, {}), (small, {"subfiletype": 1}), (full, {}))
    ):
        for order, images in enumerate(([preview, (DATA, {})], [(DATA, {}), preview])):
            path = tmp_path / f"{number}-{order}.tif"
            write(path, *images)
            image = open_image(path, "sem", 1.0)
            assert image.data.dtype == np.uint16
            np.testing.assert_array_equal(image.data, DATA)


def test_a_preview_before_the_data_of_every_other_modality(tmp_path):
    for name in ("edx", "mri", "xct"):
        (tmp_path / name).mkdir()
    counts = RNG.poisson(4, DATA.shape).astype(np.uint16)
    write(tmp_path / "edx" / "Na.tif", (GREY_RGB, {"subfiletype": 1}), (counts, {}))
    np.testing.assert_array_equal(open_image(tmp_path / "edx", "edx", 1.0).data[0], counts)
    for number in range(3):
        write(tmp_path / "mri" / f"{number}.tif", (GREY_RGB, {}), (DATA + number, {}))
        write(tmp_path / "xct" / f"{number}.tif", (GREY_RGB, {}), (DATA + number, {}))
    (tmp_path / "mri" / "echo_times_ms.txt").write_text("2 6 10")
    wanted = np.stack([DATA + number for number in range(3)])
    np.testing.assert_array_equal(open_image(tmp_path / "mri", "mri", 50.0).data, wanted)
    np.testing.assert_array_equal(open_image(tmp_path / "xct", "xct", 1.0).data, wanted)
    images = [(GREY_RGB, {"subfiletype": 1}), *((wanted[k], {}) for k in range(3))]
    write(tmp_path / "stack.tif", *images)
    np.testing.assert_array_equal(open_image(tmp_path / "stack.tif", "xct", 1.0).data, wanted)


def test_images_of_which_several_may_be_meant_are_refused(tmp_path):
    other = DATA[:30, :40]
    cases: dict[str, list[Any]] = {
        "two greys": [(DATA, {}), (other, {})],
        "two depths": [((DATA >> 8).astype(np.uint8), {}), (DATA, {})],
        "another field": [(np.zeros((20, 20, 3), np.uint8), {}), (DATA, {})],
        "larger colours": [(np.zeros((80, 120, 3), np.uint8), {}), (DATA, {})],
    }
    for name, images in cases.items():
        path = tmp_path / f"{name}.tif"
        write(path, *images)
        with pytest.raises(InputError, match=rf"{name}\.tif.*unequal size or type"):
            probe_image(path, "sem")


def test_a_copy_marked_among_slices_is_refused(tmp_path):
    """It has the size and type of the slices, and would be one of them."""
    path = tmp_path / "stack.tif"
    write(path, (DATA, {"subfiletype": 1}), *[(DATA + k, {}) for k in range(4)])
    with pytest.raises(InputError, match=r"stack\.tif, page 0.*reduced copy"):
        probe_image(path, "xct")


def test_data_in_sub_directories_alone_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write((DATA[::4, ::4] >> 8).astype(np.uint8), subifds=1, subfiletype=1, metadata=None)
        writer.write(DATA, subfiletype=0, metadata=None)
    with pytest.raises(InputError, match=r"a\.tif.*SubIFDs"):
        probe_image(tmp_path / "a.tif", "sem")


def test_a_pyramid_below_the_data_is_left_alone(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(DATA, subifds=1, metadata=None)
        writer.write(DATA[::2, ::2], subfiletype=1, metadata=None)
    np.testing.assert_array_equal(open_image(tmp_path / "a.tif", "sem", 1.0).data, DATA)


@pytest.mark.parametrize("compression", ["jpegxl", "webp", "png"])
def test_codecs_that_cannot_be_bounded_are_refused(tmp_path, compression):
    picture = np.zeros((16, 32, 3), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", picture, photometric="rgb", compression=compression)
    with pytest.raises(InputError, match=r"a\.tif.*Compression.*Deflate"):
        probe_image(tmp_path / "a.tif", "sem")


@pytest.mark.parametrize("compression", ["zlib", "lzw", "zstd", "lzma", "packbits", "lerc", "jpeg2000", None])
@pytest.mark.parametrize("tile", [None, (16, 32)])
def test_codecs_that_are_read(tmp_path, compression, tile):
    tifffile.imwrite(tmp_path / "a.tif", DATA, compression=compression, tile=tile, metadata=None)
    np.testing.assert_array_equal(open_image(tmp_path / "a.tif", "sem", 1.0).data, DATA)
    stack = np.stack([DATA, DATA + 1])
    tifffile.imwrite(tmp_path / "b.tif", stack, compression=compression, tile=tile, photometric="minisblack")
    np.testing.assert_array_equal(open_image(tmp_path / "b.tif", "xct", 1.0).data, stack)
