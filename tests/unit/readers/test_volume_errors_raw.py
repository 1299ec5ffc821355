"""Headers of MetaImage, NRRD, NIfTI and .vgi: entries that cannot be used, units that are missing."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from tests.unit.readers.volume_files import LAYOUTS, itk, replace_in, vgi, volume


@pytest.mark.parametrize(
    ("layout", "old", "new", "found"),
    [
        ("mhd", "DimSize = 7 9 11", "DimSize = 7 9", "DimSize"),
        ("mhd", "MET_USHORT", "MET_STRING", "MET_STRING"),
        ("mhd", "ElementType", "ElementNumberOfChannels = 3\nElementType", r"3 channel"),
        ("mhd", "BinaryData = True", "BinaryData = False", "text"),
        ("mhd", "ElementSpacing = 0.003", "ElementSpacing = -0.003", "ElementSpacing"),
        ("mhd", "1 0 0 0 1 0 0 0 1", "1 0 0 0.5 1 0 0 0 1", "right angles"),
        ("mhd", "ElementDataFile = scan.raw", "ElementDataFile = LIST", "LIST"),
        ("mhd", "ElementDataFile = scan.raw", "", "no entry ElementDataFile"),
        ("nhdr", "sizes: 7 9 11", "sizes: 7 9 x", "sizes"),
        ("nhdr", "dimension: 3", "dimension: 4", "4 dimensions"),
        ("nhdr", "unsigned short", "block", "block"),
        ("nhdr", "encoding: raw", "encoding: ascii", "ascii"),
        ("nhdr", "endian: little", "endian: middle", "endian"),
        ("nhdr", "(0,0.0040000000000000001,0)", "(0.003,0.004,0)", "right angles"),
        ("nhdr", "NRRD0004", "nothing", "begins with NRRD"),
    ],
)
def test_headers_that_cannot_be_used_are_told_with_the_entry(tmp_path, layout, old, new, found):
    path, _ = LAYOUTS[layout](tmp_path, volume())
    replace_in(path, old, new)
    with pytest.raises(InputError, match=found):
        probe_image(path, "xct", 1.0)


@pytest.mark.parametrize("suffix", [".mha", ".nrrd", ".nii"])
def test_one_millimetre_all_round_is_what_nobody_set(tmp_path, suffix):
    """Libraries write that spacing where they know none; a pixel size is never guessed."""
    path = tmp_path / f"scan{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(volume()), str(path))
    assert probe_image(path, "xct").spacing_um is None
    with pytest.raises(InputError, match="no pixel size"):
        open_image(path, "xct")


def test_units_of_metaimage_and_nrrd(tmp_path):
    path, _ = itk(".mhd")(tmp_path, volume())
    replace_in(path, "ObjectType", "DistanceUnits = um\nObjectType")
    assert probe_image(path, "xct").spacing_um == pytest.approx((0.005, 0.004, 0.003))
    path, _ = itk(".nhdr")(tmp_path, volume())
    replace_in(path, "kinds:", 'space units: "nm" "nm" "nm"\nkinds:')
    assert probe_image(path, "xct").spacing_um == pytest.approx((5e-6, 4e-6, 3e-6))
    text = path.read_text().splitlines()
    kept = [line for line in text if not line.startswith("space")]
    path.write_text("\n".join([*kept, "spacings: 0.1 0.2 0.3", 'units: "um" "um" "um"']) + "\n")
    assert probe_image(path, "xct").spacing_um == pytest.approx((0.3, 0.2, 0.1))
    path.write_text(path.read_text() + "space: left-anterior-superior\n")
    assert probe_image(path, "xct").meta["slices_reversed"] is True


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


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("Size = 7 9 11", "Size = 7 9", "Size"),
        ("Datatype = unsigned integer", "Datatype = complex", "complex"),
        ("BitsPerElement = 16", "BitsPerElement = 12", "12 bits"),
        ("FileFormat = raw", "FileFormat = jpeg", "jpeg"),
        ("SkipHeader = 6", "SkipHeader = 0", "1392 bytes.*1386 bytes"),
        ("SkipHeader = 6", "SkipHeader = x", "'x' bytes"),
        ("resolution = 0.003 0.004 0.005", "resolution = a", "resolution"),
        ("{volumeprimitive12}", "[file2]\n", "2 raw files"),
    ],
)
def test_a_vgi_that_cannot_be_used_is_told_with_the_entry(tmp_path, old, new, found):
    path, _ = vgi(tmp_path, volume())
    replace_in(path, old, new)
    with pytest.raises(InputError, match=rf"scan\.(vgi|vol).*{found}"):
        probe_image(path, "xct", 1.0)


def test_a_short_vgi_is_enough(tmp_path):
    """Only the file's section, a type whose word says its bits, and one resolution for all axes."""
    data = volume("float32")
    (tmp_path / "a.raw").write_bytes(data.tobytes())
    text = "{volume1}\n[file1]\nSize = 7 9 11\nDatatype = float\nName = a.raw\n"
    (tmp_path / "a.vgi").write_text(text)
    assert probe_image(tmp_path / "a.vgi", "xct").spacing_um is None
    (tmp_path / "a.vgi").write_text(text + "[geometry]\nresolution = 4.66\nunit = um\n")
    image = open_image(tmp_path / "a.vgi", "xct")
    np.testing.assert_array_equal(image.data, data)
    assert image.spacing_um == (4.66, 4.66, 4.66)
