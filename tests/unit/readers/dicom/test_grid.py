from __future__ import annotations

import itertools

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from tests.unit.readers.dicom.dicom_writer import AXIAL, TE_MS, images, write_slice


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


@pytest.mark.parametrize(
    ("absent", "found"),
    [
        ({(1, 2)}, r"echo 6\.5 ms, slice 3 at 1 mm"),
        ({(e, 1) for e in range(3)}, r"no slice at 0\.5 mm"),
    ],
)
def test_what_is_missing_is_named(tmp_path, absent, found):
    for e, z in itertools.product(range(3), range(4)):
        if (e, z) not in absent:
            write_slice(tmp_path / f"{e}{z}", images(e), TE_MS[e], (0, 0, 0.5 * z), EchoNumbers=e + 1)
    with pytest.raises(InputError, match=found):
        probe_image(tmp_path, "mri")


def test_missing_repetition_is_named(tmp_path):
    for n, e in enumerate((0, 1, 2, 0, 2)):
        write_slice(tmp_path / f"{n}", images(n), TE_MS[e])
    with pytest.raises(InputError, match=r"echo 6\.5 ms \(1 of 2 repetitions\)"):
        probe_image(tmp_path, "mri")


def test_images_that_do_not_belong_together_are_refused(tmp_path):
    write_slice(tmp_path / "a", images(0), 2.0)
    for stored, said, found in {
        "size": (np.zeros((5, 6), np.uint16), {}, "5x6"),
        "pixel": (images(1), {"PixelSpacing": [0.2, 0.2]}, "pixel size"),
        "direction": (images(1), {"axes": AXIAL[:, [1, 2, 0]]}, "direction"),
        "scaling": (images(1), {"RescaleSlope": 2.0}, "the same for all"),
        "shift": (images(1), {"position": (0.3, 0.0, 1.0), "te_ms": 2.0}, "shifted"),
        "position": (images(1), {"skip": ("ImagePositionPatient",), "te_ms": 2.0}, "without a position"),
    }.values():
        write_slice(tmp_path / "b", stored, **{"te_ms": 6.5, **said})
        with pytest.raises(InputError, match=found):
            probe_image(tmp_path, "mri")


def test_the_same_image_twice_is_no_repetition(tmp_path):
    ds = write_slice(tmp_path / "a", images(0))
    ds.save_as(tmp_path / "copy of a", enforce_file_format=True)
    with pytest.raises(InputError, match=r"twice.*copy of a"):
        probe_image(tmp_path, "mri")


@pytest.mark.parametrize(
    "numbers",
    [(15, 1, 7), (3, 2, 1), (1, 1, 1), (None, None, None), (1, None, 3), (0, 5, 9), (1, 3, 9), (-1, -2, -3)],
)
def test_echo_numbers_that_prove_nothing_do_not_matter(tmp_path, numbers):
    for e, number in enumerate(numbers):
        said = {} if number is None else {"EchoNumbers": number}
        write_slice(tmp_path / f"{e}", images(e), TE_MS[e], **said)
    image = open_image(tmp_path, "mri")
    assert image.meta["te_ms"] == TE_MS
    np.testing.assert_array_equal(image.data, [images(e) for e in range(3)])
    assert not image.warnings
    if numbers[0] in (15, 3):  # numbers that do not rise with the echo time are no train's
        assert image.meta["train"] == "unknown"


@pytest.mark.parametrize(
    ("kept", "said"), [((1, 2, 5), "none of 3, 4"), ((2, 3), "none of 1"), ((1, 15), "...")]
)
def test_numbers_and_times_that_agree_on_missing_echoes_are_reported(tmp_path, kept, said):
    for n in kept:
        write_slice(tmp_path / f"{n}", images(n), 9.64 * n, EchoNumbers=n)
    image = open_image(tmp_path, "mri")
    assert image.meta["te_ms"] == pytest.approx([9.64 * n for n in kept])
    (warning,) = image.warnings
    assert "of a train of 9.64 ms" in warning.found
    assert warning.found.endswith(said)


def test_several_echo_numbers_with_one_echo_time_are_refused(tmp_path):
    for n in range(3):
        write_slice(tmp_path / f"{n}", images(n), 10.0, EchoNumbers=n + 1)
    with pytest.raises(InputError, match="echo numbers 1, 2, 3 with one echo time, 10 ms"):
        probe_image(tmp_path, "mri")


@pytest.mark.parametrize(
    "te_ms", [(0.010, 0.020, 0.030), (0.002, 0.0065, 0.011), (0.010, 20, 30), (2e4, 3e4, 4e4)]
)
def test_echo_times_of_another_unit_are_refused_by_file(tmp_path, te_ms):
    for e in range(3):
        write_slice(tmp_path / f"IM{e}", images(e), te_ms[e])
    for call in (probe_image, open_image):
        with pytest.raises(InputError, match=r"EchoTime of IM0.*seconds") as caught:
            call(tmp_path, "mri")
        assert str(tmp_path) in caught.value.source_label


@pytest.mark.parametrize("said", [{"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]}, {"Modality": "MR"}])
def test_a_localizer_or_a_second_run_beside_the_echoes_is_refused_in_words(tmp_path, said):
    for e in range(3):
        write_slice(tmp_path / f"{e}", images(e), TE_MS[e])
    write_slice(tmp_path / "other", images(9), 2.0, series="1.2.3", **said)
    if "ImageType" in said:  # phase images are a series of their own with some vendors
        assert open_image(tmp_path, "mri").meta["left_out"] == {"phase": 1}
        return
    with pytest.raises(InputError, match=r"2 series, SeriesInstanceUID .*1\.2\.3"):
        probe_image(tmp_path, "mri")


def test_slices_far_apart_are_refused_without_a_list_of_all_between(tmp_path):
    for z, position in enumerate((0.0, 0.002, 1e6)):
        write_slice(tmp_path / f"{z}", images(z), 2.0, (0, 0, position))
    with pytest.raises(InputError, match=r"slice gaps .*no slice at"):
        probe_image(tmp_path, "mri")
