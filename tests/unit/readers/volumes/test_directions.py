from __future__ import annotations

import numpy as np
import pytest

from spallmap.readers import open_image, open_volume
from tests.unit.readers.volumes.volume_files import itk, volume

ROTATION = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


@pytest.mark.parametrize("suffix", [".mha", ".nrrd", ".nhdr", ".nii", ".nii.gz"])
@pytest.mark.parametrize(("rotation", "mirrored"), [(ROTATION, False), (np.diag([1.0, 1.0, -1.0]), True)])
def test_rotations_stay_as_stored_and_mirror_images_have_their_slices_reversed(
    tmp_path, suffix, rotation, mirrored
):
    data = volume()
    path, spacing = itk(suffix, rotation=rotation)(tmp_path, data)
    image = open_image(path, "xct")
    np.testing.assert_array_equal(image.data, data[::-1] if mirrored else data)
    assert image.meta["slices_reversed"] is mirrored
    assert image.spacing_um == pytest.approx(spacing, rel=1e-6)
    with open_volume(path) as source:
        part = (slice(1, 4), slice(2, 7), slice(0, 3))
        np.testing.assert_array_equal(source.data[part], image.data[part])
