from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from tests.unit.readers.dicom.dicom_writer import TE_MS, images, write_multiframe, write_slice


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
    signal[0] = 600.0
    for n, (te, scale, rescale) in enumerate([(2.0, 0.5, 1.7), (6.5, 2.0, 0.4)]):
        folder = tmp_path / f"te{n}"
        stored = (signal * scale).astype(np.uint16)
        ds = write_slice(folder / "a", stored, te, series=generate_uid(), Manufacturer="Philips")
        ds.RescaleSlope, ds.RescaleIntercept = rescale, 0
        ds.ImageType = ["ORIGINAL", "PRIMARY", "M_SE", "M", "SE"]
        private(ds, 0x2005, "Philips MR Imaging DD 001", 0x0E, "FL", scale)
        ds.save_as(folder / "a", enforce_file_format=True)
    image = open_image(tmp_path, "mri")
    np.testing.assert_allclose(image.data, [signal, signal])
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


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"te_ms": None}, "no echo time"),
        ({"te_ms": 0.0065}, "seconds"),
        ({"RescaleSlope": 0.0}, "slope 0"),
        ({"Modality": "CT"}, "modality CT"),
        ({"SamplesPerPixel": 3}, "3 samples"),
        ({"PixelSpacing": [0.1, 0.2, 0.3]}, "2 finite numbers"),
    ],
)
def test_headers_that_cannot_be_used(tmp_path, said, found):
    write_slice(tmp_path / "a", images(0), **said)
    with pytest.raises(InputError, match=found):
        probe_image(tmp_path, "mri")


def test_pixel_size_that_no_header_says(tmp_path):
    stored = images(0)
    write_slice(tmp_path / "a", stored, skip=("PixelSpacing",))
    with pytest.raises(InputError, match="pixel size"):
        open_image(tmp_path, "mri")
    assert open_image(tmp_path, "mri", 25.0).spacing_um == (25.0, 25.0)


def test_damaged_values_in_a_header(tmp_path):
    write_slice(tmp_path / "a", images(0), 6.5)
    content = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(content.replace(b"6.5 ", b"6,5 "))
    with pytest.raises(InputError, match="a damaged DICOM"):
        probe_image(tmp_path / "a", "mri")


def test_gradient_echoes_are_refused(tmp_path):
    for number, te_ms in enumerate(TE_MS):
        path = tmp_path / f"{number}.dcm"
        write_slice(path, images(1), te_ms=te_ms)
        header = pydicom.dcmread(path)
        header.ScanningSequence = ["GR"]
        header.save_as(path)
    with pytest.raises(InputError, match=r"gradient echoes.*spin echoes"):
        probe_image(tmp_path, "mri")
