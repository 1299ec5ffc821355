from __future__ import annotations

import itertools

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import JPEGLSLossless, RLELossless
from scipy.spatial.transform import Rotation

from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, probe_image
from tests.unit.readers.dicom.dicom_writer import TE_MS, images, write_multiframe, write_slice


@pytest.mark.parametrize("seed", range(5))
def test_names_and_folders_do_not_matter_and_slices_are_right_handed(tmp_path, seed):
    rng = np.random.default_rng(seed)
    axes = Rotation.random(random_state=seed).as_matrix()  # columns: own x, y, z of a right-handed frame
    stored, origin = images(seed, 3, 4), rng.normal(size=3) * 30
    names = [f"{a}{b}" for a, b in itertools.product("abc", ["/IM1", ".dcm", "_", "/deep/er/x"])]
    cells = list(itertools.product(range(3), range(4)))
    for name, k in zip(names, rng.permutation(12), strict=True):
        e, z = cells[k]
        position = origin + 0.35 * z * axes[:, 2]
        write_slice(tmp_path / f"n{name}", stored[e, z], TE_MS[e], position, axes)
    image = open_image(tmp_path, "mri")
    assert image.axes == ("echo", "z", "y", "x")
    assert image.data.dtype == np.float32
    np.testing.assert_array_equal(image.data, stored)
    assert image.spacing_um == pytest.approx((350.0, 200.0, 100.0))
    assert image.meta["te_ms"] == TE_MS
    np.testing.assert_allclose(image.meta["position_mm"], origin, atol=1e-6)
    np.testing.assert_allclose(np.reshape(image.meta["orientation"], (3, 3)), axes.T, atol=1e-6)
    assert len(input_files(tmp_path, "mri")) == 12
    assert probe_image(tmp_path, "mri").shape == (3, 4, 5, 4)


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_scaling_of_every_frame_is_applied(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("scaled")
    kind = data.draw(st.sampled_from([np.uint16, np.int16]))
    limits = np.iinfo(kind)
    slopes = data.draw(st.lists(st.floats(1e-3, 50.0), min_size=3, max_size=3))
    intercepts = data.draw(st.lists(st.floats(-100.0, 100.0), min_size=3, max_size=3))
    seed = data.draw(st.integers(0, 2**31))
    stored = (
        np.random.default_rng(seed).integers(limits.min, limits.max, (3, 3, 6), endpoint=True).astype(kind)
    )
    slopes, intercepts = ([float(f"{v:.8g}") for v in values] for values in (slopes, intercepts))
    for e in range(3):
        said = {"RescaleSlope": slopes[e], "RescaleIntercept": intercepts[e]}
        write_slice(folder / f"{e}.dcm", stored[e], TE_MS[e], ImageType=["ORIGINAL", "PRIMARY", "R"], **said)
    image = open_image(folder, "mri")
    expected = stored * np.array(slopes)[:, None, None] + np.array(intercepts)[:, None, None]
    np.testing.assert_allclose(image.data, expected, rtol=1e-6, atol=1e-4)
    assert image.meta["scaling"] == "rescale slope and intercept"


@pytest.mark.parametrize("seed", range(3))
def test_multiframe_with_scale_and_echo_time_of_each_frame(tmp_path, seed):
    rng = np.random.default_rng(seed)
    axes = Rotation.random(random_state=seed + 10).as_matrix()
    order = rng.permutation(12)
    stored, slopes = images(seed, 12), [float(f"{v:.6g}") for v in rng.uniform(0.1, 3, 12)]
    frames = []
    for k, slope in zip(order, slopes, strict=True):
        e, z = divmod(int(k), 4)
        frames.append(
            {"te_ms": TE_MS[e], "position": 0.5 * z * axes[:, 2], "slope": slope, "intercept": float(e)}
        )
    write_multiframe(tmp_path / "scan", frames, stored, axes, ResonantNucleus="23NA", Manufacturer="Bruker")
    for path in (tmp_path / "scan", tmp_path):
        image = open_image(path, "mri")
        assert image.data.shape == (3, 4, 5, 4)
        for number, k in enumerate(order):
            e, z = divmod(int(k), 4)
            np.testing.assert_allclose(image.data[e, z], stored[number] * slopes[number] + e, rtol=1e-6)
    assert image.spacing_um == pytest.approx((500.0, 200.0, 100.0))
    assert image.meta["te_ms"] == TE_MS  # float32 of 6.5 and 11 are exact; the next test has one that is not
    assert image.meta["nucleus"] == "23Na"
    assert image.meta["vendor"] == "Bruker"


def test_real_and_imaginary_parts_become_complex(tmp_path):
    stored = images(4, 6)
    frames = [
        {
            "te_ms": TE_MS[n % 3],
            "position": (0, 0, 0),
            "component": "REAL" if n < 3 else "IMAGINARY",
            "intercept": -2000,
        }
        for n in range(6)
    ]
    write_multiframe(tmp_path / "a.dcm", frames, stored)
    image = open_image(tmp_path, "mri")
    assert image.data.dtype == np.complex64
    np.testing.assert_array_equal(image.data, (stored[:3] - 2000.0) + 1j * (stored[3:] - 2000.0))
    assert image.meta["magnitude"] is False
    assert probe_image(tmp_path, "mri").dtype == "complex64"


def test_parts_that_do_not_pair_and_phase_alone_are_refused(tmp_path):
    parts = [("REAL", 2.0), ("REAL", 6.5), ("IMAGINARY", 2.0)]
    frames = [{"te_ms": te, "position": (0, 0, 0), "component": part} for part, te in parts]
    write_multiframe(tmp_path / "pair" / "a.dcm", frames, images(4, 3))
    with pytest.raises(InputError, match="imaginary parts at"):
        probe_image(tmp_path / "pair", "mri")
    write_slice(tmp_path / "phase" / "a", images(5), ImageType=["ORIGINAL", "PRIMARY", "P"])
    with pytest.raises(InputError, match="1 phase"):
        probe_image(tmp_path / "phase", "mri")


def test_mixed_series_are_refused_by_name(tmp_path):
    for n in range(3):
        write_slice(tmp_path / f"{n}", images(n), TE_MS[n], series=f"1.2.{n % 2}")
    with pytest.raises(InputError, match=r"2 series, SeriesInstanceUID 1\.2\.0 .*1\.2\.1"):
        probe_image(tmp_path, "mri")


def test_one_folder_for_each_echo_time_is_a_set_of_separate_echoes(tmp_path):
    stored = images(7, 3, 2)
    for e, name in enumerate(("te_20", "te_3", "te_100")):
        for z in range(2):
            write_slice(
                tmp_path / "study" / name / f"i{z}",
                stored[e, z],
                TE_MS[e],
                (0, 0, z),
                series=f"1.2.{e}",
                AcquisitionDate="20260101",
                AcquisitionTime=f"10{e}000",
                EchoTrainLength=1,
                EchoNumbers=1,
                SequenceName="*se2d1",
            )
    image = open_image(tmp_path, "mri")
    np.testing.assert_array_equal(image.data, stored)
    assert image.meta["train"] == "separate"
    assert image.meta["series"] == ("1.2.0", "1.2.1", "1.2.2")


def test_a_converted_classic_file_keeps_its_echo_times(tmp_path):
    frames = [{"te_ms": te, "position": (0, 0, 0)} for te in TE_MS]
    write_multiframe(tmp_path / "a", frames, images(0, 3))
    ds = pydicom.dcmread(tmp_path / "a")
    for group, te in zip(ds.PerFrameFunctionalGroupsSequence, TE_MS, strict=True):
        del group.MREchoSequence
        classic = Dataset()
        classic.EchoTime = te
        group.UnassignedPerFrameConvertedAttributesSequence = [classic]
    ds.save_as(tmp_path / "a")
    assert open_image(tmp_path, "mri").meta["te_ms"] == TE_MS


def test_files_without_an_image_are_left_out(tmp_path):
    write_slice(tmp_path / "a", images(0))
    absent = ("Rows", "Columns", "PixelData")
    write_slice(tmp_path / "report", images(1), skip=absent, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11")
    (tmp_path / "notes.txt").write_text("no DICOM")
    assert open_image(tmp_path, "mri").meta["left_out"] == {"files without an image": 1}


def test_damaged_files_are_refused(tmp_path):
    write_slice(tmp_path / "good", np.zeros((40, 40), np.uint16))
    content = (tmp_path / "good").read_bytes()
    for name, damaged in {
        "cut": content[:-1000],
        "stump": content[:200],
        "text.dcm": b"no DICOM at all",
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.dcm").write_bytes(damaged)
        for call in (probe_image, open_image):
            with pytest.raises(InputError, match=r"a\.dcm"):
                call(tmp_path / name, "mri")
    frames = [{"te_ms": te, "position": (0, 0, 0)} for te in TE_MS]
    write_multiframe(tmp_path / "frames" / "a", frames, images(0, 4), NumberOfFrames=4)
    with pytest.raises(InputError, match="3 frames"):
        probe_image(tmp_path / "frames", "mri")


def test_a_file_cut_anywhere_is_refused(tmp_path):
    frames = [{"te_ms": te, "position": (0, 0, 0)} for te in TE_MS]
    write_multiframe(tmp_path / "a.dcm", frames, images(0, 3))
    content = (tmp_path / "a.dcm").read_bytes()
    for length in range(0, len(content), 11):
        (tmp_path / "a.dcm").write_bytes(content[:length])
        with pytest.raises(InputError, match=r"a\.dcm"):
            open_image(tmp_path / "a.dcm", "mri")


def test_compressed_pixels(tmp_path):
    """Run lengths are read; a syntax that nothing here decodes is refused before any pixel is read."""
    stored = images(8)
    ds = write_slice(tmp_path / "rle" / "a", stored)
    ds.compress(RLELossless, generate_instance_uid=False)
    ds.save_as(tmp_path / "rle" / "a", enforce_file_format=True)
    np.testing.assert_array_equal(open_image(tmp_path / "rle", "mri").data[0], stored)
    write_slice(tmp_path / "lossy", stored, LossyImageCompression="01")
    with pytest.raises(InputError, match="with loss"):
        probe_image(tmp_path / "lossy", "mri")
    ds = write_slice(tmp_path / "jls" / "a", stored)
    ds.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8\xff\xf7"])
    ds["PixelData"].VR = "OB"
    ds.file_meta.TransferSyntaxUID = JPEGLSLossless
    ds.save_as(tmp_path / "jls" / "a", enforce_file_format=True)
    with pytest.raises(InputError, match="JPEG-LS"):
        probe_image(tmp_path / "jls", "mri")
