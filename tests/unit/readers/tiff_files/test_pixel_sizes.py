from __future__ import annotations

import numpy as np
import pytest
import tifffile

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image

STACK = np.random.default_rng(2).integers(200, 60000, (5, 20, 30)).astype(np.uint16)


def imagej(path, resolution, *lines: str, stack=STACK):
    text = "\n".join(("ImageJ=1.53t", f"images={len(stack)}", f"slices={len(stack)}", *lines)) + "\n"
    tifffile.imwrite(
        path, stack, metadata=None, description=text, resolution=resolution, photometric="minisblack"
    )


@pytest.mark.parametrize(
    ("resolution", "lines", "size"),
    [
        ((1 / 4.66, 1 / 0.00466), ("unit=micron", "yunit=mm", "spacing=5"), (5.0, 4.66, 4.66)),
        ((1 / 4.66, 1 / 4.66), ("unit=micron", "zunit=nm", "spacing=5000"), (5.0, 4.66, 4.66)),
        ((1 / 4.66, 1 / 4.66), ("unit=um", "spacing=-5"), (5.0, 4.66, 4.66)),
        ((1 / 4.66, 1 / 4.66), ("unit=\\u00B5m", "spacing=5"), (5.0, 4.66, 4.66)),
        ((1 / 4.66, 1 / 4.66), ("unit=microns", "spacing=5"), (5.0, 4.66, 4.66)),
        ((1 / 0.000466, 1 / 0.000466), ("unit=cm", "spacing=0.0005"), (5.0, 4.66, 4.66)),
        ((1 / 4.66, 1 / 4.66), ("unit=micron",), None),
        ((96, 96), ("unit=inch", "spacing=0.01"), None),
        ((300, 300), ("unit=in", "spacing=0.01"), None),
        ((28.35, 28.35), ("unit=cm", "spacing=0.01"), None),
        ((118.11, 118.11), ("unit=cm", "spacing=0.01"), None),
        ((1, 1), ("unit=micron", "spacing=5"), None),
        ((1 / 4.66, 1 / 4.66), ("unit=", "spacing=5"), None),
        ((1 / 4.66, 1 / 4.66), ("spacing=5",), None),
        ((1 / 4.66, 1 / 4.66), ("unit=pixel", "spacing=5"), None),
        ((1 / 4.66, 1 / 4.66), ('unit="m"', "spacing=5"), None),
        ((1 / 4.66, 1 / 4.66), ("unit=\ufffdm".encode().decode("latin-1"), "spacing=5"), None),
        ((1 / 4.66, 1 / 4.66), ("unit=micron", "yunit=pixel", "spacing=5"), None),
        ((1 / 4.66, 1 / 4.66), ("unit=micron", "spacing=nan"), None),
        ((1 / 4.66, 1 / 4.66), ("unit=micron", "spacing=1e400"), None),
        ((1 / 4.66, 1 / 4.66), ("unit=micron", "spacing=0"), None),
        ((1 / 4.66, 1 / 4.66), ("unit=micron", "spacing=five"), None),
    ],
)
def test_imagej_sizes(tmp_path, resolution, lines, size):
    path = tmp_path / "a.tif"
    if all(line.isascii() for line in lines):
        imagej(path, resolution, *lines)
    else:
        imagej(path, resolution, "unit=?m", *lines[1:])
    found = probe_image(path, "xct").spacing_um
    assert found == (None if size is None else pytest.approx(size, rel=1e-4))


def test_micro_signs_of_other_encodings(tmp_path):
    for number, unit in enumerate(("µm".encode("latin-1"), "µm".encode(), "\u03bcm".encode())):
        text = b"ImageJ=1.53t\nimages=5\nslices=5\nspacing=5\nunit=" + unit + b"\n"
        path = tmp_path / f"{number}.tif"
        tifffile.imwrite(path, STACK, metadata=None, description=text, resolution=(1 / 4.66, 1 / 4.66))
        assert probe_image(path, "xct").spacing_um == pytest.approx((5.0, 4.66, 4.66), rel=1e-4)


@pytest.mark.parametrize("value", [(0, 0), (0, 1), (1, 0), (4294967295, 1)])
def test_resolutions_that_are_no_number(tmp_path, value):
    imagej(tmp_path / "a.tif", (1 / 4.66, 1 / 4.66), "unit=micron", "spacing=5")
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as tif:
        tif.pages[0].tags["YResolution"].overwrite(value)
    if value == (4294967295, 1):
        with pytest.raises(InputError, match="pixel size"):
            probe_image(tmp_path / "a.tif", "xct")
    else:
        assert probe_image(tmp_path / "a.tif", "xct").spacing_um is None


@pytest.mark.parametrize(
    ("sizes", "size"),
    [
        ({"X": 4.66, "Y": 4.66, "Z": 5}, (5.0, 4.66, 4.66)),
        ({"X": 4.66, "Y": 4.66}, None),
        ({"X": 4.66}, None),
        ({"X": 4.66, "Y": 0, "Z": 5}, None),
        ({"X": 4.66, "Y": -4.66, "Z": 5}, None),
        ({"X": 4.66, "Y": "NaN", "Z": 5}, None),
        ({"X": 4.66, "Y": "INF", "Z": 5}, None),
        ({"X": 4.66, "Y": 4.66, "Z": 5, "ZUnit": "pixel"}, None),
        ({"X": 4.66, "Y": 4.66, "Z": 5, "ZUnit": "reference frame"}, None),
        ({"X": 4.66, "Y": 4.66, "Z": 5, "ZUnit": "Mm"}, None),
        (
            {"X": 4660, "XUnit": "nm", "Y": 0.00466, "YUnit": "mm", "Z": 0.0005, "ZUnit": "cm"},
            (5.0, 4.66, 4.66),
        ),
    ],
)
def test_ome_sizes(tmp_path, sizes, size):
    metadata = {"axes": "ZYX"} | {f"PhysicalSize{key}": value for key, value in sizes.items()}
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, metadata=metadata)
    found = probe_image(tmp_path / "a.ome.tif", "xct").spacing_um
    assert found == (None if size is None else pytest.approx(size))


def test_an_ome_size_that_is_no_number_is_named(tmp_path):
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, metadata={"axes": "ZYX", "PhysicalSizeX": "4,66"})
    with pytest.raises(InputError, match=r"a\.ome\.tif.*PhysicalSizeX.*4,66"):
        probe_image(tmp_path / "a.ome.tif", "xct")


def test_screen_resolutions_of_a_section_are_no_size(tmp_path):
    for dots in (72, 96, 150, 300):
        imagej(tmp_path / "a.tif", (dots, dots), "unit=inch", stack=STACK[:1])
        with pytest.raises(InputError, match="no pixel size"):
            open_image(tmp_path / "a.tif", "sem")
