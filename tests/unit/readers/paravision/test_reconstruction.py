from __future__ import annotations

import shutil

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, probe_image
from tests.unit.readers.paravision.stored_frames import (
    CYCLES,
    DEPENDENT,
    ECHOES,
    SLICES,
    TE_MS,
    stored_frames,
)


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32"])
def test_echoes_are_scaled_frame_by_frame(write_scan, dtype, big_endian):
    stored = stored_frames(3, dtype)
    slope, offset = (0.5, 2.0, 0.25), (0, 1, -2)
    scan = write_scan(stored, ECHOES, TE_MS, (0.8, 0.6), slope=slope, offset=offset, big_endian=big_endian)
    image = open_image(scan, "mri")
    assert image.axes == ("echo", "y", "x")
    assert image.data.dtype == np.float32
    assert image.spacing_um == pytest.approx((100.0, 200.0))
    expected = stored * np.array(slope)[:, None, None] + np.array(offset)[:, None, None]
    np.testing.assert_allclose(image.data, expected, rtol=1e-6)
    assert image.meta["te_ms"] == TE_MS
    assert image.meta["magnitude"] is True
    assert image.meta["train"] == "cpmg"
    assert image.meta["repetitions"] == 1


def test_another_library_reads_the_same(write_scan):
    """brukerapi keeps the frame groups as axes, from the fastest to the slowest."""
    from brukerapi.dataset import Dataset

    stored = stored_frames(24)
    slope, offset = np.linspace(0.2, 3, 24), np.linspace(-50, 70, 24)
    groups = f"{SLICES} {CYCLES} {ECHOES}"
    more = {"VisuGroupDepVals": DEPENDENT}
    positions = ((0, 0, 0), (0, 0, 0.5))
    scan = write_scan(stored, groups, TE_MS, (1, 1), slope, offset, positions=positions, more=more)
    theirs = Dataset(scan / "pdata" / "1" / "2dseq").data  # x, y, slice, cycle, echo
    ours = open_image(scan, "mri").data.reshape(3, 4, 2, 6, 4)
    np.testing.assert_allclose(ours, theirs.transpose(4, 3, 2, 1, 0), rtol=1e-5)


def test_scan_folder_reconstruction_folder_and_file_are_the_same(write_scan):
    scan = write_scan(stored_frames(3), ECHOES, TE_MS, (1, 1))
    for path in (scan / "pdata" / "1", scan / "pdata" / "1" / "2dseq"):
        np.testing.assert_array_equal(open_image(path, "mri").data, open_image(scan, "mri").data)
    assert [p.name for p in input_files(scan, "mri")] == ["2dseq", "visu_pars"]


def test_large_integers_keep_their_digits(write_scan):
    stored = np.full((3, 6, 4), 2**30 + 1, np.int32)
    stored[:, 0] += 1
    scan = write_scan(stored, ECHOES, TE_MS, (1, 1), slope=1.0, offset=-(2.0**30))
    np.testing.assert_array_equal(open_image(scan, "mri").data, stored - 2.0**30)


def test_slices_against_the_normal_are_reversed(write_scan):
    stored = stored_frames(2)
    groups = "(2, <FG_SLICE>, <>, 0, 2)"
    image = open_image(write_scan(stored, groups, (5,), (1, 1), positions=((0, 0, 3), (0, 0, 1))), "mri")
    np.testing.assert_array_equal(image.data[0], stored[::-1])
    assert image.meta["position_mm"] == (0.0, 0.0, 1.0)
    assert image.spacing_um[0] == pytest.approx(2000.0)


def test_slices_stored_backwards(write_scan):
    stored = stored_frames(2)
    more = {"VisuCoreDiskSliceOrder": "disk_reverse_slice_order"}
    positions = ((0, 0, 1), (0, 0, 3))
    scan = write_scan(stored, "(2, <FG_SLICE>, <>, 0, 2)", (5,), (1, 1), positions=positions, more=more)
    image = open_image(scan, "mri")
    np.testing.assert_array_equal(image.data[0], stored[::-1])
    assert image.meta["position_mm"] == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("backwards", [False, True])
def test_volumes(write_scan, backwards):
    stored = stored_frames(3, shape=(5, 6, 4))
    more = {"VisuCoreDiskSliceOrder": f"disk_{'reverse' if backwards else 'normal'}_slice_order"}
    image = open_image(write_scan(stored, ECHOES, TE_MS, (0.4, 1.2, 2.5), more=more), "mri")
    assert image.axes == ("echo", "z", "y", "x")
    assert image.spacing_um == pytest.approx((500, 200, 100))
    np.testing.assert_array_equal(image.data, stored[:, ::-1] if backwards else stored)


def test_a_frame_stored_transposed_is_read_as_its_size_says(write_scan):
    """ParaVision exchanges size, extent and orientation of a transposed frame: rows stay rows."""
    stored = stored_frames(1, shape=(3, 7))
    orientation = (1, 0, 0, 0, 0, -1, 0, 1, 0)
    image = open_image(write_scan(stored, "", (5,), (1.4, 0.3), orientation=orientation), "mri")
    np.testing.assert_array_equal(image.data, stored)
    assert image.spacing_um == pytest.approx((100, 200))


def test_a_real_channel_is_no_magnitude(write_scan):
    image = open_image(write_scan(stored_frames(3), ECHOES, TE_MS, (1, 1), frame_type="REAL_IMAGE"), "mri")
    assert image.meta["magnitude"] is False
    assert image.data.dtype == np.float32


