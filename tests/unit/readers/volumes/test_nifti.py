from __future__ import annotations

import nibabel
import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from tests.unit.readers.volumes.volume_files import volume


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
