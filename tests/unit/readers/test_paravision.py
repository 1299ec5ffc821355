from __future__ import annotations

import shutil

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, probe_image

ECHOES = "(3, <FG_ECHO>, <>, 0, 1)"


def stored_frames(n: int, dtype: str = "int16") -> np.ndarray:
    return np.random.default_rng(n).integers(1, 30000, (n, 6, 4)).astype(dtype)


@pytest.mark.parametrize("dtype", ["int16", "int32", "float32"])
def test_echoes_are_scaled_frame_by_frame(write_scan, dtype):
    stored = stored_frames(3, dtype)
    scan = write_scan(stored, ECHOES, (2, 6, 10), (0.8, 0.6), slope=(0.5, 2.0, 0.25), offset=(0, 1, -2))
    image = open_image(scan, "mri")
    assert image.axes == ("echo", "y", "x")
    assert image.data.dtype == np.float32
    assert image.spacing_um == pytest.approx((100.0, 200.0))
    expected = stored * np.array([0.5, 2.0, 0.25])[:, None, None] + np.array([0, 1, -2])[:, None, None]
    np.testing.assert_allclose(image.data, expected, rtol=1e-6)
    assert image.meta["te_ms"] == (2.0, 6.0, 10.0)
    assert image.meta["magnitude"] is True
    assert image.meta["train"] == "cpmg"


def test_scan_folder_reconstruction_folder_and_file_are_the_same(write_scan):
    scan = write_scan(stored_frames(3), ECHOES, (2, 6, 10), (1, 1))
    for path in (scan / "pdata" / "1", scan / "pdata" / "1" / "2dseq"):
        np.testing.assert_array_equal(open_image(path, "mri").data, open_image(scan, "mri").data)
    assert [p.name for p in input_files(scan, "mri")] == ["2dseq", "visu_pars"]


@pytest.mark.parametrize("echo_first", [True, False])
def test_frame_order_follows_the_frame_groups(write_scan, echo_first):
    stored = stored_frames(6)
    echo, slices = "(3, <FG_ECHO>, <>, 0, 1)", "(2, <FG_SLICE>, <>, 1, 2)"
    groups = f"{echo} {slices}" if echo_first else f"{slices} {echo}"
    positions = ((0, 0, 0), (0, 0, 0.5))
    image = open_image(write_scan(stored, groups, (2, 6, 10), (1, 1), positions=positions), "mri")
    assert image.axes == ("echo", "z", "y", "x")
    assert image.spacing_um[0] == pytest.approx(500.0)
    for e in range(3):
        for z in range(2):
            frame = z * 3 + e if echo_first else e * 2 + z
            np.testing.assert_array_equal(image.data[e, z], stored[frame])


def test_slices_against_the_normal_are_turned_round(write_scan):
    stored = stored_frames(2)
    groups = "(2, <FG_SLICE>, <>, 0, 2)"
    image = open_image(write_scan(stored, groups, (5,), (1, 1), positions=((0, 0, 3), (0, 0, 1))), "mri")
    np.testing.assert_array_equal(image.data[0], stored[::-1])
    assert image.meta["position_mm"] == (0.0, 0.0, 1.0)
    assert image.spacing_um[0] == pytest.approx(2000.0)


def test_one_frame_without_groups(write_scan):
    stored = stored_frames(1)
    image = open_image(write_scan(stored, "", (20,), (1, 1)), "mri")
    np.testing.assert_array_equal(image.data, stored)
    assert image.meta["train"] == "unknown"


def test_complex_frames(write_scan):
    stored = stored_frames(6)
    groups = "(2, <FG_COMPLEX>, <>, 0, 1) (3, <FG_ECHO>, <>, 0, 1)"
    scan = write_scan(stored, groups, (2, 6, 10), (1, 1), frame_type="COMPLEX_IMAGE")
    image = open_image(scan, "mri")
    np.testing.assert_array_equal(image.data, stored[::2] + 1j * stored[1::2])
    assert image.data.dtype == np.complex64
    assert image.meta["magnitude"] is False


def test_probe_agrees_with_open(write_scan):
    scan = write_scan(stored_frames(3), ECHOES, (2, 6, 10), (1, 1))
    info, image = probe_image(scan, "mri"), open_image(scan, "mri")
    assert (info.shape, info.axes, info.spacing_um) == (image.data.shape, image.axes, image.spacing_um)
    assert info.dtype == image.data.dtype.name
    assert probe_image(scan, "mri", (1.0, 2.0)).spacing_um == (1.0, 2.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"te_ms": (2, 6, 20000)}, "echo times"),
        ({"te_ms": (0.002, 0.006, 0.010)}, "echo times"),
        ({"te_ms": (2, 6)}, "2 echo times for 3 echoes"),
        ({"groups": "(3, <FG_CYCLE>, <>, 0, 1)"}, "FG_CYCLE"),
        ({"frame_type": "PHASE_IMAGE"}, "PHASE_IMAGE"),
        ({"skip": ("VisuCoreSize",)}, "visu_pars"),
        ({"skip": ("VisuAcqEchoTime",)}, "VisuAcqEchoTime"),
        ({"skip": ("VisuCoreWordType",)}, "visu_pars"),
    ],
)
def test_what_cannot_be_read_is_refused(write_scan, change, words):
    arguments = {"groups": ECHOES, "te_ms": (2, 6, 10), "extent_mm": (1, 1), **change}
    scan = write_scan(stored_frames(3), **arguments)
    with pytest.raises(InputError, match=words):
        probe_image(scan, "mri")


def test_unequal_slices_are_refused(write_scan):
    positions = ((0, 0, 0), (0, 0, 1), (0, 0, 3))
    scan = write_scan(stored_frames(3), "(3, <FG_SLICE>, <>, 0, 2)", (5,), (1, 1), positions=positions)
    with pytest.raises(InputError, match="slice gaps"):
        open_image(scan, "mri")


def test_cut_file_names_its_bytes(write_scan):
    scan = write_scan(stored_frames(3), ECHOES, (2, 6, 10), (1, 1))
    image = scan / "pdata" / "1" / "2dseq"
    image.write_bytes(image.read_bytes()[:-2])
    with pytest.raises(InputError, match=r"142 bytes.*144 bytes"):
        probe_image(scan, "mri")


def test_missing_parts_are_named(write_scan, tmp_path):
    scan = write_scan(stored_frames(3), ECHOES, (2, 6, 10), (1, 1))
    (scan / "pdata" / "1" / "visu_pars").unlink()
    with pytest.raises(InputError, match="no visu_pars"):
        open_image(scan, "mri")
    shutil.rmtree(scan / "pdata")
    (scan / "fid").write_bytes(b"")
    with pytest.raises(InputError, match="raw data without a reconstruction"):
        open_image(scan, "mri")