def test_probe_agrees_with_open(write_scan):
    scan = write_scan(stored_frames(3), ECHOES, TE_MS, (1, 1))
    info, image = probe_image(scan, "mri"), open_image(scan, "mri")
    assert (info.shape, info.axes, info.spacing_um) == (image.data.shape, image.axes, image.spacing_um)
    assert info.dtype == image.data.dtype.name
    assert probe_image(scan, "mri", (10.0, 20.0)).spacing_um == (10.0, 20.0)


OTHER_TIMES = {
    "VisuGroupDepVals": "( 1 )\n(<VisuAcqRepetitionTime>, 0)",
    "VisuAcqRepetitionTime": "( 3 )\n100 200 400",
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"te_ms": (2, 6, 20000)}, "echo times"),
        ({"te_ms": (0.002, 0.006, 0.010)}, "probably seconds"),
        ({"te_ms": (2, 6)}, "2 echo times for 3 echoes"),
        ({"groups": "(3, <FG_DIFFUSION>, <>, 0, 1)"}, "FG_DIFFUSION"),
        (
            {"more": {"VisuFGOrderDesc": "( 1 )\n(3, <FG_ISA>, <T2 relaxation: y=A+C*exp(-t/T2)>, 0, 0)"}},
            "FG_ISA",
        ),
        ({"groups": "(2, <FG_ECHO>, <>, 0, 1)", "te_ms": (2, 6)}, "2 FG_ECHO for 3 frames"),
        (
            {"groups": "(3, <FG_CYCLE>, <>, 0, 1)", "te_ms": (5,), "more": OTHER_TIMES},
            "VisuAcqRepetitionTime",
        ),
        ({"groups": ""}, "3 frames without frame groups"),
        ({"frame_type": "PHASE_IMAGE"}, "PHASE_IMAGE"),
        ({"skip": ("VisuCoreSize",)}, "visu_pars"),
        ({"skip": ("VisuAcqEchoTime",)}, "VisuAcqEchoTime"),
        ({"skip": ("VisuCoreWordType",)}, "visu_pars"),
        ({"skip": ("VisuCoreDataSlope",)}, "VisuCoreDataSlope"),
        ({"more": {"VisuCoreDataSlope": "( 2 )\n1 2"}}, "2 values of VisuCoreDataSlope for 3 frames"),
        ({"more": {"VisuCoreDataSlope": "( 3 )\n1 0 2"}}, "VisuCoreDataSlope of 0"),
        ({"more": {"VisuCoreTransposition": "( 3 )\n0 1 0"}}, "VisuCoreTransposition 0 1 0"),
        ({"more": {"VisuAcqEchoSequenceType": "GradientEcho"}}, "gradient echoes"),
        ({"more": {"VisuCoreDimDesc": "( 2 )\nspectroscopic spatial"}}, "spectroscopic"),
        ({"more": {"VisuCoreUnits": "( 2, 65 )\n<mm> <ppm>"}}, "ppm"),
        ({"more": {"VisuCoreExtent": "( 2 )\n1 0"}}, "VisuCoreExtent"),
        ({"more": {"VisuCoreSize": "( 3 )\n4 6"}}, "damaged VisuCoreSize"),
        ({"more": {"VisuCoreFrameCount": "many"}}, "VisuCoreFrameCount = 'many'"),
    ],
)
def test_what_cannot_be_read_is_refused(write_scan, change, words):
    arguments = {"groups": ECHOES, "te_ms": TE_MS, "extent_mm": (1, 1), **change}
    scan = write_scan(stored_frames(3), **arguments)
    with pytest.raises(InputError, match=words):
        open_image(scan, "mri")


def test_unequal_slices_are_refused(write_scan):
    positions = ((0, 0, 0), (0, 0, 1), (0, 0, 3))
    scan = write_scan(stored_frames(3), "(3, <FG_SLICE>, <>, 0, 2)", (5,), (1, 1), positions=positions)
    with pytest.raises(InputError, match="slice gaps"):
        open_image(scan, "mri")


def test_slices_of_several_directions_are_refused(write_scan):
    more = {"VisuCoreOrientation": "( 2, 9 )\n1 0 0 0 1 0 0 0 1 1 0 0 0 0 -1 0 1 0"}
    positions = ((0, 0, 0), (0, 0, 1))
    scan = write_scan(
        stored_frames(2), "(2, <FG_SLICE>, <>, 0, 2)", (5,), (1, 1), positions=positions, more=more
    )
    with pytest.raises(InputError, match="different directions"):
        open_image(scan, "mri")


def test_cut_file_names_its_bytes(write_scan):
    scan = write_scan(stored_frames(3), ECHOES, TE_MS, (1, 1))
    image = scan / "pdata" / "1" / "2dseq"
    image.write_bytes(image.read_bytes()[:-2])
    with pytest.raises(InputError, match=r"142 bytes.*144 bytes"):
        probe_image(scan, "mri")


def test_missing_parts_are_named(write_scan, tmp_path):
    scan = write_scan(stored_frames(3), ECHOES, TE_MS, (1, 1))
    (scan / "pdata" / "1" / "visu_pars").unlink()
    with pytest.raises(InputError, match="no visu_pars"):
        open_image(scan, "mri")
    shutil.rmtree(scan / "pdata")
    (scan / "fid").write_bytes(b"")
    with pytest.raises(InputError, match=r"raw data without a reconstruction \(fid\)"):
        open_image(scan, "mri")
