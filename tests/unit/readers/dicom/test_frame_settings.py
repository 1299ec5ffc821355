from __future__ import annotations

import numpy as np
import pydicom
import pytest

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from tests.unit.readers.dicom.dicom_writer import TE_MS, images, write_slice


@pytest.mark.parametrize(
    ("keyword", "values", "found"),
    [
        ("RepetitionTime", (100, 300), "repetition time 300, unlike 100"),
        ("NumberOfAverages", (1, 4), "number of averages 4, unlike 1"),
        ("SliceThickness", (1, 2), "slice thickness 2, unlike 1"),
        ("MagneticFieldStrength", (3, 1.5), "field strength 1.5, unlike 3"),
        ("InversionTime", (50, 60), "inversion time 60, unlike 50"),
        ("DiffusionBValue", (0, 1000), "diffusion weighting 1000, unlike 0"),
        ("PatientID", ("cell a", "cell b"), "patient cell b, unlike cell a"),
        ("ReceiveCoilName", ("C:1", "C:2"), "receive coil C:2, unlike C:1"),
        (
            "ImageType",
            (["ORIGINAL", "PRIMARY", "M"], ["ORIGINAL", "PRIMARY", "M", "NORM"]),
            "processing NORM",
        ),
    ],
)
@pytest.mark.parametrize("same_echo", [True, False])
def test_images_of_other_settings_are_no_echoes_and_no_repetitions(
    tmp_path, keyword, values, found, same_echo
):
    for n, value in enumerate(values):
        write_slice(tmp_path / f"{n}", images(n), TE_MS[0 if same_echo else n], **{keyword: value})
    with pytest.raises(InputError, match=found) as caught:
        probe_image(tmp_path, "mri")
    assert "1 with" in caught.value.found


def test_a_second_run_with_another_flip_angle_is_no_repetition(tmp_path):
    for run, angle in enumerate((180, 120)):
        for e in range(3):
            path = tmp_path / f"run{run}" / f"{e}"
            write_slice(path, images(e), TE_MS[e], series=f"1.{run}", FlipAngle=angle)
    with pytest.raises(InputError, match="flip angle 120, unlike 180"):
        probe_image(tmp_path, "mri")


def test_a_second_run_that_is_alike_is_a_repetition(tmp_path):
    stored = images(1, 2, 3)
    for run in range(2):
        for e in range(3):
            path = tmp_path / f"run{run}" / f"{e}"
            write_slice(path, stored[run, e], TE_MS[e], series=f"1.{run}", RepetitionTime=100)
    image = open_image(tmp_path, "mri")
    assert (image.meta["te_ms"], image.meta["repetitions"]) == (TE_MS * 2, 2)
    np.testing.assert_array_equal(image.data, stored.reshape(6, 5, 4))


def test_settings_that_one_train_may_vary_or_leave_out_do_not_matter(tmp_path):
    for e in range(3):
        write_slice(tmp_path / f"{e}", images(e), TE_MS[e], FlipAngle=180 - e, SliceThickness=1 + 1e-6 * e)
    ds = pydicom.dcmread(tmp_path / "2")
    del ds.SliceThickness
    ds.save_as(tmp_path / "2")
    assert probe_image(tmp_path, "mri").meta["te_ms"] == TE_MS
