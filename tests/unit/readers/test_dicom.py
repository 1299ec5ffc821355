from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from scipy.spatial.transform import Rotation

from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, probe_image
from tests.unit.readers.dicom_writer import TE_MS, images, write_multiframe, write_slice


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
        write_slice(
            folder / f"{e}.dcm", stored[e], TE_MS[e], RescaleSlope=slopes[e], RescaleIntercept=intercepts[e]
        )
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


def test_echo_times_in_single_precision_become_what_was_meant(tmp_path):
    te_ms = (7.7, 53.9, 410.1)
    frames = [{"te_ms": te, "position": (0, 0, 0)} for te in te_ms]
    write_multiframe(tmp_path / "a.dcm", frames, images(0, 3))
    assert open_image(tmp_path, "mri").meta["te_ms"] == te_ms


def private(ds: Dataset, group: int, creator: str, element: int, vr: str, value: Any) -> None:
    ds.private_block(group, creator, create=True).add_new(element, vr, value)


def test_philips_private_scale_makes_series_comparable(tmp_path):
    """The same signal, shown with two display scales, comes out the same."""
    signal = np.full((5, 4), 1200.0)
    for n, (te, scale, rescale) in enumerate([(2.0, 0.5, 1.7), (6.5, 2.0, 0.4)]):
        folder = tmp_path / f"te{n}"
        stored = (signal * scale).astype(np.uint16)
        ds = write_slice(folder / "a", stored, te, series=generate_uid(), Manufacturer="Philips")
        ds.RescaleSlope, ds.RescaleIntercept = rescale, 0
        ds.ImageType = ["ORIGINAL", "PRIMARY", "M_SE", "M", "SE"]
        private(ds, 0x2005, "Philips MR Imaging DD 001", 0x0E, "FL", scale)
        ds.save_as(folder / "a", enforce_file_format=True)
    image = open_image(tmp_path, "mri")
    np.testing.assert_allclose(image.data, 1200.0)
    assert "Philips private" in image.meta["scaling"]


def test_separate_philips_series_without_the_private_scale_are_refused(tmp_path):
    for n, te in enumerate((2.0, 6.5)):
        write_slice(
            tmp_path / str(n) / "a", images(n), te, series=f"1.{n}", Manufacturer="Philips", RescaleSlope=2.0
        )
    with pytest.raises(InputError, match="private scale"):
        probe_image(tmp_path, "mri")


def test_real_world_values_where_nothing_else_scales(tmp_path):
    mapping = Dataset()
    mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = 0.25, 3.0
    stored = images(1)
    write_slice(tmp_path / "a", stored, RealWorldValueMappingSequence=[mapping])
    image = open_image(tmp_path, "mri")
    np.testing.assert_allclose(image.data[0], stored * 0.25 + 3.0)
    assert image.meta["scaling"] == "real world value mapping"


@pytest.mark.parametrize("vendor", ["SIEMENS", "Philips", "GE"])
def test_magnitude_alone_is_taken_and_said(tmp_path, vendor):
    stored = images(3, 2, 2)
    words = {"SIEMENS": ("M", "P"), "Philips": ("M_SE", "PHASE MAP"), "GE": ("OTHER", "OTHER")}[vendor]
    for e, part in itertools.product(range(2), range(2)):
        name = tmp_path / f"{vendor}{e}{part}"
        ds = write_slice(name, stored[e, part], TE_MS[e], Manufacturer=vendor)
        ds.ImageType = ["ORIGINAL", "PRIMARY", words[part], "ND"]
        if vendor == "GE":
            private(ds, 0x0043, "GEMS_PARM_01", 0x2F, "SS", part)
        ds.save_as(name, enforce_file_format=True)
    ds = write_slice(tmp_path / "map", stored[0, 0], 0.5)
    ds.ImageType = ["DERIVED", "PRIMARY", "T2 MAP", "T2"]
    ds.save_as(tmp_path / "map", enforce_file_format=True)
    image = open_image(tmp_path, "mri")
    np.testing.assert_array_equal(image.data, stored[:, 0])
    assert image.meta["magnitude"] is True
    assert image.meta["component"] == "magnitude"
    assert image.meta["left_out"] == {"phase": 2, "computed map": 1}


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


def test_repetitions_are_further_samples(tmp_path):
    stored = images(6, 2, 3)
    for n, (repetition, e) in enumerate(itertools.product(range(2), range(3))):
        write_slice(
            tmp_path / f"{5 - n}", stored[repetition, e], TE_MS[e], TemporalPositionIdentifier=repetition + 1
        )
    image = open_image(tmp_path, "mri")
    assert image.meta["te_ms"] == TE_MS * 2
    assert image.meta["repetitions"] == 2
    np.testing.assert_array_equal(image.data, stored.reshape(6, 5, 4))


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


@pytest.mark.parametrize(
    ("said", "train"),
    [
        ([{"EchoNumbers": n, "EchoTrainLength": 1} for n in (1, 2, 3)], "cpmg"),
        ([{"EchoTrainLength": 32, "AcquisitionTime": "101010"}] * 3, "cpmg"),
        ([{"ProtocolName": "T2map_MSME"}] * 3, "cpmg"),
        (
            [{"EchoTrainLength": 1, "AcquisitionTime": f"10{n}000", "EchoNumbers": 1} for n in range(3)],
            "separate",
        ),
        ([{"EchoTrainLength": 8, "AcquisitionTime": f"10{n}000"} for n in range(3)], "separate"),
        ([{"EchoTrainLength": 1, "AcquisitionTime": "101010"}] * 3, "unknown"),
        ([{}] * 3, "unknown"),
    ],
)
def test_train_or_separate_echoes(tmp_path, said, train):
    for n, header in enumerate(said):
        write_slice(tmp_path / f"{n}", images(n), TE_MS[n], **header)
    assert probe_image(tmp_path, "mri").meta["train"] == train


def test_one_echo_is_no_train(tmp_path):
    write_slice(tmp_path / "a", images(0), EchoTrainLength=32, EchoNumbers=1)
    assert probe_image(tmp_path / "a", "mri").meta["train"] == "unknown"


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
