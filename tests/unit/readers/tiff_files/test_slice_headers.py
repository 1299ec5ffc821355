from __future__ import annotations

import os
import time

import numpy as np
import pytest
import tifffile

from spallmap.errors import InputError
from spallmap.readers import probe_image

PLANE = np.zeros((20, 30), np.uint16)


def imagej(path, size_um, unit="micron"):
    text = f"ImageJ=1.53t\nunit={unit}\nspacing=5\n"
    tifffile.imwrite(path, PLANE, metadata=None, description=text, resolution=(1 / size_um, 1 / size_um))


def test_slices_of_two_pixel_sizes_are_refused_before_any_is_read(tmp_path):
    for number in range(6):
        imagej(tmp_path / f"{number}.tif", 4.66 if number != 4 else 9.32)
    with pytest.raises(InputError, match=r"4\.tif, pixel size.*9\.32.*4\.66.*0\.tif"):
        probe_image(tmp_path, "xct")
    imagej(tmp_path / "4.tif", 4.66, unit="pixel")
    with pytest.raises(InputError, match=r"4\.tif, pixel size: found none"):
        probe_image(tmp_path, "xct")
    imagej(tmp_path / "4.tif", 4.66)
    assert probe_image(tmp_path, "xct").spacing_um == pytest.approx((5.0, 4.66, 4.66), rel=1e-4)


def test_resolution_tags_of_plain_slices_that_contradict(tmp_path):
    def write(number, per_cm, unit="CENTIMETER"):
        tifffile.imwrite(
            tmp_path / f"{number}.tif", PLANE, metadata=None, resolution=(per_cm, per_cm), resolutionunit=unit
        )

    for number in range(5):
        write(number, 2146)
    assert probe_image(tmp_path, "xct").warnings == ()
    write(3, 1073)
    with pytest.raises(InputError, match=r"3\.tif.*resolution tags"):
        probe_image(tmp_path, "xct")
    write(3, 72, "INCH")
    (warning,) = probe_image(tmp_path, "xct").warnings
    assert "3.tif" in warning.source_label


@pytest.mark.parametrize(
    ("odd", "words"),
    [(np.zeros((20, 31), np.uint16), "20x31 uint16"), (np.zeros((20, 30), np.int16), "20x30 int16")],
)
def test_a_slice_of_another_size_or_type_is_named_by_the_probe(tmp_path, odd, words):
    for number in range(5):
        tifffile.imwrite(tmp_path / f"{number}.tif", odd if number == 3 else PLANE)
    with pytest.raises(InputError, match=rf"3\.tif.*{words}.*20x30 uint16"):
        probe_image(tmp_path, "xct")


def test_a_slice_that_cannot_be_read_is_named(tmp_path):
    for number in range(5):
        tifffile.imwrite(tmp_path / f"{number}.tif", PLANE)
    lost = tmp_path / "3.tif"
    lost.unlink()
    lost.symlink_to(tmp_path / "nowhere.tif")
    with pytest.raises(InputError, match=r"3\.tif.*a link to"):
        probe_image(tmp_path, "xct")
    lost.unlink()
    os.mkfifo(lost)
    with pytest.raises(InputError, match=r"3\.tif.*a pipe"):
        probe_image(tmp_path, "xct")
    lost.unlink()
    lost.write_bytes((tmp_path / "2.tif").read_bytes()[:9])
    with pytest.raises(InputError, match=r"3\.tif"):
        probe_image(tmp_path, "xct")
    lost.write_bytes(b"")
    with pytest.raises(InputError, match=r"3\.tif"):
        probe_image(tmp_path, "xct")


def test_two_thousand_headers_take_a_few_seconds(tmp_path):
    """Half a second on a quiet core; the bound leaves room for a busy one."""
    tifffile.imwrite(tmp_path / "0.tif", PLANE)
    content = (tmp_path / "0.tif").read_bytes()
    for number in range(1, 2000):
        (tmp_path / f"{number}.tif").write_bytes(content)
    start = time.process_time()
    assert probe_image(tmp_path, "xct").shape == (2000, 20, 30)
    assert time.process_time() - start < 8
