from __future__ import annotations

import struct

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from tests.unit.readers.volumes.volume_files import FUZZ_EXAMPLES, opened_or_refused, volume


def test_a_nifti_header_without_unit_says_no_size_and_its_slope_is_applied(tmp_path):
    image = nibabel.Nifti1Image(np.ascontiguousarray(volume().T), np.diag([3.0, 4.0, 5.0, 1.0]))
    image.header.set_slope_inter(0.5, -3.0)
    nibabel.save(image, tmp_path / "a.nii")
    assert probe_image(tmp_path / "a.nii", "xct").spacing_um is None
    read = open_image(tmp_path / "a.nii", "xct", 1.0)
    expected = np.asarray(nibabel.load(tmp_path / "a.nii").dataobj).T  # type: ignore[attr-defined]
    assert read.data.dtype == np.float32
    np.testing.assert_allclose(read.data, expected, rtol=1e-6)


def test_a_nifti_of_four_dimensions_is_no_tomogram(tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 5, 6, 2), np.uint8), np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(InputError, match="three dimensions"):
        probe_image(tmp_path / "a.nii", "xct", 1.0)


def nifti(path, changes=(), unit="micron", dtype="<u2"):
    """Write a volume and then overwrite bytes of its header: (position, format, value)."""
    image = nibabel.Nifti1Image(np.ascontiguousarray(volume().T).astype(dtype), np.diag([3.0, 4.0, 5.0, 1.0]))
    image.header.set_xyzt_units(unit)
    nibabel.save(image, path)
    content = bytearray(path.read_bytes())
    for position, code, *values in changes:
        struct.pack_into(code, content, position, *values)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "changes",
    [
        [(42, "<3h", 32_767, 32_767, 32_767)],
        [(42, "<3h", 7, 9, 10)],
        [(42, "<h", -7)],
        [(40, "<h", 100)],
        [(70, "<h", 99)],
        [(80, "<3f", 0.0, 4.0, 5.0)],
        [(80, "<3f", np.nan, 4.0, 5.0)],
        [(108, "<f", -100.0)],
        [(108, "<f", 0.0)],
        [(108, "<f", 1e12)],
        [(108, "<f", np.nan)],
        [(112, "<2f", 2.0, np.inf)],
        [(112, "<2f", np.inf, 1.0)],
        [(344, "<4s", b"none")],
        [(280, "<4f", np.nan, 0, 0, 0)],
    ],
)
def test_headers_that_lie_are_refused(tmp_path, changes):
    with pytest.raises(InputError, match=r"a\.nii"):
        open_image(nifti(tmp_path / "a.nii", changes), "xct")


@pytest.mark.parametrize("slope", [0.0, np.nan])
def test_a_slope_of_zero_or_nan_means_none(tmp_path, slope):
    image = open_image(nifti(tmp_path / "a.nii", [(112, "<2f", slope, 5.0)]), "xct")
    np.testing.assert_array_equal(image.data, volume())
    assert image.data.dtype == np.uint16


def test_big_endian_and_millimetres(tmp_path):
    image = nibabel.Nifti1Image(
        np.ascontiguousarray(volume().T).astype(">u2"),
        np.diag([0.003, 0.004, 0.005, 1.0]),
        nibabel.Nifti1Header(endianness=">"),
    )
    image.header.set_xyzt_units("mm")
    nibabel.save(image, tmp_path / "a.nii")
    read = open_image(tmp_path / "a.nii", "xct")
    np.testing.assert_array_equal(read.data, volume())
    assert read.spacing_um == pytest.approx((5.0, 4.0, 3.0))


def test_micrometres_that_the_header_calls_millimetres_are_refused(tmp_path):
    with pytest.raises(
        InputError, match=r"a\.nii, 'pixdim' \(in mm\): found a pixel size of 5000, 4000, 3000 um"
    ):
        probe_image(nifti(tmp_path / "a.nii", unit="mm"), "xct")
    with pytest.raises(InputError, match=r"no pixel size .*no unit of length in 'xyzt_units'"):
        open_image(nifti(tmp_path / "a.nii", unit="unknown"), "xct")


@settings(max_examples=FUZZ_EXAMPLES, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 347), st.integers(0, 255)), min_size=1, max_size=6))
def test_nothing_but_input_errors_comes_out_of_any_header(tmp_path_factory, changes):
    path = tmp_path_factory.getbasetemp() / "fuzz.nii"
    opened_or_refused(nifti(path, [(position, "<B", value) for position, value in changes]))
